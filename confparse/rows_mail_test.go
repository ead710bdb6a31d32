package confparse

// mailRows are the settings of alert mails.
var mailRows = []row{
	{"notification_email_from", customRow, []try{
		{"", "", "KA2003"},
		{"lb@example.net", "Mail.From=lb@example.net", ""},
		{`"Load Balancer <lb@example.net>"`, "Mail.From=Load Balancer <lb@example.net>", ""},
		{"lb@example.net extra", "Mail.From=lb@example.net", "KA2004"},
	}},
	{"smtp_server", customRow, []try{
		{"", "", "KA2002"},
		{"192.0.2.25", "Mail.ServerHost=192.0.2.25", ""},
		{"192.0.2.25 587", "Mail.ServerHost=192.0.2.25; Mail.ServerPort=587", ""},
		{"192.0.2.25 65535", "Mail.ServerHost=192.0.2.25; Mail.ServerPort=65535", ""},
		{"192.0.2.25 65536", "", "KA2010"},
		{"192.0.2.25 x", "", "KA2010"},
		{"mail.example.net 26", "Mail.ServerHost=mail.example.net; Mail.ServerPort=26", ""},
		{"2001:db8::25", "Mail.ServerHost=2001:db8::25", ""},
	}},
	{"smtp_helo_name", customRow, []try{
		{"", "", ""},
		{"lb.example.net", "Mail.HELO=lb.example.net", ""},
		{"one\nsmtp_helo_name two", "Mail.HELO=two", ""},
	}},
	{"smtp_connect_timeout", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "Mail.Timeout=1s", "KA2023"},
		{"1", "Mail.Timeout=1s", ""},
		{"4294", "Mail.Timeout=1h11m34s", ""},
		{"4295", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"notification_email", customRow, []try{
		{"{ }", "", "KA2036"},
		{"{ a@example.net b@example.net\n c@example.net }", `Mail.Recipients=["a@example.net" "b@example.net" "c@example.net"]`, ""},
		{"x { a@example.net }", `Mail.Recipients=["a@example.net"]`, "KA2004"},
	}},
	{"smtp_alert", boolRow, []try{
		{"", "Mail.Alerts=on", ""},
		{"off", "Mail.Alerts=off", ""},
		{"maybe", "", "KA2013"},
	}},
	{"smtp_alert_vrrp", boolRow, []try{
		{"", "Mail.VRRP=on", ""},
		{"off", "Mail.VRRP=off", ""},
		{"maybe", "", "KA2013"},
	}},
	{"smtp_alert_checker", boolRow, []try{
		{"", "Mail.Checkers=on", ""},
		{"off", "Mail.Checkers=off", ""},
		{"maybe", "", "KA2013"},
	}},
	{"no_email_faults", flagRow, []try{
		{"", "Mail.NoFaults=true", ""},
		{"off", "Mail.NoFaults=true", ""},
	}},
	{"no_checker_emails", boolRow, []try{
		{"", "Mail.NoCheckers=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
}
