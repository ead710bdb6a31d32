package ipvs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// service is a TCP service 10.0.0.N:80 with the given number of NAT servers 192.168.N.1, .2, … of weight 1.
func service(n, servers int) ipvs.ServiceSpec {
	k := tcp(fmt.Sprintf("10.0.0.%d:80", n))
	s := ipvs.ServiceSpec{
		ID:  confparse.VirtualServerID{Family: k.Family, Protocol: k.Protocol, Addr: k.Addr, Port: k.Port},
		Key: k, Attrs: attrs(k, "wlc"),
	}
	for i := range servers {
		s.RealServers = append(s.RealServers, ipvs.RealServerSpec{
			Addr: netip.AddrFrom4([4]byte{192, 168, byte(n), byte(i + 1)}), Port: 8080, Weight: 1,
		})
	}
	return s
}

func specOf(services ...ipvs.ServiceSpec) ipvs.Spec { return ipvs.Spec{Services: services} }

// serverHealth is the health of the i-th server of s.
func serverHealth(s ipvs.ServiceSpec, i int, up bool, weight int32) ipvs.Health {
	id := confparse.RealServerID{VS: s.ID, Addr: s.RealServers[i].Addr, Port: s.RealServers[i].Port}
	return ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{id: {Up: up, Weight: weight}}}
}

func quorum(s ipvs.ServiceSpec, up bool) ipvs.Health {
	return ipvs.Health{QuorumUp: map[confparse.VirtualServerID]bool{s.ID: up}}
}

// rig is a running Reconciler on a twin.
type rig struct {
	*ipvs.Reconciler
	t      testing.TB
	kernel *ipvstest.Kernel
	log    *logBuffer
	stop   func() error
}

// logBuffer is written by the Reconciler and read by the test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run starts a Reconciler on k. It must be called in a synctest bubble, and stop before its end.
func run(t testing.TB, k *ipvstest.Kernel, o ipvs.Options) *rig {
	t.Helper()
	l := new(logBuffer)
	o.Logger = slog.New(slog.NewTextHandler(l, nil))
	if o.Open == nil {
		o.Open = k.Open
	}
	r := ipvs.NewReconciler(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return &rig{r, t, k, l, sync.OnceValue(func() error { cancel(); return <-done })}
}

// set hands in a Spec, waits for it and returns the operations that it took, with their errors.
func (r *rig) set(s ipvs.Spec, h ipvs.Health) []string {
	r.t.Helper()
	r.Set(s, h)
	return r.sync()
}

func (r *rig) health(h ipvs.Health) []string {
	r.t.Helper()
	r.SetHealth(h)
	return r.sync()
}

func (r *rig) sync() []string {
	r.t.Helper()
	if err := r.Sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return r.ops()
}

func (r *rig) ops() []string {
	var out []string
	for _, e := range r.kernel.TakeLog() {
		line := e.String()
		if e.Err != nil {
			line += ": " + e.Err.Error()
		}
		out = append(out, line)
	}
	return out
}

func (r *rig) want(ops []string, want ...string) {
	r.t.Helper()
	if got, want := strings.Join(ops, "\n"), strings.Join(want, "\n"); got != want {
		r.t.Errorf("operations:\n%s\nwant:\n%s", got, want)
	}
}

func (r *rig) wantTable(want ipvs.Table) {
	r.t.Helper()
	if diff := diffTables(want, r.kernel.Table()); diff != "" {
		r.t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestReconcilerStartChangeStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		r := run(t, k, ipvs.Options{AuditPeriod: -1})
		s := service(1, 2)
		s.Sorry = ipvs.SorryServerSpec{Addr: netip.MustParseAddr("192.168.1.9"), Port: 8080}
		r.want(r.set(specOf(s), ipvs.Health{}), "add tcp 10.0.0.1:80 wlc",
			"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1", "add tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 1")
		select {
		case <-r.Ready():
		default:
			t.Error("not ready after the first programming")
		}
		r.want(r.health(serverHealth(s, 0, false, 0)), "delete tcp 10.0.0.1:80 -> 192.168.1.1:8080")
		r.want(r.health(serverHealth(s, 0, false, 0))) // no news
		r.want(r.health(serverHealth(s, 1, true, 7)), "set tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 7")
		r.want(r.health(quorum(s, false)), "add tcp 10.0.0.1:80 -> 192.168.1.9:8080 weight 1",
			"delete tcp 10.0.0.1:80 -> 192.168.1.2:8080")
		r.want(r.health(quorum(s, true)), "add tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 7",
			"delete tcp 10.0.0.1:80 -> 192.168.1.9:8080")
		r.want(r.health(serverHealth(service(9, 1), 0, false, 0))) // not of this configuration
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.want(r.ops(), "delete tcp 10.0.0.1:80")
		if !k.Closed() {
			t.Error("kernel is left open")
		}
		if err := r.Sync(t.Context()); err == nil {
			t.Error("Sync succeeds after the end")
		}
	})
}

func TestReconcilerReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		a, b := service(1, 2), service(2, 1)
		r.set(specOf(a, b), ipvs.Health{})
		r.want(r.set(specOf(a, b), ipvs.Health{})) // nothing changed: nothing written
		reads := r.kernel.Reads()
		a2 := service(1, 1)
		a2.Attrs.Scheduler = "rr"
		r.want(r.set(specOf(a2, service(3, 0)), ipvs.Health{}), "add tcp 10.0.0.3:80 wlc", "set tcp 10.0.0.1:80 rr",
			"delete tcp 10.0.0.1:80 -> 192.168.1.2:8080", "delete tcp 10.0.0.2:80")
		if got := r.kernel.Reads(); got != reads {
			t.Errorf("a reload read the kernel %d times", got-reads)
		}
		// Health is replaced with the Spec: what the new one does not mention is up.
		r.want(r.set(specOf(a2), serverHealth(a2, 0, false, 0)), "delete tcp 10.0.0.1:80 -> 192.168.1.1:8080",
			"delete tcp 10.0.0.3:80")
		r.want(r.set(specOf(a2), ipvs.Health{}), "add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1")
	})
}

func TestReconcilerAdopts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		s := service(1, 2)
		foreign := fwmark(9, confparse.IPv4)
		k.Edit(func(table ipvs.Table) {
			maps.Copy(table, ipvs.Desired(specOf(s, service(2, 1)), ipvs.Health{}))
			table[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc"), Dests: dests("1.2.3.4:0", ipvs.DestAttrs{})}
			// An old weight, and a destination that is not in the configuration.
			maps.Copy(table[s.Key].Dests, dests("192.168.1.2:8080", ipvs.DestAttrs{Weight: 9}, "9.9.9.9:8080", ipvs.DestAttrs{}))
		})
		r := run(t, k, ipvs.Options{AuditPeriod: -1})
		r.want(r.set(specOf(s), ipvs.Health{}), "set tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 1",
			"delete tcp 10.0.0.1:80 -> 9.9.9.9:8080")
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		// Services that are not ours are as they were.
		want := ipvs.Desired(specOf(service(2, 1)), ipvs.Health{})
		want[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc"), Dests: dests("1.2.3.4:0", ipvs.DestAttrs{})}
		r.wantTable(want)
	})
}

func TestReconcilerRemovesWhatACrashLeft(t *testing.T) {
	state := filepath.Join(t.TempDir(), "ipvs.json")
	synctest.Test(t, func(t *testing.T) {
		k := ipvstest.New()
		foreign := fwmark(9, confparse.IPv4)
		k.Edit(func(table ipvs.Table) { table[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")} })
		first := run(t, k, ipvs.Options{AuditPeriod: -1, StatePath: state, KeepOnStop: true})
		first.set(specOf(service(1, 1), service(2, 1)), ipvs.Health{})
		if err := first.stop(); err != nil { // --dont-release-ipvs leaves what a crash leaves
			t.Error(err)
		}
		second := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1, StatePath: state,
			Open: func(context.Context) (ipvs.Kernel, error) { return &unclosed{k}, nil }})
		second.kernel = k
		second.want(second.set(specOf(service(2, 1)), ipvs.Health{}), "delete tcp 10.0.0.1:80")
		if _, ok := k.Table()[foreign]; !ok {
			t.Error("a foreign service was removed")
		}
		if err := second.stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("state file after a clean stop: %v", err)
		}
	})
}

// unclosed lets a second Reconciler use a twin that a first one has closed.
type unclosed struct{ *ipvstest.Kernel }

func (unclosed) Close() error { return nil }

