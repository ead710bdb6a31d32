package watch

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/script"
	"vigil/internal/trackfile"
)

const text = `
vrrp_script own { 
 script "/bin/chk 'a b'"
 user nobody
 interval 2
 timeout 3
 rise 4
 fall 5
 init_fail
}
vrrp_script grouped {
 script /bin/true
}
vrrp_script idle {
 script /bin/true
}
vrrp_track_process web {
 process /usr/sbin/nginx -g
 param_match partial
 quorum 2
 quorum_max 9
 terminate_delay 1
 fork_delay 2
}
vrrp_track_process idle {
 process x
}
track_file load {
 file /run/load
 init_file 7 overwrite
}
track_file idle {
 file /run/idle
}
vrrp_instance V {
 interface eth0
 virtual_router_id 51
 virtual_ipaddress { 192.0.2.1 }
 track_script {
  own weight 5
 }
 track_process { web }
 track_file { load }
}
vrrp_sync_group G {
 group { V }
 track_script { grouped }
 sync_group_tracking_weight
}
`

func config(t *testing.T, text string) *confparse.Config {
	t.Helper()
	account := func(string, string) (uint32, uint32, error) { return 7, 8, nil }
	cfg, diags := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", confparse.Env{System: confparse.System{Account: account}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return cfg
}

// TestFromConfig: what instances and groups refer to is watched, with all that is written about it, and nothing else.
func TestFromConfig(t *testing.T) {
	cfg := config(t, text)
	as := script.Identity{UID: 7, GID: 8}
	want := Spec{
		Scripts: []Script{
			{Name: "grouped", Argv: []string{"/bin/true"}, As: as, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1},
			{Name: "own", Argv: []string{"/bin/chk", "a b"}, As: as, Interval: 2 * time.Second, Timeout: 3 * time.Second, Rise: 4, Fall: 5, InitFail: true},
		},
		Processes: []Process{{Name: "web", Process: "/usr/sbin/nginx", Params: []string{"-g"}, Match: confparse.MatchPartial,
			FullCommand: true, Quorum: 2, QuorumMax: 9, TerminateDelay: time.Second, ForkDelay: 2 * time.Second}},
		Files: []File{{"load", trackfile.File{Path: "/run/load", Init: true, InitValue: 7, Overwrite: true}}},
	}
	if diff := cmp.Diff(want, FromConfig(cfg)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Unused(cfg); !slices.Equal(got, []string{"idle"}) {
		t.Errorf("unused: %q", got)
	}
}

// TestEqualLooksAtEverything: whatever is changed of a tracker makes it another one.
func TestEqualLooksAtEverything(t *testing.T) {
	s, p := every(), proxy(func(p *Process) { p.Params = []string{"a"} })
	for i, change := range []func(*Script){
		func(s *Script) { s.Name = "x" }, func(s *Script) { s.Argv = []string{"/bin/chk", "a", "b"} }, func(s *Script) { s.As.GID = 9 },
		func(s *Script) { s.File = "/bin/real" },
		func(s *Script) { s.Interval++ }, func(s *Script) { s.Timeout++ }, func(s *Script) { s.Rise++ }, func(s *Script) { s.Fall++ },
		func(s *Script) { s.InitFail = true },
	} {
		if changed := every(change); changed.Equal(s) || !changed.Equal(changed) {
			t.Errorf("change %d of a script is none", i)
		}
	}
	for i, change := range []func(*Process){
		func(p *Process) { p.Name = "x" }, func(p *Process) { p.Process = "x" }, func(p *Process) { p.Params = []string{"b"} },
		func(p *Process) { p.Match = confparse.MatchPartial }, func(p *Process) { p.FullCommand = true }, func(p *Process) { p.Quorum++ },
		func(p *Process) { p.QuorumMax-- }, func(p *Process) { p.TerminateDelay++ }, func(p *Process) { p.ForkDelay++ },
	} {
		changed := p
		change(&changed)
		if changed.Equal(p) || !changed.Equal(changed) {
			t.Errorf("change %d of a process is none", i)
		}
	}
}
