package confparse

// garpRows are the announcements of an instance.
var garpRows = []row{
	{"garp_master_delay", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "GARP.MasterDelay=0s; GARP.LowerPrioDelay=0s", ""},
		{"4294", "GARP.MasterDelay=1h11m34s; GARP.LowerPrioDelay=1h11m34s", ""},
		{"-1", "", "KA2010"},
		{"4295", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"garp_master_refresh", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "", ""},
		{"4294967295", "GARP.MasterRefresh=1193046h28m15s", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"garp_master_repeat", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "GARP.MasterRepeat=1; GARP.LowerPrioRepeat=1", "KA2023"},
		{"4294967295", "GARP.MasterRepeat=2147483647; GARP.LowerPrioRepeat=2147483647", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"garp_master_refresh_repeat", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "", "KA2023"},
		{"4294967295", "GARP.MasterRefreshRepeat=2147483647", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"garp_lower_prio_delay", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "GARP.LowerPrioDelay=0s", ""},
		{"4294", "GARP.LowerPrioDelay=1h11m34s", ""},
		{"-1", "", "KA2010"},
		{"4295", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"garp_lower_prio_repeat", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "GARP.LowerPrioRepeat=0", ""},
		{"2147483647", "GARP.LowerPrioRepeat=2147483647", ""},
		{"-1", "", "KA2010"},
		{"2147483648", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"garp_extra_if", lenientRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"86400", "ExtraGARP=24h0m0s", ""},
		{"86401", "", "KA2010"},
		{"all 5", "ExtraGARP=5s; ExtraGARPAll=true", ""},
		{"all", "ExtraGARPAll=true", "KA2003"},
	}},
	{"vmac_garp_intvl", lenientRow, []try{
		{"5", "ExtraGARP=5s", "KA2005"},
		{"all 5", "ExtraGARP=5s; ExtraGARPAll=true", "KA2005"},
	}},
}
