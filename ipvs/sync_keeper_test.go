package ipvs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// syncRig is a SyncKeeper on a twin.
type syncRig struct {
	*ipvs.SyncKeeper
	t      *testing.T
	kernel *ipvstest.Kernel
	log    *bytes.Buffer // read it while the keeper waits
	stop   func() error
}

func keepSync(t *testing.T, k *ipvstest.Kernel, o ipvs.SyncOptions) *syncRig {
	t.Helper()
	r := &syncRig{t: t, kernel: k, log: new(bytes.Buffer)}
	o.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	if o.Open == nil {
		o.Open = k.Open
	}
	r.SyncKeeper = ipvs.NewSyncKeeper(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	return r
}

// wants hands in what is to run, waits for it, and fails unless it took these operations: "start backup", "stop master: no
// such process".
func (r *syncRig) wants(list []ipvs.SyncDaemon, ops ...string) {
	r.t.Helper()
	r.Want(ipvs.Sync{Daemons: list})
	if err := r.Sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.took(ops...)
}

func (r *syncRig) took(want ...string) {
	r.t.Helper()
	var got []string
	for _, e := range r.kernel.TakeLog() {
		line := map[ipvs.OpKind]string{ipvs.StartSync: "start ", ipvs.StopSync: "stop "}[e.Kind] + e.Sync.Role.String()
		if e.Err != nil {
			line += ": " + e.Err.Error()
		}
		got = append(got, line)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		r.t.Errorf("operations %q, want %q", got, want)
	}
}

// runs fails unless exactly these daemons run.
func (r *syncRig) runs(want ...string) {
	r.t.Helper()
	list, _ := r.kernel.SyncDaemons(context.Background())
	var got []string
	for _, d := range list {
		got = append(got, d.String())
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		r.t.Errorf("daemons %q, want %q", got, want)
	}
}

func syncOn(link string, roles ...ipvs.SyncRole) (list []ipvs.SyncDaemon) {
	for _, r := range roles {
		list = append(list, ipvs.SyncDaemon{Role: r, Interface: link, ID: 9})
	}
	return list
}

const (
	syncMaster9 = "master on eth0 id 9 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
	syncBackup9 = "backup on eth0 id 9 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
)

// The one ends before the other starts; what runs as it is wanted is left alone; the end of the daemon is that of both.
func TestSyncFollowsRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := prometheus.NewPedanticRegistry()
		r := keepSync(t, ipvstest.New(), ipvs.SyncOptions{Registerer: metrics})
		defer r.stop()
		r.wants(nil)
		r.wants(syncOn("eth0", ipvs.SyncBackup), "start backup")
		r.runs(syncBackup9)
		r.wants(syncOn("eth0", ipvs.SyncBackup))
		r.wants(syncOn("eth0", ipvs.SyncMaster), "stop backup", "start master")
		r.runs(syncMaster9)
		want := []string{"keepalived_ipvs_sync_daemon_failing 0", "keepalived_ipvs_sync_daemon{backup} 0", "keepalived_ipvs_sync_daemon{master} 1"}
		if got := gather(t, metrics, "keepalived_ipvs_sync"); !slices.Equal(got, want) {
			t.Errorf("metrics %q", got)
		}
		r.wants(syncOn("eth0", ipvs.SyncBackup), "stop master", "start backup")
		r.wants(syncOn("eth0", ipvs.SyncMaster, ipvs.SyncBackup), "start master")
		changed := syncOn("eth0", ipvs.SyncMaster, ipvs.SyncBackup)
		changed[0].TTL = 3
		r.wants(changed, "stop master", "start master")
		if s := r.Status(); len(s.Running) != 2 || s.Running[0].TTL != 3 || len(s.Failing) != 0 {
			t.Errorf("status %+v", s)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.took("stop master", "stop backup")
		if s := r.Status(); len(s.Running) != 0 {
			t.Errorf("status after the end %+v", s)
		}
	})
}

