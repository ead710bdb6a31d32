package ipvs_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

// The first services may come with a reload. A kernel without IPVS does not end the process then: it is tried again.
func TestReconcilerRetriesOpeningAfterReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		var broken atomic.Bool
		broken.Store(true)
		r := run(t, k, ipvs.Options{AuditPeriod: -1, Open: func(ctx context.Context) (ipvs.Kernel, error) {
			if broken.Load() {
				return nil, ipvs.ErrUnavailable
			}
			return k.Open(ctx)
		}})
		defer r.stop()
		r.set(ipvs.Spec{}, ipvs.Health{})
		s := service(1, 2)
		r.want(r.set(specOf(s), ipvs.Health{}))
		if f := r.Status().Failing; len(f) != 1 || f[0].Service != (ipvs.ServiceKey{}) {
			t.Errorf("failing: %+v", f)
		}
		r.want(r.health(serverHealth(s, 1, false, 0)))
		broken.Store(false)
		time.Sleep(time.Minute)
		r.wantTable(ipvs.Desired(specOf(s), serverHealth(s, 1, false, 0)))
		if f := r.Status().Failing; len(f) != 0 {
			t.Errorf("failing: %+v", f)
		}
	})
}

func TestReconcilerReadFailsAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		k.SetReadError(syscall.ENOBUFS)
		r := run(t, k, ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		s := service(1, 1)
		r.want(r.set(specOf(s), ipvs.Health{})) // what has not been read is not written to
		<-r.Ready()
		if f := r.Status().Failing; len(f) != 1 || f[0].Service != s.Services[0].Key {
			t.Errorf("failing: %+v", f)
		}
		k.SetReadError(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		r.wantTable(ipvs.Desired(specOf(s), ipvs.Health{}))
	})
}

// TestReconcilerLearnsFromErrno: what others did to our services behind our back is met and repaired at once.
func TestReconcilerLearnsFromErrno(t *testing.T) {
	d1, d2 := netip.MustParseAddrPort("192.168.1.1:8080"), netip.MustParseAddrPort("192.168.1.2:8080")
	s := service(1, 2)
	for _, c := range []struct {
		name  string
		start ipvs.Health
		edit  func(ipvs.Table)
		then  ipvs.Health
		want  []string
	}{
		{"EEXIST on adding a destination", serverHealth(s, 0, false, 0),
			func(t ipvs.Table) { t[s.Services[0].Key].Dests[d1] = ipvs.DestAttrs{Weight: 9} }, serverHealth(s, 0, true, 1),
			[]string{"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1: file exists",
				"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1"}},
		{"ENOENT on changing a destination", ipvs.Health{},
			func(t ipvs.Table) { delete(t[s.Services[0].Key].Dests, d1) }, serverHealth(s, 0, true, 5),
			[]string{"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 5: no such file or directory",
				"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 5"}},
		{"ENOENT on removing a destination", ipvs.Health{},
			func(t ipvs.Table) { delete(t[s.Services[0].Key].Dests, d1) }, serverHealth(s, 0, false, 0),
			[]string{"delete tcp 10.0.0.1:80 -> 192.168.1.1:8080: no such file or directory"}},
		{"ESRCH: the service is made again with all its destinations", ipvs.Health{},
			func(t ipvs.Table) { clear(t) }, serverHealth(s, 0, true, 5),
			[]string{"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 5: no such process", "add tcp 10.0.0.1:80 wlc",
				"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 5", "add tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
				defer r.stop()
				r.set(specOf(s), c.start)
				r.kernel.Edit(c.edit)
				r.want(r.health(c.then), c.want...)
				if f := r.Status().Failing; len(f) != 0 {
					t.Errorf("failing: %+v", f)
				}
				if _, ok := r.kernel.Table()[s.Services[0].Key].Dests[d2]; !ok {
					t.Error("the other destination is missing")
				}
				if r.log.count(slog.LevelWarn) == 0 {
					t.Error("nobody is told")
				}
			})
		})
	}
}

