package confparse

// trackInterfaceItems are the words of track_interface.
var trackInterfaceItems = []itemRow{
	{"<IFNAME>", []try{
		{"eth2", "Interface=eth2", ""},
		{"eth0", "gone", "KA3017"},
		{"eth1\neth1", "", "KA3006"},
		{"abcdefghijklmnop", "gone", "KA2018"},
	}},
	{"weight", []try{
		{"eth1 weight -253", "Weight=-253", ""},
		{"eth1 weight 253", "Weight=253", ""},
		{"eth1 weight 254", "Weight=253", "KA2023"},
		{"eth1 weight -254", "Weight=-253", "KA2023"},
		{"eth1 weight 255", "", "KA2010"},
		{"eth1 weight 5 reverse", "Weight=5; Reverse=true", ""},
		{"eth1 weight 5 noreverse", "gone", "KA2020"},
		{"eth1 weight", "gone", "KA2003"},
		{"eth1 other", "gone", "KA2020"},
		{"eth1 weight x", "", "KA2010"},
	}},
}

// trackScriptItems are the words of track_script.
var trackScriptItems = []itemRow{
	{"<NAME>", []try{
		{"other", "gone", "KA3066"},
		{"chk\nchk", "", "KA3006"},
	}},
	{"weight", []try{
		{"chk weight 253", "Weight=253", ""},
		{"chk weight 254", "Weight=253", "KA2023"},
		{"chk weight -254", "Weight=-253", "KA2023"},
		{"chk weight 255", "", "KA2010"},
		{"chk weight 5 reverse", "Weight=5; Reverse=true", ""},
		{"chk weight 5 noreverse", "Weight=5", ""},
		{"chk weight 5 other", "gone", "KA2020"},
		{"chk weight x", "", "KA2010"},
	}},
}

// trackFileItems are the words of track_file.
var trackFileItems = []itemRow{
	{"<NAME>", []try{
		{"other", "gone", "KA3066"},
		{"load\nload", "", "KA3006"},
	}},
	{"weight", []try{
		{"load weight 254", "Weight=254", ""},
		{"load weight -254", "Weight=-254", ""},
		{"load weight 255", "", "KA2010"},
		{"load weight 5 reverse", "Weight=5; Reverse=true", ""},
		{"load weight 5 noreverse", "Weight=5", ""},
		{"load weight 5 other", "gone", "KA2020"},
	}},
}

// trackProcessItems are the words of track_process.
var trackProcessItems = []itemRow{
	{"<NAME>", []try{
		{"other", "gone", "KA3066"},
		{"web\nweb", "", "KA3006"},
	}},
	{"weight", []try{
		{"web weight 254", "Weight=254", ""},
		{"web weight -254", "Weight=-254", ""},
		{"web weight 255", "", "KA2010"},
		{"web weight 5 reverse", "Weight=5; Reverse=true", ""},
		{"web weight 5 noreverse", "Weight=5", ""},
	}},
}

// trackBFDItems are the words of track_bfd.
var trackBFDItems = []itemRow{
	{"<NAME>", []try{
		{"other", "gone", "KA3066"},
		{"peer\npeer", "", "KA3006"},
	}},
	{"weight", []try{
		{"peer weight 253", "Weight=253", ""},
		{"peer weight -253", "Weight=-253", ""},
		{"peer weight 254", "", "KA2010"},
		{"peer weight 5 reverse", "Weight=5; Reverse=true", ""},
		{"peer weight 5 noreverse", "Weight=5", ""},
		{"peer weight 5 other", "gone", "KA2020"},
	}},
}

// linkbeatItems are the words of linkbeat_interfaces.
var linkbeatItems = []itemRow{
	{"<IFNAME> [MII|ETHTOOL|IOCTL]", []try{
		{"eth1", "Interface=eth1", ""},
		{"eth1 MII", "Interface=eth1; Method=MII", ""},
		{"eth1 ETHTOOL", "Interface=eth1; Method=ETHTOOL", ""},
		{"eth1 IOCTL", "Interface=eth1; Method=IOCTL", ""},
		{"eth1 mii", "Interface=eth1", "KA2019"},
		{"eth1 MII extra", "Interface=eth1; Method=MII", "KA2004"},
	}},
}

// delayItems are the words of interface_up_down_delays.
var delayItems = []itemRow{
	{"<IFNAME> <DOWN> [<UP>]", []try{
		{"eth1 5", "Interface=eth1; Down=5s", ""},
		{"eth1 5 7", "Interface=eth1; Down=5s; Up=7s", ""},
		{"eth1 0 255", "Interface=eth1; Up=4m15s", ""},
		{"eth1 256", "gone", "KA2010"},
		{"eth1 x", "gone", "KA2010"},
		{"eth1", "Interface=eth1", ""},
	}},
}