// A life before this one, or somebody by hand, has started daemons: those that are as configured go on, the others end.
func TestSyncTakesOver(t *testing.T) {
	for _, c := range []struct {
		name  string
		there []ipvs.SyncDaemon
		ops   []string
	}{
		{"nothing", nil, []string{"start master"}},
		{"the same", syncOn("eth0", ipvs.SyncMaster), nil},
		{"the other role", syncOn("eth0", ipvs.SyncBackup), []string{"stop backup", "start master"}},
		{"another interface", syncOn("eth7", ipvs.SyncMaster), []string{"stop master", "start master"}},
		{"both", syncOn("eth0", ipvs.SyncMaster, ipvs.SyncBackup), []string{"stop backup"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			k := ipvstest.New()
			for i := range c.there {
				k.Apply(t.Context(), []ipvs.Op{{Kind: ipvs.StartSync, Sync: &c.there[i]}})
			}
			k.TakeLog()
			r := keepSync(t, k, ipvs.SyncOptions{})
			defer r.stop()
			r.wants(nil) // nothing is configured: they are others'
			r.wants(syncOn("eth0", ipvs.SyncMaster), c.ops...)
			r.runs(syncMaster9)
			r.wants(nil, "stop master")
		})
	}
}

// Taken out of the configuration, lvs_sync_daemon ends its own and leaves what somebody else starts then.
func TestSyncLeavesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := keepSync(t, ipvstest.New(), ipvs.SyncOptions{})
		defer r.stop()
		r.wants(syncOn("eth0", ipvs.SyncBackup), "start backup")
		r.wants(nil, "stop backup")
		other := syncOn("eth0", ipvs.SyncMaster)[0]
		r.kernel.Apply(t.Context(), []ipvs.Op{{Kind: ipvs.StartSync, Sync: &other}})
		r.kernel.TakeLog()
		time.Sleep(time.Hour)
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.took()
		r.runs(syncMaster9)
	})
}

// --dont-release-ipvs leaves the daemons as it leaves the table.
func TestSyncIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := keepSync(t, ipvstest.New(), ipvs.SyncOptions{KeepOnStop: true})
		r.wants(syncOn("eth0", ipvs.SyncBackup), "start backup")
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.took()
		r.runs(syncBackup9)
		if !r.kernel.Closed() {
			t.Error("the kernel is left open")
		}
	})
}

// What the kernel refuses is told once, tried again with growing pauses, and at once when something changes.
func TestSyncIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		k.SetLinks()
		r := keepSync(t, k, ipvs.SyncOptions{})
		defer r.stop()
		backup := syncOn("eth0", ipvs.SyncBackup)
		r.wants(backup, "start backup: no such device")
		if s := r.Status(); len(s.Failing) != 1 || s.Failing[0].Attempts != 1 || len(s.Running) != 0 {
			t.Errorf("status %+v", s)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := r.Status(); len(s.Failing) != 1 || s.Failing[0].Attempts < 60 || s.Failing[0].Attempts > 75 {
			t.Errorf("after an hour %+v", s.Failing)
		}
		if n := strings.Count(r.log.String(), "IP_VS_SO_SET_STARTDAEMON(1163) error: No such device(19)"); n != 1 {
			t.Errorf("told %d times:\n%s", n, r.log)
		}
		k.SetLinks("eth0")
		k.TakeLog()
		r.wants(backup, "start backup")
		if s := r.Status(); len(s.Failing) != 0 || len(s.Running) != 1 {
			t.Errorf("status %+v", s)
		}
		k.SetFault(func(op ipvs.Op) ipvstest.Fault {
			if op.Kind == ipvs.StopSync {
				return ipvstest.Fault{Err: syscall.EPERM}
			}
			return ipvstest.Fault{}
		})
		r.wants(syncOn("eth0", ipvs.SyncMaster), "stop backup: operation not permitted", "start master")
		k.SetFault(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		r.took("stop backup")
		r.runs(syncMaster9)
	})
}

