package healthcheck

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"vigil/confparse"
)

func TestFileJudgement(t *testing.T) {
	for _, tt := range []struct {
		name    string
		weight  int32
		reverse bool
		value   int32
		up      bool
		adds    int32
	}{
		{"§2.9 no weight, 0", 0, false, 0, true, 0},
		{"§2.9 no weight, not 0", 0, false, -1, false, 0},
		{"§2.9 no weight, reverse, 0", 0, true, 0, false, 0},
		{"§2.9 no weight, reverse, not 0", 0, true, 7, true, 0},
		{"§2.9 weight", 3, false, 5, true, 15},
		{"§2.9 weight, reverse", 3, true, 5, true, -15},
		{"§2.9 negative weight", -3, false, 5, true, -15},
		{"§2.9 more than 32 bits", math.MaxInt32, false, 3, true, math.MaxInt32},
		{"§2.9 less than 32 bits is a fault", math.MaxInt32, true, 3, false, 0},
		{"§2.9 the lowest number is a fault", 1, false, math.MinInt32, false, 0},
		{"the lowest number, reverse", 1, true, math.MinInt32, true, math.MaxInt32},
	} {
		r := fileSpec{weight: tt.weight, reverse: tt.reverse}.judge(tt.value)
		if (r.Outcome == Passed) != tt.up || r.Weight != (Share{Weight: tt.adds}) {
			t.Errorf("%s: %v, %+v", tt.name, r.Outcome, r.Weight)
		}
	}
}

// filePool is a pool of one server of the given weight with a FILE_CHECK.
func filePool(path string, base int32, x confparse.FileDetail) *confparse.Config {
	vs := pool(1)
	vs.RealServers[0].Weight = base
	x.TrackFile, x.File = "load", &confparse.TrackFile{Name: "load", Path: path}
	vs.RealServers[0].Checkers = []*confparse.Checker{{Kind: confparse.FileCheck, Detail: &x}}
	return config(vs)
}

// put puts a number into a file at once.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// want waits for a change and compares it.
func (l *programLab) want(up bool, weight int32) {
	l.t.Helper()
	if c := l.next(); c.Up != up || c.Weight != weight {
		l.t.Errorf("up %v with weight %d, want %v with %d", c.Up, c.Weight, up, weight)
	}
}

func TestCheckCase35(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	put(t, path, "0")
	l := runPrograms(t, filePool(path, 1, confparse.FileDetail{Weight: 1}))
	put(t, path, "5")
	l.want(true, 6)
	put(t, path, "-10")
	l.want(true, 0)
	put(t, path, "5")
	l.want(true, 6)

	l = runPrograms(t, filePool(path, 1, confparse.FileDetail{}))
	if got := l.m.Status().VirtualServers[0].RealServers[0]; got.Up || got.Checks[0].Target != path {
		t.Errorf("%+v: the file says 5 from the start", got)
	}
	put(t, path, "0")
	l.want(true, 1)
	put(t, path, "1")
	l.want(false, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.want(true, 1)
}

// TestFileCountsFromTheStart: what the file says is known before a server is first used (§1.11), reverse or not (Q16), and
// a reload reads the files that are new to it.
func TestFileCountsFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	put(t, path, "3")
	m := NewManager(Options{})
	for _, tt := range []struct {
		x      confparse.FileDetail
		up     bool
		weight int32
	}{
		{confparse.FileDetail{}, false, 2}, {confparse.FileDetail{Reverse: true}, true, 2},
		{confparse.FileDetail{Weight: 4}, true, 14}, {confparse.FileDetail{Weight: 1, Reverse: true}, true, 0},
	} {
		if rs := m.Apply(FromConfig(filePool(path, 2, tt.x))).VirtualServers[0].RealServers[0]; rs.Up != tt.up || rs.Weight != tt.weight {
			t.Errorf("%+v: %+v", tt.x, rs)
		}
	}
	if len(m.probes) != 1 {
		t.Errorf("%d probes", len(m.probes))
	}
	if m.Apply(Spec{}); len(m.probes) != 0 {
		t.Errorf("%d probes are left", len(m.probes))
	}
}

// TestFileWords has keepalived's lines, which name the file as the configuration does.
func TestFileWords(t *testing.T) {
	var ps profiles
	spec := ps.checkSpec(kinds[confparse.FileCheck], &confparse.Checker{Kind: confparse.FileCheck,
		Detail: &confparse.FileDetail{TrackFile: "load", File: &confparse.TrackFile{Name: "load", Path: "/run/load"}}})
	for v, want := range map[verdict]string{down: "now FAULT state", up: "leaving FAULT state"} {
		if got := verdictText(&fileWords, told{verdict: v, server: rs1, spec: spec}); got != "("+rs1+"): tracked file load "+want {
			t.Errorf("%q, want … %q", got, want)
		}
	}
}

// TestFileBesideAnotherCheck: it counts like any other, and several give weights that add up.
func TestFileBesideAnotherCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	put(t, path, "2")
	c := filePool(path, 1, confparse.FileDetail{Weight: 10})
	rs := c.VirtualServers[0].RealServers[0]
	rs.Checkers = append(rs.Checkers, tcpCheckOfServer(1), &confparse.Checker{Kind: confparse.FileCheck,
		Detail: &confparse.FileDetail{TrackFile: "load", Weight: -3, File: &confparse.TrackFile{Path: path}}})
	inLab(t, Options{}, func(l *lab) {
		if got := l.m.Apply(FromConfig(c)).VirtualServers[0].RealServers[0]; got.Weight != 1+20-6 || !got.Up {
			t.Errorf("%+v", got)
		}
	})
}
