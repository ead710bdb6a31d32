package ipvs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

func diffTables(want, got ipvs.Table) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}), cmpopts.EquateEmpty())
}

func tcp(ap string) ipvs.ServiceKey { return key(confparse.TCP, ap) }

func key(p confparse.Protocol, ap string) ipvs.ServiceKey {
	a := netip.MustParseAddrPort(ap)
	f := confparse.IPv6
	if a.Addr().Is4() {
		f = confparse.IPv4
	}
	return ipvs.ServiceKey{Family: f, Protocol: p, Addr: a.Addr(), Port: a.Port()}
}

func fwmark(n uint32, f confparse.Family) ipvs.ServiceKey {
	return ipvs.ServiceKey{Family: f, Fwmark: n}
}

// attrs are the attributes of a service with scheduler sched and no persistence.
func attrs(k ipvs.ServiceKey, sched string) ipvs.ServiceAttrs {
	a := ipvs.ServiceAttrs{Scheduler: sched, Netmask: 0xffffffff}
	if k.Family == confparse.IPv6 {
		a.Netmask = 128
	}
	return a
}

func dests(d ...any) map[ipvs.DestKey]ipvs.DestAttrs {
	m := make(map[ipvs.DestKey]ipvs.DestAttrs)
	for i := 0; i < len(d); i += 2 {
		m[netip.MustParseAddrPort(d[i].(string))] = d[i+1].(ipvs.DestAttrs)
	}
	return m
}

// service is a TCP service 10.0.0.N:80 with the given number of NAT servers 192.168.N.1, .2, … of weight 1.
func service(n, servers int) ipvs.VirtualServerSpec {
	k := tcp(fmt.Sprintf("10.0.0.%d:80", n))
	s := ipvs.VirtualServerSpec{
		ID:       confparse.VirtualServerID{Family: k.Family, Protocol: k.Protocol, Addr: k.Addr, Port: k.Port},
		Services: []ipvs.ServiceSpec{{Key: k, Attrs: attrs(k, "wlc")}},
		Pool:     pool.Spec{Quorum: uint32(min(servers, 1))},
	}
	for i := range servers {
		s.Pool.Servers = append(s.Pool.Servers, pool.Server{
			Addr: netip.AddrFrom4([4]byte{192, 168, byte(n), byte(i + 1)}), Port: 8080, Weight: 1,
		})
	}
	return s
}

func specOf(services ...ipvs.VirtualServerSpec) ipvs.Spec { return ipvs.Spec{VirtualServers: services} }

// serverHealth is the health of the i-th server of s.
func serverHealth(s ipvs.VirtualServerSpec, i int, up bool, weight int32) ipvs.Health {
	id := confparse.RealServerID{VS: s.ID, Addr: s.Pool.Servers[i].Addr, Port: s.Pool.Servers[i].Port}
	return ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{id: {Up: up, Weight: weight}}}
}

// serversHealth is the health of all servers of s: up with weight 1, or down.
func serversHealth(s ipvs.VirtualServerSpec, up bool) ipvs.Health {
	h := ipvs.Health{RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth)}
	for i := range s.Pool.Servers {
		maps.Copy(h.RealServers, serverHealth(s, i, up, 1).RealServers)
	}
	return h
}

// changesOf are the changes of all servers that h mentions, by address.
func changesOf(h ipvs.Health) []ipvs.HealthChange {
	var list []ipvs.HealthChange
	for id, health := range h.RealServers {
		list = append(list, ipvs.HealthChange{Server: id, RealServerHealth: health})
	}
	slices.SortFunc(list, func(a, b ipvs.HealthChange) int { return a.Server.Addr.Compare(b.Server.Addr) })
	return list
}

// rig is a running Reconciler on a twin.
type rig struct {
	*ipvs.Reconciler
	t      testing.TB
	kernel *ipvstest.Kernel
	log    *logCounter
	stop   func() error
}

// logCounter counts what a Reconciler logs, by level.
type logCounter struct {
	mu sync.Mutex
	n  map[slog.Level]int
}

func (l *logCounter) Enabled(context.Context, slog.Level) bool { return true }

func (l *logCounter) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n[r.Level]++
	return nil
}

func (l *logCounter) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *logCounter) WithGroup(string) slog.Handler      { return l }

// count is how often something was logged on that level.
func (l *logCounter) count(level slog.Level) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n[level]
}

