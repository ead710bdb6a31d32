package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/vrrp/election"
	"vigil/vrrp/recording"
)

// recorded writes a recording of a router that becomes MASTER and returns its name.
func recorded(t *testing.T, spec election.Spec) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "flight")
	r, err := recording.Create(name, "Vigil 0", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	e := election.NewEngine()
	for _, in := range []recording.Input{
		{Call: recording.Apply, Spec: spec},
		{Call: recording.Step, To: 1, Event: election.Started{LinkUp: true, Source: spec.Instances[0].Source}},
		{Call: recording.Wake, At: 4e9}, {Call: recording.Stop, At: 5e9},
	} {
		r.Record(&in, in.Into(e))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestReplay: a recording is told to be as it was, or from where on it is not, or what is wrong with the file.
func TestReplay(t *testing.T) {
	in := election.InstanceSpec{Name: "VI", Link: "eth0", VRID: 51, Version: 2, Priority: 100, AdvertInterval: 1e9, TrackLink: true}
	in.Source = in.Source.Next()
	spec := election.Spec{Instances: []election.InstanceSpec{in}}
	name := recorded(t, spec)
	code, out, stderr := call(t, "", "replay", name)
	if code != exitOK || !strings.HasSuffix(out, ": 4 inputs in 5s by Vigil 0, 5 actions, all as they were\n") && !strings.Contains(out, "all as they were") {
		t.Errorf("exit status %d, %s, %s", code, out, stderr)
	}
	if code, out, _ := call(t, "", "replay", "-v", name); code != exitOK || !strings.Contains(out, "VI: INIT -> ") {
		t.Errorf("exit status %d, %s", code, out)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for what, tt := range map[string]struct{ text, want string }{
		"changed":      {strings.Replace(string(text), `"Priority":100`, `"Priority":120`, 1), "not as it was: line 2"},
		"broken off":   {string(text[:len(text)-30]), ""},
		"no recording": {"global_defs {\n}\n", "line 1: this is no recording"},
		"full":         {strings.Join(lines[:len(lines)-2], "") + `{"end":"full"}` + "\n", ""},
		"behind":       {strings.Join(lines[:len(lines)-2], "") + `{"end":"behind"}` + "\n", ""},
	} {
		code, out, stderr := call(t, tt.text, "replay", "-")
		switch {
		case tt.want != "" && (code != exitErrors || !strings.Contains(stderr, tt.want)):
			t.Errorf("%s: exit status %d, %s", what, code, stderr)
		case tt.want == "" && (code != exitOK || !strings.Contains(out, "; the recording ")):
			t.Errorf("%s: exit status %d, %s%s", what, code, out, stderr)
		}
	}
	if code, _, stderr := call(t, "", "replay", "/nowhere"); code != exitErrors || !strings.Contains(stderr, "/nowhere") {
		t.Errorf("exit status %d, %s", code, stderr)
	}
}
