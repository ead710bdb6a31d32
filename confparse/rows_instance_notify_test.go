package confparse

// notifyRows are the programs of an instance.
var notifyRows = []row{
	{"notify_backup", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Backup.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_backup /bin/false", `Notify.Backup.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_master", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Master.Argv=["/bin/true"]`, ""},
		{"/bin/true root root", `Notify.Master.Argv=["/bin/true"]; Notify.Master.Account.User=root; Notify.Master.Account.Group=root`, ""},
		{"/bin/true\nnotify_master /bin/false", `Notify.Master.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_fault", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Fault.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_fault /bin/false", `Notify.Fault.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_stop", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Stop.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_stop /bin/false", `Notify.Stop.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_deleted", customRow, []try{
		{"", "Notify.DeletedSet=true", ""},
		{"/bin/true", `Notify.Deleted.Argv=["/bin/true"]; Notify.DeletedSet=true`, ""},
		{"/bin/true\nnotify_deleted /bin/false", `Notify.Deleted.Argv=["/bin/true"]; Notify.DeletedSet=true`, "KA2006"},
	}},
	{"notify", customRow, []try{
		{"", "", "KA2002"},
		{" /bin/true", `Notify.Any.Argv=["/bin/true"]`, ""},
		{`"/bin/true 'a b'" root`, `Notify.Any.Argv=["/bin/true" "a b"]; Notify.Any.Account.User=root`, ""},
		{"/bin/true\nnotify /bin/false", `Notify.Any.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_master_rx_lower_pri", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.MasterRxLowerPrio.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_master_rx_lower_pri /bin/false", `Notify.MasterRxLowerPrio.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"smtp_alert", boolRow, []try{
		{"", "Notify.Mail=on", ""},
		{"off", "Notify.Mail=off", ""},
		{"maybe", "", "KA2013"},
	}},
	{"notify_priority_changes", boolRow, []try{
		{"", "Notify.PriorityChanges=on", ""},
		{"off", "Notify.PriorityChanges=off", ""},
		{"maybe", "", "KA2013"},
	}},
}

// syncGroupRows are those of vrrp_sync_group.
var syncGroupRows = []row{
	{"group", customRow, []try{
		{"{ VI_1 }", "", "KA2006"},
		{"{ }", "", "KA2006"},
	}},
	{"track_interface", customRow, []try{
		{"{ eth1 }", "TrackInterfaces[0].Interface=eth1", ""},
		{"{ eth1 weight -20\n eth2 weight 5 reverse }", "TrackInterfaces[0].Interface=eth1; TrackInterfaces[0].Weight=-20; TrackInterfaces[1].Interface=eth2; TrackInterfaces[1].Weight=5; TrackInterfaces[1].Reverse=true", ""},
	}},
	{"track_script", customRow, []try{
		{"{ chk }", "Tracking.Scripts[0].Name=chk", ""},
		{"{ chk weight 5 }", "Tracking.Scripts[0].Name=chk; Tracking.Scripts[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
		{"{ chk\n chk }", "Tracking.Scripts[0].Name=chk", "KA3006"},
	}},
	{"track_file", customRow, []try{
		{"{ load }", "Tracking.Files[0].Name=load; Tracking.Files[0].Weight=1", ""},
		{"{ load weight 5 }", "Tracking.Files[0].Name=load; Tracking.Files[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
	}},
	{"track_process", customRow, []try{
		{"{ web }", "Tracking.Processes[0].Name=web", ""},
		{"{ web weight 5 }", "Tracking.Processes[0].Name=web; Tracking.Processes[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
	}},
	{"track_bfd", customRow, []try{
		{"{ peer }", "Tracking.BFD[0].Name=peer", ""},
		{"{ peer weight 5 }", "Tracking.BFD[0].Name=peer; Tracking.BFD[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
	}},
	{"notify_backup", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Backup.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_backup /bin/false", `Notify.Backup.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_master", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Master.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_master /bin/false", `Notify.Master.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_fault", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Fault.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_fault /bin/false", `Notify.Fault.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_stop", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Stop.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_stop /bin/false", `Notify.Stop.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `Notify.Any.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify /bin/false", `Notify.Any.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"smtp_alert", boolRow, []try{
		{"", "Notify.Mail=on", ""},
		{"off", "Notify.Mail=off", ""},
		{"maybe", "", "KA2013"},
	}},
	{"global_tracking", flagRow, []try{
		{"", "TrackingWeight=true", "KA2005"},
		{"off", "TrackingWeight=true", "KA2005"},
	}},
	{"sync_group_tracking_weight", flagRow, []try{
		{"", "TrackingWeight=true", ""},
		{"off", "TrackingWeight=true", ""},
	}},
	{"notify_priority_changes", boolRow, []try{
		{"", "Notify.PriorityChanges=on", ""},
		{"off", "Notify.PriorityChanges=off", ""},
		{"maybe", "", "KA2013"},
	}},
}
