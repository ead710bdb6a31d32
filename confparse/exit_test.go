package confparse

import (
	"io/fs"
	"strings"
	"testing"
)

// machine is a System with one interface, one account and the given programs.
func machine(programs map[string]ProgramState) System {
	return System{
		Interface: func(name string) bool { return name == "eth0" },
		Account: func(user, _ string) (uint32, uint32, error) {
			switch user {
			case "root":
				return 0, 0, nil
			case "nobody":
				return 65534, 65534, nil
			}
			return 0, 0, fs.ErrNotExist
		},
		Program:   func(path string, _, _ uint32) ProgramState { return programs[path] },
		Namespace: func(name string) bool { return name == "blue" },
	}
}

// TestExitStatus: what `keepalived --config-test` ends with.
func TestExitStatus(t *testing.T) {
	const instance = oneInstance + "}\n"
	env := Env{Hostname: "lb1", ConfigTest: true, System: machine(map[string]ProgramState{"/bin/open": ProgramInsecure,
		"/bin/gone": ProgramMissing, "/bin/data": ProgramNotExecutable})}
	secure := globals("enable_script_security\nscript_user root")
	notify := func(program string) string { return oneInstance + "notify " + program + "\n}\n" }
	for _, tt := range []struct {
		rule, text string
		want       int
	}{
		{"nothing wrong", instance, 0},
		{"an empty file", "", 0},
		{"a warning", globals("nonsense"), 5},
		{"an error", globals("vrrp_version 9"), 5},
		{"a deprecated keyword", globals("vrrp_garp_extra_if 5") + oneInstance + "linkbeat_use_polling\n}\n", 5},
		{"a brace too many", "}\n", 5},
		{"a brace too few", "global_defs {\n", 5},
		{"a missing argument", globals("vrrp_version"), 2},
		{"a missing argument beside others", globals("nonsense\nvrrp_version") + "}\n", 2},
		{"no virtual router id", "vrrp_instance V {\ninterface eth0\nvirtual_ipaddress { 192.0.2.1 }\n}\n", 5},
		{"two instances of one VRID", twoVIs + "vrrp_instance VI_3 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress { 192.0.2.3 }\n}\n", 5},
		{"a fatal problem beside an ordinary one", "linkbeat_interfaces { eth7 }\nnonsense\n", 5},
		{"an unknown linkbeat interface", "linkbeat_interfaces { eth7 }\n", 4},
		{"an unknown delayed interface", "interface_up_down_delays { eth7 1 }\n", 4},
		{"an unknown interface", strings.ReplaceAll(instance, "eth0", "eth7"), 5},
		{"an unknown one that may come", globals("dynamic_interfaces") + strings.ReplaceAll(instance, "eth0", "eth7"), 0},
		{"a program without script security", notify("/bin/true root"), 6},
		{"with it", secure + notify("/bin/true"), 0},
		{"a program that others can change is only logged", secure + notify("/bin/open"), 0},
		{"one that is not executable too", secure + notify("/bin/data"), 0},
		{"security beside an ordinary problem", notify("/bin/true root") + "nonsense\n", 6},
		{"a missing network namespace", "net_namespace red\n", 0},
		{"it hides what else is wrong", "net_namespace red\nnonsense\n", 0},
		{"one without a name", "net_namespace \"\"\nnonsense\n", 0},
		{"one that is there", "net_namespace blue\nnonsense\n", 5},
		{"a missing include", "include none.conf\n", 0},
		{"one that must be there", "includem none.conf\n", 6},
		{"a number with junk", globals("vrrp_garp_master_delay 5x"), 5},
		{"too many decimals", globals("vrrp_garp_interval 0.1234567"), 5},
		{"an undefined parameter", globals("router_id $X"), 0},
		{"what has no effect yet", globals("enable_dbus"), 0},
	} {
		cfg, ds := Load(memory(tt.text), "test.conf", env)
		if got := ds.ExitCode(); got != tt.want || cfg == nil {
			t.Errorf("%s: %d, want %d: %s", tt.rule, got, tt.want, codeList(ds))
		}
	}
}

