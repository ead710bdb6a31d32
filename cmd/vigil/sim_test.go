package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const simulation = "../../examples/simulation/"

// TestSimExample: the example of docs/sim.md has the timeline that stands beside it.
func TestSimExample(t *testing.T) {
	code, out, stderr := call(t, "", "sim", simulation+"a.conf", simulation+"b.conf", simulation+"cable.sim")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	if *update {
		if err := os.WriteFile(simulation+"cable.txt", []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(simulation + "cable.txt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out, "\n")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestSimErrors: what cannot be understood or done is told with its place and what to do.
func TestSimErrors(t *testing.T) {
	a, bad := simulation+"a.conf", file(t, "vrrp_instance {\n")
	for _, tt := range []struct {
		name     string
		args     []string
		scenario string
		code     int
		want     string
	}{
		{"no scenario", []string{a}, "", exitUsage, "the name of a file is missing"},
		{"no such file", []string{a, "/nowhere.sim"}, "", exitErrors, "/nowhere.sim"},
		{"a command that there is not", []string{a, a, "-"}, "explode A at 5 s\n", exitErrors, `<stdin>:1:1: unknown command "explode"; there are cut, heal`},
		{"a host that there is not", []string{a, a, "-"}, "\nstop C at 5 s\n", exitErrors, `<stdin>:2:1: there is no host "C"; the hosts are called A, B`},
		{"a file of a reload", []string{a, a, "-"}, "reload A with /nowhere.conf at 5 s\n", exitErrors, "<stdin>:1:1: /nowhere.conf cannot be used"},
		{"more names than files", []string{"--names", "x,y", a, "-"}, "", exitUsage, "--names"},
		{"a configuration", []string{bad, a, "-"}, "end at 1 s\n", exitErrors, ""},
	} {
		code, _, stderr := call(t, tt.scenario, append([]string{"sim"}, tt.args...)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) || stderr == "" {
			t.Errorf("%s: exit status %d, %q", tt.name, code, stderr)
		}
	}
	if code, out, _ := call(t, "end at 5 s\n", "sim", "--names", "left,right", a, a, "-"); code != exitOK || !strings.Contains(out, "left OUTSIDE: MASTER") && !strings.Contains(out, "right OUTSIDE: MASTER") {
		t.Errorf("exit status %d\n%s", code, out)
	}
}
