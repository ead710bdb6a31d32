package confparse

// authenticationRows are those of authentication.
var authenticationRows = []row{
	{"auth_type", customRow, []try{
		{"", "", "KA2002"},
		{"PASS\nauth_pass 1", "AuthType=1; AuthPass=1", ""},
		{"AH\nauth_pass 1", "AuthType=2; AuthPass=1", "KA4002"},
		{"pass", "", "KA2019"},
	}},
	{"auth_pass", customRow, []try{
		{"", "", "KA2002"},
		{"12345678\nauth_type PASS", "AuthType=1; AuthPass=12345678", ""},
		{"123456789\nauth_type PASS", "AuthType=1; AuthPass=12345678", "KA2025"},
		{"\"a b\"\nauth_type PASS", "AuthType=1; AuthPass=a b", ""},
	}},
}

// hmacRows are those of auth_hmac.
var hmacRows = []row{
	{"key", strictRow, []try{
		{"", "", "KA2002"},
		{"2 abcdef0123456789abcdef0123456789", "Keys[1].ID=2; Keys[1].Text=abcdef0123456789abcdef0123456789", ""},
		{"2 hex:000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f", "Keys[1].ID=2; Keys[1].Text=hex:000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f", ""},
		{"2 file:/run/key", "Keys[1].ID=2; Keys[1].Text=file:/run/key", ""},
		{"2 short", "", "KA3074"},
		{"0 abcdef0123456789abcdef0123456789", "", "KA2010"},
		{"256 abcdef0123456789abcdef0123456789", "", "KA2010"},
		{"1 abcdef0123456789abcdef0123456789", "", "KA2006"},
		{"2", "", "KA2002"},
	}},
	{"active_key", strictRow, []try{
		{"", "", "KA2002"},
		{"255\nkey 255 abcdef0123456789abcdef0123456789", "Keys[1].ID=255; Keys[1].Text=abcdef0123456789abcdef0123456789; ActiveKey=255", ""},
		{"0", "", "KA2010"},
		{"256", "", "KA2010"},
		{"x", "", "KA2010"},
		{"9", "gone", "KA3074"},
	}},
	{"time_window", strictRow, []try{
		{"", "", "KA2002"},
		{"1", "TimeWindow=1s", ""},
		{"300", "TimeWindow=5m0s", ""},
		{"0", "", "KA2010"},
		{"301", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"anti_replay", customRow, []try{
		{"", "", "KA2002"},
		{"time", "", ""},
		{"monotonic", "Monotonic=true", ""},
		{"Time", "", "KA2019"},
	}},
	{"mode", customRow, []try{
		{"", "", "KA2002"},
		{"enforce", "", ""},
		{"permissive", "Permissive=true", ""},
		{"receive-only", "ReceiveOnly=true", ""},
		{"off", "", "KA2019"},
	}},
}