func TestReconcilerFlushOptions(t *testing.T) {
	foreign := fwmark(9, confparse.IPv4)
	for _, c := range []struct {
		name string
		spec ipvs.Spec
		keep bool
		want int // services left after the stop, the foreign one included
	}{
		{"default", ipvs.Spec{}, false, 1},
		{"lvs_flush", ipvs.Spec{FlushAtStart: true}, false, 0},
		{"lvs_flush_on_stop", ipvs.Spec{FlushOnStop: confparse.FlushOnStopAll}, false, 0},
		{"lvs_flush_on_stop VS", ipvs.Spec{FlushOnStop: confparse.FlushOnStopVS}, false, 1},
		{"--dont-release-ipvs", ipvs.Spec{FlushOnStop: confparse.FlushOnStopAll}, true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := ipvstest.New()
				k.Edit(func(table ipvs.Table) { table[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")} })
				r := run(t, k, ipvs.Options{AuditPeriod: -1, KeepOnStop: c.keep})
				c.spec.Services = []ipvs.ServiceSpec{service(1, 2)}
				r.set(c.spec, ipvs.Health{})
				if err := r.stop(); err != nil {
					t.Error(err)
				}
				if got := len(k.Table()); got != c.want {
					t.Errorf("%d services left, want %d", got, c.want)
				}
			})
		})
	}
}

// Without services IPVS is not even opened, and a kernel without it is no reason to fail.
func TestReconcilerWithoutServicesLeavesIPVSAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		r := run(t, ipvstest.New(), ipvs.Options{Open: func(context.Context) (ipvs.Kernel, error) {
			opened++
			return nil, ipvs.ErrUnavailable
		}})
		r.set(ipvs.Spec{FlushAtStart: true}, ipvs.Health{})
		<-r.Ready()
		time.Sleep(time.Hour)
		if err := r.stop(); err != nil || opened != 0 {
			t.Errorf("opened %d times, %v", opened, err)
		}
	})
}

func TestReconcilerWithoutIPVSFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ipvs.NewReconciler(ipvs.Options{Open: func(context.Context) (ipvs.Kernel, error) {
			return nil, fmt.Errorf("%w: no module", ipvs.ErrUnavailable)
		}})
		r.Set(specOf(service(1, 1)), ipvs.Health{})
		if err := r.Run(t.Context()); !errors.Is(err, ipvs.ErrUnavailable) {
			t.Errorf("Run = %v, want ErrUnavailable", err)
		}
		select {
		case <-r.Ready():
			t.Error("ready")
		default:
		}
	})
}

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
		r.want(r.set(specOf(s), ipvs.Health{})) // an unread table is not written to
		k.SetReadError(nil)
		<-r.Ready()
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
			func(t ipvs.Table) { t[s.Key].Dests[d1] = ipvs.DestAttrs{Weight: 9} }, serverHealth(s, 0, true, 1),
			[]string{"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1: file exists",
				"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1"}},
		{"ENOENT on changing a destination", ipvs.Health{},
			func(t ipvs.Table) { delete(t[s.Key].Dests, d1) }, serverHealth(s, 0, true, 5),
			[]string{"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 5: no such file or directory",
				"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 5"}},
		{"ENOENT on removing a destination", ipvs.Health{},
			func(t ipvs.Table) { delete(t[s.Key].Dests, d1) }, serverHealth(s, 0, false, 0),
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
				if _, ok := r.kernel.Table()[s.Key].Dests[d2]; !ok {
					t.Error("the other destination is missing")
				}
				if !strings.Contains(r.log.String(), "IPVS cmd IP_VS_SO_SET_") {
					t.Errorf("log:\n%s", r.log)
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
			t[b.Key] = ipvs.Service{Attrs: attrs(b.Key, "rr"), Dests: dests("9.9.9.9:80", ipvs.DestAttrs{})}
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
		bad.Attrs.Scheduler = "nosuch"
		r.set(specOf(bad, good), ipvs.Health{})
		r.wantTable(ipvs.Desired(specOf(good), ipvs.Health{}))
		if n := strings.Count(r.log.String(), "error:"); n != 1 {
			t.Errorf("%d error lines, want only that of the service:\n%s", n, r.log)
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
		if len(f) != 1 || f[0].Service != bad.Key || f[0].Attempts != 5 || !strings.Contains(f[0].Error, "Scheduler") {
			t.Errorf("failing: %+v", f)
		}
		// A change is tried at once, and ends it.
		bad.Attrs.Scheduler = "rr"
		r.set(specOf(bad, good), ipvs.Health{})
		r.wantTable(ipvs.Desired(specOf(bad, good), ipvs.Health{}))
		if f := r.Status().Failing; len(f) != 0 {
			t.Errorf("failing: %+v", f)
		}
	})
}

