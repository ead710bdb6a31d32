package confparse

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScriptArguments: a program's line is cut into command, user and group; the command again into arguments.
func TestScriptArguments(t *testing.T) {
	for _, tt := range []struct {
		rule, line string
		argv       []string
		user       string
		group      string
		codes      string
	}{
		{"a program", `notify /bin/n`, []string{"/bin/n"}, "", "", ""},
		{"unquoted words are the account", `notify /bin/n a b`, []string{"/bin/n"}, "a", "b", ""},
		{"quoted ones are arguments", `notify "/bin/n a b"`, []string{"/bin/n", "a", "b"}, "", "", ""},
		{"single quotes as well", `notify '/bin/n a b'`, []string{"/bin/n", "a", "b"}, "", "", ""},
		{"then come user and group", `notify "/bin/n a" user grp`, []string{"/bin/n", "a"}, "user", "grp", ""},
		{"quotes inside group arguments", `notify "/bin/n 'b c' d"`, []string{"/bin/n", "b c", "d"}, "", "", ""},
		{"the other way round", `notify '/bin/n "b c" d'`, []string{"/bin/n", "b c", "d"}, "", "", ""},
		{"adjacent parts are joined", `notify "/bin/n 'b'c"`, []string{"/bin/n", "bc"}, "", "", ""},
		{"an empty argument", `notify "/bin/n ''"`, []string{"/bin/n", ""}, "", "", ""},
		{"escapes of the last stage", `notify "/bin/n a\tb \x41\102"`, []string{"/bin/n", "a\tb", "AB"}, "", "", ""},
		{"an escaped blank", `notify "/bin/n a\ b"`, []string{"/bin/n", "a b"}, "", "", ""},
		{"a backslash", `notify "/bin/n a\\b"`, []string{"/bin/n", `a\b`}, "", "", ""},
		{"an unknown escape is its letter", `notify "/bin/n \q"`, []string{"/bin/n", "q"}, "", "", ""},
		{"the environment is not expanded", `notify "/bin/n $PATH"`, []string{"/bin/n", "$PATH"}, "", "", ""},
		{"nor are patterns", `notify "/bin/n *.txt ~"`, []string{"/bin/n", "*.txt", "~"}, "", "", ""},
		{"a comment ends the line", `notify /bin/n # a`, []string{"/bin/n"}, "", "", ""},
		{"not in quotes", `notify "/bin/n #1"`, []string{"/bin/n", "#1"}, "", "", ""},
		{"braces in quotes", `notify "/bin/n {}"`, []string{"/bin/n", "{}"}, "", "", ""},
		{"quotes that do not match", `notify "/bin/n 'a"`, nil, "", "", "KA2038"},
		{"a line that does not end", `notify "/bin/n a`, nil, "", "", "KA1012 KA2002"},
	} {
		cfg, ds := load(t, safeScripts+oneInstance+tt.line+"\n}\n")
		got := cfg.Instances[0].Notify.Any
		if diff := cmp.Diff(tt.argv, got.Argv); diff != "" || got.Account.User != tt.user || got.Account.Group != tt.group || codeList(ds) != tt.codes {
			t.Errorf("%s: %s is %q for %q %q, %s (-want +got)\n%s", tt.rule, tt.line, got.Argv, got.Account.User, got.Account.Group, codeList(ds), diff)
		}
	}
}

// TestScriptsOfWordOne: vrrp_script and MISC_CHECK use the first word only; their user has a line of its own.
func TestScriptsOfWordOne(t *testing.T) {
	cfg := mustLoadSound(t, safeScripts+"vrrp_script chk {\nscript \"/bin/c 'a b'\" ignored\nuser nobody\n}\n"+oneInstance+"track_script { chk }\n}\n"+
		oneService+"real_server 10.0.0.1 80 {\nMISC_CHECK {\nmisc_path \"/bin/m x\" ignored\nuser nobody nogroup\n}\n}\n}\n")
	s := cfg.Scripts[0].Script
	if diff := cmp.Diff([]string{"/bin/c", "a b"}, s.Argv); diff != "" || s.Account.User != "nobody" {
		t.Errorf("script is %+v\n%s", s, diff)
	}
	m := cfg.VirtualServers[0].RealServers[0].Checkers[0].Detail.(*MiscDetail).Script
	if diff := cmp.Diff([]string{"/bin/m", "x"}, m.Argv); diff != "" || m.Account.User != "nobody" || m.Account.Group != "nogroup" {
		t.Errorf("misc_path is %+v\n%s", m, diff)
	}
}