// A server of another family keeps the kernel from synchronizing; when it is gone the daemon starts.
func TestSyncAndMixedFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		mixed := fwmark(5, confparse.IPv4)
		k.Edit(func(table ipvs.Table) {
			table[mixed] = ipvs.Service{Dests: dests("[2001:db8::2]:0", ipvs.DestAttrs{Weight: 1, Forwarding: confparse.TUN})}
		})
		r := keepSync(t, k, ipvs.SyncOptions{})
		defer r.stop()
		r.wants(syncOn("eth0", ipvs.SyncBackup), "start backup: invalid argument")
		k.Edit(func(table ipvs.Table) { delete(table, mixed) })
		time.Sleep(time.Second)
		synctest.Wait()
		r.took("start backup")
	})
}

// Others end a daemon, or start one: an audit puts it right and says so.
func TestSyncIsLookedAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := keepSync(t, ipvstest.New(), ipvs.SyncOptions{})
		defer r.stop()
		r.wants(syncOn("eth0", ipvs.SyncBackup), "start backup")
		r.kernel.EditSync(func([]ipvs.SyncDaemon) []ipvs.SyncDaemon { return nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		r.took("start backup")
		if !strings.Contains(r.log.String(), "behind our back") {
			t.Errorf("nothing of it is told:\n%s", r.log)
		}
		r.kernel.EditSync(func([]ipvs.SyncDaemon) []ipvs.SyncDaemon { return syncOn("eth0", ipvs.SyncMaster) })
		time.Sleep(time.Minute)
		synctest.Wait()
		r.took("stop master", "start backup")
	})
}

// The kernel does not tell with which length of messages one was started, nor that its interface was made anew under it.
func TestSyncStartsAnewWhatLooksTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		k.SetLinks("eth0")
		r := keepSync(t, k, ipvs.SyncOptions{})
		defer r.stop()
		backup := syncOn("eth0", ipvs.SyncBackup)
		short := slices.Clone(backup)
		short[0].MaxLen = 1472
		r.wants(backup, "start backup")
		r.wants(short, "stop backup", "start backup")
		r.wants(backup, "stop backup", "start backup")
		k.SetLinks()
		time.Sleep(time.Minute)
		synctest.Wait()
		r.took() // there is nothing to start it on
		k.SetLinks("eth0")
		time.Sleep(time.Minute)
		synctest.Wait()
		r.took("stop backup", "start backup")
		time.Sleep(time.Hour)
		synctest.Wait()
		r.took()
	})
}

// IPVS is not there, or is unloaded: it is tried again, and the daemon starts when it is there.
func TestSyncWithoutIPVS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		k.Unload()
		r := keepSync(t, k, ipvs.SyncOptions{AuditPeriod: 10 * time.Second})
		defer r.stop()
		r.wants(syncOn("eth0", ipvs.SyncBackup))
		if s := r.Status(); len(s.Failing) != 1 || !strings.Contains(s.Failing[0].Error, ipvs.ErrUnavailable.Error()) {
			t.Errorf("status %+v", s)
		}
		k.Load()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.took("start backup")
		k.Unload()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := r.Status(); len(s.Failing) != 1 || len(s.Running) != 0 {
			t.Errorf("while it is lost: %+v", s)
		}
		k.Load()
		time.Sleep(time.Minute)
		synctest.Wait()
		r.took("start backup")
		k.Unload()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Nobody waits for ever: not for one that has stopped, nor beyond the time that is given.
func TestSyncIsNotWaitedForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		k := ipvstest.New()
		k.SetFault(func(ipvs.Op) ipvstest.Fault { return ipvstest.Fault{Block: release} })
		r := keepSync(t, k, ipvs.SyncOptions{})
		r.Want(ipvs.Sync{Daemons: syncOn("eth0", ipvs.SyncBackup)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of the time", err)
		}
		close(release)
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if err := r.Sync(t.Context()); err == nil {
			t.Error("one that has stopped has done it")
		}
	})
}