// lthreshold without uthreshold cannot be programmed; the other servers can.
func TestReconcilerRefusedDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		s := service(1, 2)
		s.RealServers[0].LowerThreshold = 20
		r.set(specOf(s), ipvs.Health{})
		if got := len(r.kernel.Table()[s.Key].Dests); got != 1 {
			t.Errorf("%d destinations, want 1", got)
		}
		want := "IPVS cmd IP_VS_SO_SET_ADDDEST(1159) error: Numerical result out of range(34) (10.0.0.1:tcp:80 -> 192.168.1.1:8080)"
		if n := strings.Count(r.log.String(), want); n != 1 {
			t.Errorf("the line is there %d times:\n%s", n, r.log)
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
			delete(t, a.Key)
			t[b.Key].Dests[netip.MustParseAddrPort("9.9.9.9:80")] = ipvs.DestAttrs{}
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

// step is one thing that happens in TestReconcilerAlwaysConverges. It is drawn before, since rapid draws only in the
// goroutine of its test.
type step struct {
	kind    string
	spec    ipvs.Spec
	health  ipvs.Health
	service ipvs.ServiceSpec
	gone    bool
	err     error
	every   int
	done    bool
}

func drawStep(t *rapid.T, pool []ipvs.ServiceSpec) step {
	st := step{kind: rapid.SampledFrom([]string{"set", "health", "health", "quorum", "sync", "meddle", "faults"}).Draw(t, "step")}
	st.service = pool[rapid.IntRange(0, len(pool)-1).Draw(t, "service")]
	switch st.kind {
	case "set":
		for _, s := range pool {
			if rapid.Bool().Draw(t, "in") {
				s.Attrs.Scheduler = rapid.SampledFrom([]string{"rr", "wlc"}).Draw(t, "scheduler")
				st.spec.Services = append(st.spec.Services, s)
			}
		}
	case "health":
		if n := len(st.service.RealServers); n > 0 {
			st.health = serverHealth(st.service, rapid.IntRange(0, n-1).Draw(t, "server"),
				rapid.Bool().Draw(t, "up"), rapid.Int32Range(0, 3).Draw(t, "weight"))
		}
	case "quorum":
		st.health = quorum(st.service, rapid.Bool().Draw(t, "up"))
	case "meddle":
		st.gone = rapid.Bool().Draw(t, "gone")
	case "faults":
		// A kernel may refuse, or its answer may be lost. It does not lie: EEXIST, ENOENT and ESRCH come by themselves
		// when somebody meddles.
		st.every = rapid.IntRange(1, 3).Draw(t, "every")
		if rapid.Bool().Draw(t, "refused") {
			st.err = rapid.SampledFrom([]error{syscall.ERANGE, syscall.ENOMEM, syscall.EPERM}).Draw(t, "errno")
			return st
		}
		st.err = rapid.SampledFrom([]error{syscall.ENOBUFS, syscall.ETIMEDOUT, errors.New("strange")}).Draw(t, "errno")
		st.done = rapid.Bool().Draw(t, "done")
	}
	return st
}

// do makes the step happen to r's kernel.
func (st step) do(k *ipvstest.Kernel) {
	switch st.kind {
	case "meddle":
		k.Edit(func(t ipvs.Table) {
			switch svc, ok := t[st.service.Key]; {
			case !ok: // there is nothing to meddle with
			case st.gone:
				delete(t, st.service.Key)
			default:
				clear(svc.Dests)
				svc.Dests[netip.MustParseAddrPort("192.168.1.1:8080")] = ipvs.DestAttrs{Weight: 8}
			}
		})
	case "faults":
		n := 0
		k.SetFault(func(ipvs.Op) ipvstest.Fault {
			if n++; n%st.every == 0 {
				return ipvstest.Fault{Err: st.err, Done: st.done}
			}
			return ipvstest.Fault{}
		})
	}
}

// TestReconcilerAlwaysConverges: whatever is handed in, in whatever grouping, whatever fails and whoever meddles, once
// the faults end the table is the desired one, and no operation of an undisturbed run fails.
func TestReconcilerAlwaysConverges(t *testing.T) {
	pool := []ipvs.ServiceSpec{service(1, 3), service(2, 2), service(3, 0), service(4, 1)}
	pool[0].Sorry = ipvs.SorryServerSpec{Addr: netip.MustParseAddr("192.168.1.1"), Port: 8080}
	pool[1].Sorry = ipvs.SorryServerSpec{Addr: netip.MustParseAddr("192.168.9.9"), Port: 80, Inhibit: true}
	pool[1].RealServers[0].InhibitOnFailure = true
	rapid.Check(t, func(rt *rapid.T) {
		steps := make([]step, rapid.IntRange(1, 12).Draw(rt, "steps"))
		for i := range steps {
			steps[i] = drawStep(rt, pool)
		}
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = play(t, steps) })
		for _, p := range problems {
			rt.Error(p)
		}
	})
}