// TestExitStatusOfTheMainFile: keepalived prints a message for a file it cannot read, and ends with 0.
func TestExitStatusOfTheMainFile(t *testing.T) {
	_, ds := Load(memory(""), "none.conf", Env{})
	var b strings.Builder
	if err := ds.ConfigTest(&b); err != nil || ds.ExitCode() != 0 || !strings.Contains(b.String(), "none.conf") {
		t.Errorf("exit %d, %q, %v", ds.ExitCode(), b.String(), err)
	}
	if _, ds = Load(memory(""), "none.conf", Env{AllConfig: true}); ds.ExitCode() != 6 {
		t.Errorf("with -e: exit %d", ds.ExitCode())
	}
}

// TestConfigTestLines: the lines that tools look for, with keepalived's words and place.
func TestConfigTestLines(t *testing.T) {
	for _, tt := range []struct{ text, line string }{
		{"nonsense\n", "(test.conf: Line 1) Unknown keyword 'nonsense'"},
		{globals("nonsense"), "(test.conf: Line 2) Unknown keyword 'nonsense'"},
		{"}\n", "(test.conf: Line 1) Extra '}' found"},
		{"global_defs {\n", "There are 1 missing '}'s or extra '{'s"},
		{"global_defs\nrouter_id a\n}\n", "Missing '{' at beginning of configuration block"},
		{"static_ipaddress x {\n}\n", "(test.conf: Line 1) Block static_ipaddress has extra parameters x ..."},
		{globals(`router_id "a`), "(test.conf: Line 2) Unmatched quote: "},
		{globals("vrrp_version"), "(test.conf: Line 2) *** Configuration line starting `vrrp_version` is missing a parameter after keyword `vrrp_version` at word position 2"},
		{globals("vrrp_version 7"), "(test.conf: Line 2) number '7' outside range [2, 3]"},
		{globals("vrrp_version x"), "(test.conf: Line 2) invalid number 'x'"},
		{globals("vrrp_version -2"), "(test.conf: Line 2) negative number '-2'"},
		{globals("smtp_alert maybe"), "(test.conf: Line 2) Invalid value 'maybe' for smtp_alert specified"},
		{oneInstance + "linkbeat_use_polling\n}\n", "(test.conf: Line 5) linkbeat_use_polling is deprecated"},
		{twoVIs + "vrrp_sync_group G { group { VI_1 VI_2 VI_9 } }\n", "Virtual router VI_9 specified in sync group G doesn't exist - ignoring"},
		{oneInstance + "authentication {\nauth_type PASS\n}\n}\n", "(VI_1) authentication specified but no password given"},
		{globals("~SEQ(i, x) router_id $i"), "(test.conf: Line 2) Invalid ~SEQ values"},
		{"include none.conf\n", "Config files missing 'none.conf'."},
	} {
		_, ds := Load(memory(tt.text), "test.conf", Env{Hostname: "lb1", ConfigTest: true})
		var b strings.Builder
		if err := ds.ConfigTest(&b); err != nil || !strings.Contains(b.String(), tt.line) {
			t.Errorf("%q\n got %s\nwant %s", tt.text, b.String(), tt.line)
		}
	}
}

// TestRenderedDiagnostics: place, line, caret, advice and code, below each other.
func TestRenderedDiagnostics(t *testing.T) {
	_, ds := load(t, globals("  router_jd a"))
	var b strings.Builder
	if err := ds.Render(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"test.conf:2:3: warning: Unknown keyword 'router_jd' [KA2001]\n", "    2 |   router_jd a\n", "      |   ^^^^^^^^^\n",
		"did you mean 'router_id'?"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// TestStrictEnvironment: Env.Strict makes errors of warnings, and nothing else.
func TestStrictEnvironment(t *testing.T) {
	for _, strict := range []bool{false, true} {
		_, ds := Load(memory(globals("nonsense\nvrrp_version 9\nenable_dbus")), "test.conf", Env{Strict: strict})
		var got []string
		for _, d := range ds {
			got = append(got, d.Severity.String())
		}
		want := "warning error note"
		if strict {
			want = "error error note"
		}
		if strings.Join(got, " ") != want {
			t.Errorf("strict %v: %v, want %s", strict, got, want)
		}
	}
}