// run starts a Reconciler on k. It must be called in a synctest bubble, and stop before its end.
func run(t testing.TB, k *ipvstest.Kernel, o ipvs.Options) *rig {
	t.Helper()
	l := &logCounter{n: make(map[slog.Level]int)}
	o.Logger = slog.New(l)
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
	r.Report(changesOf(h))
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
		s.Pool.Sorry = pool.SorryServer{Addr: netip.MustParseAddr("192.168.1.9"), Port: 8080}
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
		r.want(r.health(serverHealth(s, 1, false, 7)), "add tcp 10.0.0.1:80 -> 192.168.1.9:8080 weight 1",
			"delete tcp 10.0.0.1:80 -> 192.168.1.2:8080")
		r.want(r.health(serverHealth(s, 1, true, 7)), "add tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 7",
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
		a2.Services[0].Attrs.Scheduler = "rr"
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
			maps.Copy(table[s.Services[0].Key].Dests, dests("192.168.1.2:8080", ipvs.DestAttrs{Weight: 9}, "9.9.9.9:8080", ipvs.DestAttrs{}))
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
				c.spec.VirtualServers = []ipvs.VirtualServerSpec{service(1, 2)}
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

// What is about to be added is written down first: a crash in the middle of programming leaves nothing unowned.
func TestReconcilerRemembersBeforeItAdds(t *testing.T) {
	state := filepath.Join(t.TempDir(), "ipvs.json")
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1, StatePath: state})
		defer r.stop()
		files := make(chan string, 10)
		r.kernel.SetFault(func(op ipvs.Op) ipvstest.Fault {
			if op.Kind == ipvs.AddService || op.Kind == ipvs.DelService {
				b, _ := os.ReadFile(state)
				files <- string(b)
			}
			return ipvstest.Fault{}
		})
		r.set(specOf(service(1, 1)), ipvs.Health{})
		if b := <-files; !strings.Contains(b, `"tcp 10.0.0.1:80"`) {
			t.Errorf("state while adding: %s", b)
		}
		r.set(specOf(service(2, 1)), ipvs.Health{})
		<-files
		if b := <-files; !strings.Contains(b, `"tcp 10.0.0.1:80"`) {
			t.Errorf("state while removing: %s", b)
		}
		b, err := os.ReadFile(state)
		if err != nil || strings.Contains(string(b), "10.0.0.1") || !strings.Contains(string(b), "10.0.0.2") {
			t.Errorf("state afterwards: %s, %v", b, err)
		}
	})
}

// An unreadable or unwritable state file is reported, and costs nothing else.
func TestReconcilerWithoutState(t *testing.T) {
	dir := t.TempDir() // a directory is no file
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1, StatePath: dir})
		s := service(1, 2)
		r.set(specOf(s), ipvs.Health{})
		r.wantTable(ipvs.Desired(specOf(s), ipvs.Health{}))
		if n := r.log.count(slog.LevelWarn); n < 2 {
			t.Errorf("%d warnings, want one for reading and one for writing", n)
		}
		if err := r.stop(); err != nil || len(r.kernel.Table()) != 0 {
			t.Errorf("stop: %v, %v", err, r.kernel.Table())
		}
	})
}

// The process is told to stop while it starts: it leaves, without an error.
func TestReconcilerStoppedWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{Open: func(ctx context.Context) (ipvs.Kernel, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		r.Set(specOf(service(1, 1)), ipvs.Health{})
		synctest.Wait()
		if err := r.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// The pools can be asked about at any time, and are those of the latest Spec and health.
func TestPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		if got := r.Pools(); len(got) != 0 {
			t.Errorf("before the first Spec: %+v", got)
		}
		a, b := service(2, 2), service(1, 1)
		a.Pool.Quorum, a.Pool.Hysteresis = 2, 1
		b.Pool.Sorry = pool.SorryServer{Addr: netip.MustParseAddr("192.168.1.9"), Port: 81}
		want := []ipvs.PoolStatus{
			{VirtualServer: a.ID, Quorum: 2, Hysteresis: 1, Weight: 2},
			{VirtualServer: b.ID, Quorum: 1, Weight: 1, QuorumUp: true, SorryServer: netip.MustParseAddrPort("192.168.1.9:81")},
		}
		check := func() {
			t.Helper()
			if diff := cmp.Diff(want, r.Pools(), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		r.set(specOf(a, b), ipvs.Health{})
		check()
		r.health(serverHealth(a, 0, true, 1<<31-1))
		want[0].Weight, want[0].QuorumUp = 1<<31, true
		check()
		r.health(serversHealth(b, false))
		want[1].Weight, want[1].QuorumUp, want[1].SorryServes = 0, false, true
		check()
		r.set(specOf(b), serversHealth(b, false))
		want = want[1:]
		check()
	})
}
