package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/process"
)

// programOfText is what global_defs with these lines says of the program.
func programOfText(lines string) programSpec {
	fsys := fstest.MapFS{"k.conf": {Data: []byte("global_defs {\n" + lines + "\n}\n"), Mode: 0o644}}
	cfg, _ := confparse.Load(fsys, "k.conf", confparse.Env{Hostname: "lb1"})
	return programSpecOf(cfg)
}

// TestOneProcessHasWhatServesItsPartsBest.
func TestOneProcessHasWhatServesItsPartsBest(t *testing.T) {
	none := programOfText("")
	if !none.Process.Zero() || none.Umask != 0o177 || none.VRRPThread != "" {
		t.Errorf("by default %+v", none)
	}
	with := func(change func(*process.Spec)) process.Spec { s := none.Process; change(&s); return s }
	for _, c := range []struct {
		lines string
		want  process.Spec
	}{
		{"vrrp_priority -5\nchecker_priority 3", with(func(s *process.Spec) { s.Nice, s.NiceSet = -5, true })},
		{"vrrp_priority 5\nchecker_priority -3\nbfd_priority 0", with(func(s *process.Spec) { s.Nice, s.NiceSet = -3, true })},
		{"bfd_priority 10", with(func(s *process.Spec) { s.Nice, s.NiceSet = 10, true })},
		{"vrrp_rt_priority 20\nbfd_rt_priority 40", with(func(s *process.Spec) { s.RealTime = 40 })},
		{"vrrp_rlimit_rttime 20000\nchecker_rlimit_rttime 30000", with(func(s *process.Spec) { s.RealTimeLimit = 30 * time.Millisecond })},
		{"checker_no_swap", with(func(s *process.Spec) { s.LockMemory = true })},
		{"vrrp_cpu_affinity 3 1\nchecker_cpu_affinity 0 1", with(func(s *process.Spec) { s.CPUs = []int{0, 1, 3} })},
		{"process_name ha\nvrrp_process_name x", with(func(s *process.Spec) { s.Name = "ha" })},
		{"max_auto_priority\nmin_auto_priority_delay 5000", with(func(s *process.Spec) { s.MaxAuto, s.MinLate = 99, 5*time.Millisecond })},
		{"max_auto_priority -1", none.Process},
	} {
		if diff := cmp.Diff(c.want, programOfText(c.lines).Process); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.lines, diff)
		}
	}
	for lines, want := range map[string]string{"process_names": "keepalived_vrrp", "vrrp_process_name x": "x",
		"process_names\nvrrp_process_name x": "x", "process_name y": ""} {
		if got := programOfText(lines).VRRPThread; got != want {
			t.Errorf("%q: the thread is %q, want %q", lines, got, want)
		}
	}
}

// keeper is a Keeper that notes what it is asked for.
type keeper struct {
	mu    sync.Mutex
	asked []process.Spec
	err   error
}

func (k *keeper) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (k *keeper) Set(s process.Spec) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, s)
	return k.err
}

func (k *keeper) last() (process.Spec, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.asked) == 0 {
		return process.Spec{}, 0
	}
	return k.asked[len(k.asked)-1], len(k.asked)
}

// TestTheProcessFollowsItsConfiguration: from the first that asks for something, over reloads, back to nothing; what cannot
// be had is told, and the rest works.
func TestTheProcessFollowsItsConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{}
		i := begin(t, oneService, func(o *Options) { o.Process = k })
		if _, n := k.last(); n != 0 {
			t.Error("asked for something that nobody has written")
		}
		k.err = errors.Join(errors.New("cannot do this"), errors.New("nor that"))
		reply, _ := i.reload("global_defs {\n checker_priority -7\n}\n" + oneService)
		reply.want(t, "a priority", reloadApplied)
		if s, n := k.last(); n != 1 || s.Nice != -7 {
			t.Errorf("%d times, %+v", n, s)
		}
		for _, want := range []string{"cannot do this", "nor that"} {
			if !strings.Contains(i.log.String(), want) {
				t.Errorf("%q is not told", want)
			}
		}
		k.err = nil
		reply, _ = i.reload(oneService)
		reply.want(t, "without it", reloadApplied)
		if s, n := k.last(); n != 2 || s.NiceSet || len(i.kernel.Table()) != 1 {
			t.Errorf("%d times, %+v", n, s)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestUmask: keepalived's unless the configuration says otherwise, and the command line before both.
func TestUmask(t *testing.T) {
	given := uint32(0o27)
	for _, c := range []struct {
		lines string
		given *uint32
		want  []int
	}{
		{"", nil, []int{0o177, 0o22}},
		{"umask 077", nil, []int{0o77, 0o22}},
		{"umask IWGRP|IRWXO", nil, []int{0o27, 0o22}},
		{"umask 077", &given, []int{0o27, 0o27}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var masks []int
			i := begin(t, "global_defs {\n"+c.lines+"\n}\n", func(o *Options) {
				o.Umask, o.SetUmask = c.given, func(mask int) int { masks = append(masks, mask); return 0 }
			})
			reply, _ := i.reload("global_defs {\n umask 022\n}\n")
			reply.want(t, "umask 022", reloadApplied)
			if err := i.end(); err != nil {
				t.Error(err)
			}
			if got := slices.Compact(masks); !slices.Equal(got, slices.Compact(c.want)) {
				t.Errorf("%q, given %v: %#o, want %#o", c.lines, c.given, got, c.want)
			}
		})
	}
}

// threadNames are those of the threads of this process.
func threadNames(t *testing.T) (names []string) {
	files, _ := filepath.Glob("/proc/self/task/*/comm")
	if len(files) == 0 {
		t.Fatal("no threads")
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			names = append(names, strings.TrimSpace(string(b)))
		}
	}
	return names
}

// TestTheThreadOfTheVirtualRoutersHasItsName: while the configuration has one for it.
func TestTheThreadOfTheVirtualRoutersHasItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		named := func(line string) string {
			return strings.Replace(oneRouter, "dynamic_interfaces", "dynamic_interfaces\n"+line, 1)
		}
		i := begin(t, named("vrrp_process_name vg_routers"), nil)
		for _, step := range []struct{ line, want string }{{"vrrp_process_name vg_routers", "vg_routers"}, {"vrrp_process_name vg_other", "vg_other"}, {"", ""}} {
			i.reload(named(step.line))
			synctest.Wait()
			names := threadNames(t)
			for _, name := range []string{"vg_routers", "vg_other"} {
				if slices.Contains(names, name) != (name == step.want) {
					t.Errorf("%q: threads %v", step.line, names)
				}
			}
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
