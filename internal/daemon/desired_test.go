package daemon

import (
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// TestUpdatedIsWhatLoadingAfreshGives follows edits of a configuration, each load knowing the one before.
func TestUpdatedIsWhatLoadingAfreshGives(t *testing.T) {
	all := scaleConfig(3)
	end := strings.Index(all, "\n}\n") + len("\n}\n")
	var known *confparse.Known
	var running Desired
	for i, text := range []string{
		all,
		all,
		strings.Replace(all, "    weight 1\n", "    weight 7\n", 1),
		pairConfig + all[end:],
		strings.ReplaceAll(all, "lb_algo wrr", "lb_algo rr"),
		"global_defs {\n  checker_log_all_failures\n}\n" + all,
		all[end:] + all[:end],
		"",
		all,
	} {
		fsys := fstest.MapFS{"k.conf": {Data: []byte(text)}}
		env := confparse.Env{Hostname: "host", Known: known}
		cfg, _ := confparse.Load(fsys, "k.conf", env)
		next, ok := running.Updated(cfg)
		if !ok {
			t.Fatalf("step %d: something unchanged is missing", i)
		}
		want := desired(t, text)
		if p := planOf(everyPart, want, next); !p.Empty() || !next.IPVS.Equal(want.IPVS) || !next.Checks.Equal(want.Checks) {
			t.Errorf("step %d: the desired state is not that of a fresh load: %v", i, p)
		}
		running, known = next, cfg.Known
	}
}

func TestUpdatedMissesWhatItNeverHad(t *testing.T) {
	fsys := fstest.MapFS{"k.conf": {Data: []byte(scaleConfig(1))}}
	first, _ := confparse.Load(fsys, "k.conf", confparse.Env{})
	again, _ := confparse.Load(fsys, "k.conf", confparse.Env{Known: first.Known})
	if _, ok := (Desired{}).Updated(again); ok {
		t.Error("a server that is left out as unchanged was made up")
	}
}

func TestChecksAreMadeAgainWhenPathsChange(t *testing.T) {
	for _, tt := range []struct {
		change vrrp.Change
		want   bool
	}{
		{vrrp.Change{From: election.Backup, To: election.Master}, true},
		{vrrp.Change{From: election.Fault, To: election.Backup}, true},
		{vrrp.Change{From: election.Fault, To: election.Master}, true},
		{vrrp.Change{From: election.Master, To: election.Backup}, false},
		{vrrp.Change{From: election.Master, To: election.Fault}, false},
		{vrrp.Change{From: election.Init, To: election.Master, Initial: true}, false},
	} {
		if got := pathsChanged(tt.change); got != tt.want {
			t.Errorf("%v to %v, first %v: %v, want %v", tt.change.From, tt.change.To, tt.change.Initial, got, tt.want)
		}
	}
}