// A service of ours that somebody adds first is taken over, with what it has.
func TestReconcilerTakesOverAnExistingService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		a, b := service(1, 1), service(2, 1)
		r.set(specOf(a), ipvs.Health{})
		r.kernel.Edit(func(t ipvs.Table) {
			t[b.Services[0].Key] = ipvs.Service{Attrs: attrs(b.Services[0].Key, "rr"), Dests: dests("9.9.9.9:80", ipvs.DestAttrs{})}
		})
		r.want(r.set(specOf(a, b), ipvs.Health{}),
			"add tcp 10.0.0.2:80 wlc: file exists", "add tcp 10.0.0.2:80 -> 192.168.2.1:8080 weight 1",
			"set tcp 10.0.0.2:80 wlc", "delete tcp 10.0.0.2:80 -> 9.9.9.9:80")
		r.wantTable(ipvs.Desired(specOf(a, b), ipvs.Health{}))
	})
}

// One service that the kernel refuses holds up no other; it is tried again with growing pauses.
func TestReconcilerRefusedServiceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		bad, good := service(1, 2), service(2, 1)
		bad.Services[0].Attrs.Scheduler = "nosuch"
		r.set(specOf(bad, good), ipvs.Health{})
		r.wantTable(ipvs.Desired(specOf(good), ipvs.Health{}))
		if n := r.log.count(slog.LevelError); n != 1 {
			t.Errorf("%d error lines, want only that of the service", n)
		}
		start := time.Now()
		var tries []time.Duration
		r.kernel.SetFault(func(op ipvs.Op) ipvstest.Fault {
			if op.Kind == ipvs.AddService {
				tries = append(tries, time.Since(start))
			}
			return ipvstest.Fault{}
		})
		time.Sleep(16 * time.Second)
		synctest.Wait()
		if got := fmt.Sprint(tries); got != "[1s 3s 7s 15s]" {
			t.Errorf("tries at %s", got)
		}
		f := r.Status().Failing
		if len(f) != 1 || f[0].Service != bad.Services[0].Key || f[0].Attempts != 5 || !strings.Contains(f[0].Error, "Scheduler") {
			t.Errorf("failing: %+v", f)
		}
		// A change is tried at once, and ends it.
		bad.Services[0].Attrs.Scheduler = "rr"
		r.set(specOf(bad, good), ipvs.Health{})
		r.wantTable(ipvs.Desired(specOf(bad, good), ipvs.Health{}))
		if f := r.Status().Failing; len(f) != 0 {
			t.Errorf("failing: %+v", f)
		}
	})
}

// A reload tries again at once what the kernel refused, also where it changes nothing about it.
func TestReconcilerReloadRetriesWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		a, b := service(1, 1), service(2, 1)
		refusing := true
		r.kernel.SetFault(func(op ipvs.Op) ipvstest.Fault {
			if refusing && op.Service == a.Services[0].Key && op.Kind == ipvs.AddDest {
				return ipvstest.Fault{Err: syscall.ENOMEM}
			}
			return ipvstest.Fault{}
		})
		r.set(specOf(a, b), ipvs.Health{})
		r.want(r.set(specOf(a, b), ipvs.Health{}),
			"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1: cannot allocate memory")
		refusing = false
		r.want(r.set(specOf(a, b), ipvs.Health{}), "add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1")
		r.want(r.set(specOf(a, b), ipvs.Health{}))
	})
}

// lthreshold without uthreshold cannot be programmed; the other servers can.
func TestReconcilerRefusedDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		s := service(1, 2)
		s.Pool.Servers[0].LowerThreshold = 20
		r.set(specOf(s), ipvs.Health{})
		if got := len(r.kernel.Table()[s.Services[0].Key].Dests); got != 1 {
			t.Errorf("%d destinations, want 1", got)
		}
		if n := r.log.count(slog.LevelError); n != 1 {
			t.Errorf("%d error lines, want one", n)
		}
	})
}

