package confparse

import "testing"

// TestConditions: @ID keeps the rest of a line when ID is the config id, @^ID when it is not.
func TestConditions(t *testing.T) {
	checkLexed(t, []lexCase{
		{"the id is the host name up to its dot", "@lb1 use_pid_dir\n", "use_pid_dir", ""},
		{"another id", "@lb2 use_pid_dir\n", "", ""},
		{"not the whole host name", "@lb1.example.net use_pid_dir\n", "", ""},
		{"case counts", "@LB1 use_pid_dir\n", "", ""},
		{"no beginning of it", "@lb use_pid_dir\n", "", ""},
		{"@^ of the id", "@^lb1 use_pid_dir\n", "", ""},
		{"@^ of another", "@^lb2 use_pid_dir\n", "use_pid_dir", ""},
		{"nothing behind the id", "@lb1\nuse_pid_dir\n", "use_pid_dir", ""},
		{"nothing but a comment", "@lb1 # use_pid_dir\n", "", ""},
		{"blanks before it", " \t@lb1 use_pid_dir\n", "use_pid_dir", ""},
		{"@! is a comment", "@!lb1 use_pid_dir\n", "", ""},
		{"a definition behind it", "@lb1 $A=one\n@lb2 $A=two\n" + globals("router_id $A"), "global_defs { router_id one }", ""},
		{"a brace behind it", "global_defs\n@lb1 {\n@lb2 {\nrouter_id a\n@lb1 }\n", "global_defs { router_id a }", ""},
		{"in a list", "static_ipaddress {\n@lb1 192.0.2.1\n@lb2 192.0.2.2\n}\n", "static_ipaddress { 192.0.2.1 }", ""},
		{"in the middle of a line it is a word", globals("router_id @lb2"), "global_defs { router_id @lb2 }", ""},
	})
	t.Run("the_-i_option_is_the_id", func(t *testing.T) {
		if got, codes := lexed("@west use_pid_dir\n@lb1 use_pid_dir\n", Env{ConfigID: "west"}); got != "use_pid_dir" || codes != "" {
			t.Errorf("got %s, %s", got, codes)
		}
	})
}