func play(t *testing.T, steps []step) (problems []string) {
	k := ipvstest.New()
	r := run(t, k, ipvs.Options{AuditPeriod: time.Minute})
	defer r.stop()
	var spec ipvs.Spec
	health := ipvs.Health{
		QuorumUp:    make(map[confparse.VirtualServerID]bool),
		RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth),
	}
	disturbed := false
	for _, st := range steps {
		maps.Copy(health.QuorumUp, st.health.QuorumUp)
		maps.Copy(health.RealServers, st.health.RealServers)
		switch st.kind {
		case "set":
			spec = st.spec
			r.Set(spec, ipvs.Health{QuorumUp: maps.Clone(health.QuorumUp), RealServers: maps.Clone(health.RealServers)})
		case "health", "quorum":
			r.SetHealth(st.health)
		case "sync":
			r.sync()
		default:
			disturbed = true
			st.do(k)
		}
	}
	r.Set(spec, health)
	log := k.TakeLog()
	if err := r.Sync(t.Context()); err != nil {
		return []string{err.Error()}
	}
	k.SetFault(nil)
	if disturbed {
		time.Sleep(5 * time.Minute) // longer than any pause, and than an audit
	}
	synctest.Wait()
	if diff := diffTables(ipvs.Desired(spec, health), k.Table()); diff != "" {
		problems = append(problems, "table (-want +got):\n"+diff)
	}
	for _, e := range append(log, k.TakeLog()...) {
		if e.Err != nil && !disturbed {
			problems = append(problems, fmt.Sprintf("%v: %v", e.Op, e.Err))
		}
	}
	return problems
}

// TestDiffOnTheTwin: the kernel accepts every operation of a diff in its order, and has the wanted table then.
func TestDiffOnTheTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := drawTable(t, "have"), drawTable(t, "want")
		k := ipvstest.New()
		for _, target := range []ipvs.Table{have, want} {
			ops := ipvs.Diff(k.Table(), target)
			for i, err := range k.Apply(t.Context(), ops) {
				if err != nil {
					t.Errorf("%v: %v", ops[i], err)
				}
			}
			if diff := diffTables(target, k.Table()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

func drawTable(t *rapid.T, label string) ipvs.Table {
	table := make(ipvs.Table)
	for range rapid.IntRange(0, 4).Draw(t, label) {
		k := rapid.SampledFrom([]ipvs.ServiceKey{tcp("10.0.0.1:80"), tcp("10.0.0.1:81"), tcp("[2001:db8::1]:80"),
			fwmark(1, confparse.IPv4), fwmark(1, confparse.IPv6)}).Draw(t, "key")
		a := attrs(k, rapid.SampledFrom(ipvstest.Schedulers).Draw(t, "scheduler"))
		a.Flags = rapid.SampledFrom([]ipvs.Flags{0, ipvs.Persistent, ipvs.OnePacket, 0x18}).Draw(t, "flags")
		s := ipvs.Service{Attrs: a, Dests: make(map[ipvs.DestKey]ipvs.DestAttrs)}
		for range rapid.IntRange(0, 3).Draw(t, "dests") {
			d := rapid.SampledFrom([]string{"192.168.0.1:80", "192.168.0.2:80", "[2001:db8::9]:80"}).Draw(t, "dest")
			s.Dests[netip.MustParseAddrPort(d)] = ipvs.DestAttrs{
				Weight: rapid.Int32Range(0, 3).Draw(t, "weight"), Forwarding: confparse.TUN,
				UpperThreshold: rapid.Uint32Range(5, 6).Draw(t, "upper"),
				Tunnel:         ipvs.Tunnel{Type: rapid.SampledFrom([]ipvs.TunnelType{ipvs.IPIP, ipvs.GRE}).Draw(t, "type")},
			}
		}
		table[k] = s
	}
	return table
}

// Destinations that were just removed are found fastest by a restart when the last added goes first.
func TestReconcilerStopsInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		r.set(specOf(service(2, 1), service(1, 1), service(3, 1)), ipvs.Health{})
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		r.want(r.ops(), "delete tcp 10.0.0.3:80", "delete tcp 10.0.0.1:80", "delete tcp 10.0.0.2:80")
	})
}
