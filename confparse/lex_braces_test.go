package confparse

import "testing"

// TestBracesAnywhere: each brace outside double quotes is delivered as a line of its own.
func TestBracesAnywhere(t *testing.T) {
	const want = "global_defs { router_id a; lvs_flush }"
	checkLexed(t, []lexCase{
		{"three lines", "global_defs\n{\nrouter_id a\nlvs_flush\n}\n", want, ""},
		{"on the keyword's line", "global_defs {\nrouter_id a\nlvs_flush\n}\n", want, ""},
		{"without blanks", "global_defs{router_id a}\nglobal_defs{lvs_flush}\n",
			"global_defs { router_id a }; global_defs { lvs_flush }", ""},
		{"all on one line", "global_defs { router_id a }\n", "global_defs { router_id a }", ""},
		{"a blank line before the brace", "global_defs\n\n{\n}\n", "global_defs {  }", ""},
		{"quoted braces are letters", globals(`router_id "{a}"`), `global_defs { router_id "{a}" }`, ""},
		{"behind a closing brace", "global_defs { } use_pid_dir\n", "global_defs {  }; use_pid_dir", ""},
		{"words behind the keyword of a block", "vrrp_instance A B {\n}\n", "vrrp_instance A B {  }", ""},
		{"lists in one line", "vrrp_sync_group G { group { A B } }\n", "vrrp_sync_group G { group { A B } }", ""},
	})
}

// TestValueBlocks: in a list every line is an item; in a plain list of names every word is.
func TestValueBlocks(t *testing.T) {
	checkLexed(t, []lexCase{
		{"an item for each line", "static_ipaddress {\n192.0.2.1 dev eth0\n192.0.2.2\n}\n",
			"static_ipaddress { 192.0.2.1 dev eth0; 192.0.2.2 }", ""},
		{"a brace ends a line", "static_ipaddress { 192.0.2.1\n192.0.2.2 }\n", "static_ipaddress { 192.0.2.1; 192.0.2.2 }", ""},
		{"a keyword can be an item", "vrrp_sync_group G {\ngroup {\nnotify\n}\n}\n", "vrrp_sync_group G { group { notify } }", ""},
		{"an empty list", "static_ipaddress { }\n", "static_ipaddress {  }", ""},
		{"a quoted item", "static_ipaddress {\n\"192.0.2.1\" \"dev\" eth0\n}\n", "static_ipaddress { 192.0.2.1 dev eth0 }", ""},
	})
}

// TestBraceMistakes: what keepalived says of braces that do not match, each said once.
func TestBraceMistakes(t *testing.T) {
	checkLexed(t, []lexCase{
		{"a '}' too many at the root", "use_pid_dir\n}\n", "use_pid_dir", "2:KA1022"},
		{"the rest is read", "}\nuse_pid_dir\n", "use_pid_dir", "1:KA1022"},
		{"a missing '}' at the end", "global_defs {\nrouter_id a\n", "global_defs { router_id a }", "2:KA1024"},
		{"a missing '{'", "global_defs\nrouter_id a\n}\n", "global_defs { router_id a }", "1:KA1020"},
		{"a '{' at the root", "{\n}\n", "", "1:KA1021"},
		{"a '{' behind a plain keyword", globals("lvs_flush {\n}\nrouter_id a"), "global_defs { lvs_flush; router_id a }", "2:KA1021"},
		{"a '{' behind an unknown keyword is part of that mistake", globals("nonsense {\nwords\n}\nrouter_id a"),
			"global_defs { router_id a }", "2:KA2001"},
		{"a missing '}' before a block of the root", "global_defs {\nrouter_id a\nvrrp_instance V {\n}\n",
			"global_defs { router_id a }; vrrp_instance V {  }", "3:KA1023"},
	})
}
