package confparse

// faceRows are SNMP and D-Bus.
var faceRows = []row{
	{"snmp_socket", customRow, []try{
		{"", "", "KA2003"},
		{"udp:localhost:705", "SNMP.Socket=udp:localhost:705", ""},
		{"a\nsnmp_socket b", "SNMP.Socket=a", "KA2006"},
	}},
	{"enable_traps", flagRow, []try{
		{"", "SNMP.Traps=true", ""},
		{"off", "SNMP.Traps=true", ""},
	}},
	{"enable_snmp_vrrp", flagRow, []try{
		{"", "SNMP.VRRP=true", ""},
		{"off", "SNMP.VRRP=true", ""},
	}},
	{"enable_snmp_keepalived", flagRow, []try{
		{"", "SNMP.VRRP=true", ""},
		{"off", "SNMP.VRRP=true", ""},
	}},
	{"enable_snmp_rfc", flagRow, []try{
		{"", "SNMP.RFCv2=true; SNMP.RFCv3=true", ""},
		{"off", "SNMP.RFCv2=true; SNMP.RFCv3=true", ""},
	}},
	{"enable_snmp_rfcv2", flagRow, []try{
		{"", "SNMP.RFCv2=true", ""},
		{"off", "SNMP.RFCv2=true", ""},
	}},
	{"enable_snmp_rfcv3", flagRow, []try{
		{"", "SNMP.RFCv3=true", ""},
		{"off", "SNMP.RFCv3=true", ""},
	}},
	{"enable_snmp_checker", flagRow, []try{
		{"", "SNMP.LVS=true", ""},
		{"off", "SNMP.LVS=true", ""},
	}},
	{"snmp_vs_stats_update_interval", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.001", "SNMP.VSInterval=1ms; SNMP.RSInterval=1ms", ""},
		{"30", "SNMP.VSInterval=30s; SNMP.RSInterval=30s", ""},
		{"0.000999", "", "KA2010"},
		{"30.000001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"snmp_rs_stats_update_interval", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.001", "SNMP.RSInterval=1ms", ""},
		{"30", "SNMP.RSInterval=30s", ""},
		{"0.000999", "", "KA2010"},
		{"30.000001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"enable_dbus", flagRow, []try{
		{"", "DBus.Enabled=true", ""},
		{"off", "DBus.Enabled=true", ""},
	}},
	{"dbus_service_name", customRow, []try{
		{"", "", "KA2003"},
		{"net.example.Vrrp", "DBus.ServiceName=net.example.Vrrp", ""},
		{"a\ndbus_service_name b", "DBus.ServiceName=b", ""},
	}},
	{"dbus_no_interface_name", customRow, []try{
		{"", "", "KA2003"},
		{"null", "DBus.NoInterfaceName=null", ""},
		{"a\ndbus_no_interface_name b", "DBus.NoInterfaceName=b", ""},
	}},
}

// bufferRows are the sizes of socket buffers.
var bufferRows = []row{
	{"vrrp_netlink_cmd_rcv_bufs", strictRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"4294967295", "VRRPCommandBuffer.Bytes=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_netlink_cmd_rcv_bufs_force", boolRow, []try{
		{"", "VRRPCommandBuffer.Force=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"vrrp_netlink_monitor_rcv_bufs", strictRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"4294967295", "VRRPMonitorBuffer.Bytes=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_netlink_monitor_rcv_bufs_force", boolRow, []try{
		{"", "VRRPMonitorBuffer.Force=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"process_monitor_rcv_bufs", strictRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"4294967295", "ProcessBuffer.Bytes=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"process_monitor_rcv_bufs_force", boolRow, []try{
		{"", "ProcessBuffer.Force=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"lvs_netlink_cmd_rcv_bufs", strictRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"4294967295", "LVSCommandBuffer.Bytes=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"lvs_netlink_cmd_rcv_bufs_force", boolRow, []try{
		{"", "LVSCommandBuffer.Force=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"lvs_netlink_monitor_rcv_bufs", strictRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"4294967295", "LVSMonitorBuffer.Bytes=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"lvs_netlink_monitor_rcv_bufs_force", boolRow, []try{
		{"", "LVSMonitorBuffer.Force=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
}
