package confparse

// globalVRRPRows are what instances take from global_defs, their announcements apart.
var globalVRRPRows = []row{
	{"dynamic_interfaces", customRow, []try{
		{"", "DynamicInterfaces=true", ""},
		{"allow_if_changes", "DynamicInterfaces=true; AllowInterfaceChanges=true", ""},
		{"nonsense", "DynamicInterfaces=true", "KA2019"},
	}},
	{"default_interface", customRow, []try{
		{"", "", "KA2003"},
		{"lan0", "DefaultInterface=lan0", ""},
		{"abcdefghijklmnop", "", "KA2018"},
	}},
	{"disable_local_igmp", flagRow, []try{
		{"", "DisableLocalIGMP=true", ""},
		{"off", "DisableLocalIGMP=true", ""},
	}},
	{"v3_checksum_as_v2", flagRow, []try{
		{"", "ChecksumAsV2=true; Instances[0].ChecksumAsV2=true", ""},
		{"off", "ChecksumAsV2=true; Instances[0].ChecksumAsV2=true", ""},
	}},
	{"vrrp_mcast_group4", customRow, []try{
		{"", "", "KA2002"},
		{"224.0.0.99", "VRRPMulticast4=224.0.0.99; Instances[0].MulticastGroup=224.0.0.99", ""},
		{"192.0.2.1", "", "KA2014"},
		{"ff02::99", "", "KA2014"},
		{"x", "", "KA2014"},
	}},
	{"vrrp_mcast_group6", customRow, []try{
		{"", "", "KA2002"},
		{"ff02::99", "VRRPMulticast6=ff02::99", ""},
		{"2001:db8::1", "", "KA2014"},
		{"224.0.0.99", "", "KA2014"},
		{"ff05::99", "VRRPMulticast6=ff05::99", "KA3083"},
	}},
	{"vrrp_down_timer_adverts", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "Instances[0].DownTimerAdverts=1", ""},
		{"100", "Instances[0].DownTimerAdverts=100", ""},
		{"0", "", "KA2010"},
		{"101", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_lower_prio_no_advert", boolRow, []try{
		{"", "Instances[0].LowerPriorityNoAdvert=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"vrrp_higher_prio_send_advert", boolRow, []try{
		{"", "", ""},
		{"off", "Instances[0].HigherPrioritySendAdvert=false", ""},
		{"maybe", "", "KA2013"},
	}},
	{"vrrp_version", lenientRow, []try{
		{"", "", "KA2002"},
		{"2", "", ""},
		{"3", "VRRPVersion=3; Instances[0].Version=3", ""},
		{"1", "", "KA2010"},
		{"4", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_check_unicast_src", flagRow, []try{
		{"", "Instances[0].CheckUnicastSrc=true", ""},
		{"off", "Instances[0].CheckUnicastSrc=true", ""},
	}},
	{"vrrp_skip_check_adv_addr", boolRow, []try{
		{"", "Instances[0].SkipCheckAdvAddr=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"vrrp_strict", boolRow, []try{
		{"", "Instances[0].Accept=false; Instances[0].Strict=true; Instances[0].GARP.LowerPrioDelay=0s; Instances[0].GARP.LowerPrioRepeat=0; Instances[0].LowerPriorityNoAdvert=true; Instances[0].HigherPrioritySendAdvert=false", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"vrrp_notify_priority_changes", boolRow, []try{
		{"", "NotifyPriorityChanges=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"fifo_write_vrrp_states_on_reload", flagRow, []try{
		{"", "StatesOnReload=true", ""},
		{"off", "StatesOnReload=true", ""},
	}},
	{"vrrp_rx_bufs_policy", strictRow, []try{
		{"", "", "KA2003"},
		{"MTU", "RXBuffers=1", ""},
		{"mtu", "RXBuffers=1", ""},
		{"ADVERT", "RXBuffers=2", ""},
		{"advert", "RXBuffers=2", ""},
		{"0", "RXBuffers=3", ""},
		{"4294967295", "RXBuffers=3; RXBufferBytes=4294967295", ""},
		{"4294967296", "", "KA2010"},
		{"other", "", "KA2010"},
	}},
	{"vrrp_rx_bufs_multiplier", strictRow, []try{
		{"", "", "KA2003"},
		{"1", "RXBufferMultiplier=1", ""},
		{"4294967295", "RXBufferMultiplier=4294967295", ""},
		{"0", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_startup_delay", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.001", "VRRPStartupDelay=1ms", ""},
		{"4294.967295", "VRRPStartupDelay=1h11m34.967295s", ""},
		{"0.000999", "", "KA2010"},
		{"4294.967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_delay_after_boot", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.001", "VRRPDelayAfterBoot=1ms", ""},
		{"4294.967295", "VRRPDelayAfterBoot=1h11m34.967295s", ""},
		{"0.000999", "", "KA2010"},
		{"4294.967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"log_unknown_vrids", flagRow, []try{
		{"", "LogUnknownVRIDs=true", ""},
		{"off", "LogUnknownVRIDs=true", ""},
	}},
	{"vrrp_owner_ignore_adverts", boolRow, []try{
		{"", "OwnerIgnoreAdverts=true; Instances[0].OwnerIgnoreAdverts=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"vmac_prefix", customRow, []try{
		{"", "", "KA2002"},
		{"vv", "VMACPrefix=vv; VMACAddressPrefix=vv", ""},
		{"vv\nvmac_prefix ww", "VMACPrefix=vv; VMACAddressPrefix=vv", "KA2006"},
	}},
	{"vmac_addr_prefix", customRow, []try{
		{"", "", "KA2002"},
		{"vv", "VMACAddressPrefix=vv", ""},
		{"vv\nvmac_addr_prefix ww", "VMACAddressPrefix=vv", "KA2006"},
	}},
}