// A lost answer leaves it open whether the operation was done: the kernel is asked.
func TestReconcilerUnknownOutcome(t *testing.T) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprintf("done=%v", done), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
				defer r.stop()
				left := 2
				r.kernel.SetFault(func(ipvs.Op) ipvstest.Fault {
					if left--; left >= 0 {
						return ipvstest.Fault{Err: syscall.ENOBUFS, Done: done}
					}
					return ipvstest.Fault{}
				})
				s := service(1, 3)
				r.set(specOf(s), ipvs.Health{})
				r.wantTable(ipvs.Desired(specOf(s), ipvs.Health{}))
				if f := r.Status().Failing; len(f) != 0 {
					t.Errorf("failing: %+v", f)
				}
			})
		})
	}
}

func TestReconcilerAuditRepairsDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		defer r.stop()
		a, b := service(1, 2), service(2, 2)
		r.set(specOf(a, b), ipvs.Health{})
		time.Sleep(5 * time.Minute)
		r.want(r.ops()) // an undisturbed table is only read
		r.kernel.Edit(func(t ipvs.Table) {
			delete(t, a.Services[0].Key)
			t[b.Services[0].Key].Dests[netip.MustParseAddrPort("9.9.9.9:80")] = ipvs.DestAttrs{}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		r.wantTable(ipvs.Desired(specOf(a, b), ipvs.Health{}))
		if got := r.Status().Drift; got != 4 {
			t.Errorf("%d repairs counted, want 4", got)
		}
	})
}

// A large table is read back in parts, all of it within one period.
func TestReconcilerAuditCoversLargeTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: time.Minute})
		defer r.stop()
		spec := bigSpec(1000)
		r.set(spec, ipvs.Health{})
		before := r.kernel.Reads()
		r.kernel.Edit(func(t ipvs.Table) {
			for _, s := range t {
				clear(s.Dests)
			}
		})
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		r.wantTable(ipvs.Desired(spec, ipvs.Health{}))
		if got := r.kernel.Reads() - before; got != 8 {
			t.Errorf("%d reads for 1000 services, want 8 parts", got)
		}
	})
}

// bigSpec is n services of 10 real servers.
func bigSpec(n int) ipvs.Spec {
	var s ipvs.Spec
	for i := range n {
		k := tcp(fmt.Sprintf("10.%d.%d.1:80", 10+i/250, i%250))
		svc := ipvs.VirtualServerSpec{
			ID:       confparse.VirtualServerID{Family: k.Family, Protocol: k.Protocol, Addr: k.Addr, Port: k.Port},
			Services: []ipvs.ServiceSpec{{Key: k, Attrs: attrs(k, "wrr")}}, Pool: pool.Spec{Quorum: 1},
		}
		for j := range 10 {
			svc.Pool.Servers = append(svc.Pool.Servers, pool.Server{
				Addr: netip.AddrFrom4([4]byte{172, 16, byte(i % 250), byte(j + 1)}), Port: 8080, Weight: 1,
			})
		}
		s.VirtualServers = append(s.VirtualServers, svc)
	}
	return s
}

// What happens to a pool is told when the kernel has it: a server that the kernel refuses is not told to be in, and is
// told once it is accepted.
func TestReconcilerTellsWhatTheKernelHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		told := 0
		want := func(what string, n int) {
			t.Helper()
			now := r.log.count(slog.LevelInfo)
			if now-told != n {
				t.Errorf("%s: %d lines, want %d", what, now-told, n)
			}
			told = now
		}
		s := service(1, 2)
		r.set(specOf(s), ipvs.Health{})
		want("the quorum at start", 1)
		r.health(serverHealth(s, 0, false, 1))
		want("a server down", 1)
		r.kernel.SetFault(func(op ipvs.Op) ipvstest.Fault {
			if op.Kind == ipvs.AddDest {
				return ipvstest.Fault{Err: syscall.ENOMEM}
			}
			return ipvstest.Fault{}
		})
		r.health(serverHealth(s, 0, true, 1))
		want("a server that the kernel refuses", 0)
		r.kernel.SetFault(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want("the server once it is accepted", 1)
		r.health(serversHealth(s, false))
		want("two servers and the quorum", 3)
		r.set(ipvs.Spec{}, ipvs.Health{})
		want("the virtual server removed", 1)
	})
}
