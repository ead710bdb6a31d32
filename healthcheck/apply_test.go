package healthcheck

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigil/confparse"
)

// reload applies a configuration to a running Manager and returns the health.
func (l *lab) reload(vs ...*confparse.VirtualServer) []string {
	return health(l.m.Apply(FromConfig(config(vs...))))
}

func TestCase47_ReloadWithoutChangeDisturbsNothing(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(2)
		l.takes(2 * s)
		l.run(config(pool(2)))
		l.until(10 * s)
		l.m.Take()
		before := l.now()
		for at := 10 * s; at < 40*s; at += 700 * ms { // some while attempts are under way
			l.until(at)
			if diff := cmp.Diff(before, l.reload(pool(2))); diff != "" {
				t.Fatalf("health after a reload at %v (-want +got):\n%s", at, diff)
			}
		}
		l.until(40 * s)
		l.wantChanges()
		for n := range 2 {
			if diff := cmp.Diff([]time.Duration{1 * s, 13 * s, 25 * s, 37 * s}, l.made(target(n+1))); diff != "" {
				t.Errorf("attempts on server %d (-want +got):\n%s", n+1, diff)
			}
		}
	})
}

func TestCase49_WeightChange(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(2)
		l.breaks(2)
		l.run(config(vs))
		l.until(5 * s)
		vs = pool(2)
		vs.RealServers[0].Weight, vs.RealServers[1].Weight = 5, 7
		s := l.m.Apply(FromConfig(config(vs)))
		for i, want := range []int32{5, 7} {
			if w := s.VirtualServers[0].RealServers[i].Weight; w != want {
				t.Errorf("server %d: weight %d in the snapshot, want %d", i+1, w, want)
			}
		}
	})
}

func TestCase50_OtherPortIsAnotherServer(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(5 * s)
		vs := pool(2)
		vs.RealServers[0].ID.Port, vs.RealServers[0].Checkers[0].Connect.Port = 81, 81
		want := []string{vsName + " 192.168.0.1=up 192.168.0.2=up"}
		if diff := cmp.Diff(want, l.reload(vs)); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		l.until(20 * s)
		if diff := cmp.Diff([]time.Duration{6 * s, 16 * s}, l.made(netip.AddrPortFrom(rsAddr(1), 81))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{1 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts on the old port (-want +got):\n%s", diff)
		}
	})
}

func TestCase51_ChangedCheckOfServerThatIsDown(t *testing.T) {
	tests := []struct {
		name   string
		change func(*confparse.RealServer)
		want   string // the state of server 1 after the reload
	}{
		{"unchanged stays down", func(*confparse.RealServer) {}, "down"},
		{"other connect_port: up at once", func(rs *confparse.RealServer) { rs.Checkers[0].Connect.Port = 8080 }, "up"},
		{"other connect_timeout is another question", func(rs *confparse.RealServer) { rs.Checkers[0].Connect.Timeout = s },
			"up"},
		{"other connect_port and alpha: stays down", func(rs *confparse.RealServer) {
			rs.Checkers[0].Connect.Port, rs.Checkers[0].Alpha = 8080, true
		}, "down"},
		{"only the timing changed: stays down", func(rs *confparse.RealServer) {
			rs.Checkers[0].DelayLoop, rs.Checkers[0].Retry, rs.Checkers[0].Alpha = 3*s, 7, true
		}, "down"},
		{"the failing check is gone: up at once", func(rs *confparse.RealServer) { rs.Checkers = nil }, "up"},
		{"a check is added to the failing one: stays down", func(rs *confparse.RealServer) {
			second := tcpCheckOf()
			second.Connect.Port = 8080
			rs.Checkers = append([]*confparse.Checker{second}, rs.Checkers...)
		}, "down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inLab(t, Options{}, func(l *lab) {
				l.breaks(1)
				l.run(config(pool(2)))
				l.until(5 * s)
				vs := pool(2)
				tt.change(vs.RealServers[0])
				want := []string{vsName + " 192.168.0.1=" + tt.want + " 192.168.0.2=up"}
				if diff := cmp.Diff(want, l.reload(vs)); diff != "" {
					t.Errorf("health (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestAlphaAfterReload has §1.7: after a reload alpha concerns new servers, and new checks of servers that were down.
func TestAlphaAfterReload(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(pool(1)))
		l.until(500 * ms) // server 1 is up without a verdict
		vs := pool(2)
		for _, rs := range vs.RealServers {
			rs.Checkers[0].Connect.Port = 8080
			rs.Checkers[0].Alpha = true
		}
		if diff := cmp.Diff([]string{vsName + " 192.168.0.1=up 192.168.0.2=down"}, l.reload(vs)); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		// Not yet checked since: another reload must not make it forget.
		if diff := cmp.Diff([]string{vsName + " 192.168.0.1=up 192.168.0.2=down"}, l.reload(vs)); diff != "" {
			t.Errorf("health after another reload (-want +got):\n%s", diff)
		}
		l.until(2 * s)
		l.wantHealth(vsName + " 192.168.0.1=up 192.168.0.2=up")
	})
}

// TestTimingChangeKeepsWhatIsKnown has §1.12: the verdict stays, and the check starts anew after 1 s.
func TestTimingChangeKeepsWhatIsKnown(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.run(config(pool(1)))
		l.until(5 * s)
		l.breaks(1)
		vs := pool(1)
		vs.RealServers[0].Checkers[0].DelayLoop = 4 * s
		l.reload(vs)
		l.until(9 * s)
		l.wantEvents("8s " + rs1 + " up=false weight=1") // it was up, so it has its retries
		if diff := cmp.Diff([]time.Duration{1 * s, 6 * s, 7 * s, 8 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestRemovedVirtualServer(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.takes(time.Hour)
		other := pool(1)
		other.ID = confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Group: "G"}
		other.RealServers[0].ID = confparse.RealServerID{VS: other.ID, Addr: rsAddr(7), Port: 80}
		other.RealServers[0].Checkers = []*confparse.Checker{tcpCheckOfServer(7)}
		l.run(config(pool(1), other))
		l.until(2 * s) // both are being checked
		if diff := cmp.Diff([]string(nil), l.reload()); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		synctest.Wait()
		if st := l.m.Status(); st.InFlight != 0 {
			t.Errorf("%d attempts still under way", st.InFlight)
		}
		if len(l.m.probes) != 0 {
			t.Errorf("%d probes left", len(l.m.probes))
		}
		l.wantChanges()
	})
}

// TestChangesBeforeApplyAreInItsSnapshot has a change that nobody took before a reload, of servers that stay and that go.
func TestChangesBeforeApplyAreInItsSnapshot(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(5 * s)
		if diff := cmp.Diff([]string{vsName + " 192.168.0.1=down 192.168.0.2=up"}, l.reload(pool(2))); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		select {
		case <-l.m.Changed():
			t.Error("a signal without a change")
		default:
		}
		l.mends(1)
		l.until(15 * s)
		l.wantChanges(rs1 + " up=true weight=1")
		l.breaks(1)
		l.breaks(2)
		l.until(50 * s)
		untaken := l.m.Apply(FromConfig(config(pool(1)))).Untaken
		if len(untaken) != 2 || untaken[1].RealServer != rsID(2) || untaken[1].Up || len(untaken[1].Alerts) != 1 {
			t.Errorf("%+v", untaken)
		}
		if again := l.m.Apply(FromConfig(config(pool(1)))).Untaken; again != nil {
			t.Errorf("%+v", again)
		}
		l.wantChanges()
	})
}

// poolOfPort is pool(n) under another port: its checks are the same as pool(n)'s.
func poolOfPort(port uint16, n int) *confparse.VirtualServer {
	vs := pool(n)
	vs.ID.Port = port
	for _, rs := range vs.RealServers {
		rs.ID.VS = vs.ID
	}
	return vs
}

// TestNewServerThatIsKnownToBeDown: a server that a reload brings, and whose check another one has, is down at once if that is, and
// this is heard like the verdict of a check of its own.
func TestNewServerThatIsKnownToBeDown(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(15 * s)
		l.m.Take()
		before := []string{vsName + " 192.168.0.1=down 192.168.0.2=up"}
		other := poolOfPort(81, 2)
		got := l.reload(pool(2), other)
		if len(got) != 2 || got[0] != before[0] || !strings.HasSuffix(got[1], " 192.168.0.1=down 192.168.0.2=up") {
			t.Errorf("health %q", got)
		}
		<-l.m.Changed()
		changes := l.m.Take()
		if len(changes) != 1 || changes[0].RealServer != other.RealServers[0].ID || changes[0].Up || !changes[0].Initial || changes[0].Same {
			t.Errorf("%+v", changes)
		}
		l.reload(pool(2), other)
		if again := l.m.Take(); again != nil {
			t.Errorf("at another reload: %+v", again)
		}
	})
}

// TestReloadTouchesOnlyWhatDiffers drops a real server, and then a virtual server, of three that share their checks.
func TestReloadTouchesOnlyWhatDiffers(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(2)
		l.takes(300 * ms)
		l.run(config(poolOfPort(80, 3), poolOfPort(81, 3), poolOfPort(82, 3)))
		l.until(5 * s)
		l.m.Take()
		before := slices.Clone(l.m.servers)
		probes := maps.Clone(l.m.probes)
		shared := func() (by []int) {
			for n := range 3 {
				by = append(by, len(before[0].servers[n].checks[0].probe.subscribers))
			}
			return by
		}

		l.until(11*s + 150*ms) // servers 1 and 3 are being asked
		got := l.reload(poolOfPort(80, 3), poolOfPort(81, 2), poolOfPort(82, 3))
		if diff := cmp.Diff([]string{
			"[10.0.0.1]:tcp:80 192.168.0.1=up 192.168.0.2=down 192.168.0.3=up",
			"[10.0.0.1]:tcp:81 192.168.0.1=up 192.168.0.2=down",
			"[10.0.0.1]:tcp:82 192.168.0.1=up 192.168.0.2=down 192.168.0.3=up",
		}, got); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		if l.m.servers[0] != before[0] || l.m.servers[1] == before[1] || l.m.servers[2] != before[2] {
			t.Error("not exactly the virtual server that differs has been built anew")
		}
		if diff := cmp.Diff([]int{3, 3, 2}, shared()); diff != "" {
			t.Errorf("servers judged by each probe (-want +got):\n%s", diff)
		}

		l.until(12 * s)
		l.reload(poolOfPort(82, 3), poolOfPort(81, 2))
		if l.m.servers[0] != before[2] {
			t.Error("a virtual server that only moved has been built anew")
		}
		if diff := cmp.Diff([]int{2, 2, 1}, shared()); diff != "" {
			t.Errorf("servers judged by each probe (-want +got):\n%s", diff)
		}
		if !maps.Equal(probes, l.m.probes) {
			t.Error("the probes are not the same")
		}

		l.mends(2)
		l.until(25 * s)
		l.wantChanges(rs2+" up=true weight=1", rs2+" up=true weight=1")
		for n, want := range [][]time.Duration{{1 * s, 11300 * ms, 21600 * ms}, {}, {1 * s, 11300 * ms, 21600 * ms}} {
			if got := l.made(target(n + 1)); n != 1 && !slices.Equal(want, got) {
				t.Errorf("attempts on server %d: %v, want %v", n+1, got, want)
			}
		}
	})
}

// drawConfig draws up to three virtual servers, whose checks are often the same, in any order.
func drawConfig(t *rapid.T, label string) *confparse.Config {
	c := &confparse.Config{}
	for _, port := range rapid.SliceOfNDistinct(rapid.Uint16Range(80, 82), 0, 3, rapid.ID).Draw(t, label+" ports") {
		c.VirtualServers = append(c.VirtualServers, drawPool(t, fmt.Sprint(label, port), port))
	}
	return c
}

// drawPool draws a virtual server with up to four real servers, each with up to two checks.
func drawPool(t *rapid.T, label string, port uint16) *confparse.VirtualServer {
	vs := &confparse.VirtualServer{ID: vsID}
	vs.ID.Port = port
	for n := range 4 {
		if rapid.Bool().Draw(t, label+" absent") {
			continue
		}
		id := confparse.RealServerID{VS: vs.ID, Addr: rsAddr(n + 1), Port: 80}
		rs := &confparse.RealServer{ID: id, Weight: rapid.Int32Range(0, 3).Draw(t, label+" weight")}
		for range rapid.IntRange(0, 2).Draw(t, label+" checks") {
			ck := tcpCheckOfServer(n + 1)
			ck.Alpha = rapid.Bool().Draw(t, label+" alpha")
			ck.Connect.Port = rapid.Uint16Range(80, 82).Draw(t, label+" connect_port")
			ck.DelayLoop = rapid.SampledFrom([]time.Duration{5 * s, 10 * s}).Draw(t, label+" delay_loop")
			rs.Checkers = append(rs.Checkers, ck)
		}
		vs.RealServers = append(vs.RealServers, rs)
	}
	return vs
}

// TestReloadEqualsFreshStart: whatever ran before, once every check has been made a Manager says the same of a
// configuration as one that has known no other, and asks the same targets.
func TestReloadEqualsFreshStart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var configs []*confparse.Config
		for _, label := range []string{"A", "B", "C"} {
			configs = append(configs, drawConfig(rt, label))
		}
		broken := rapid.SliceOfN(rapid.Bool(), 12, 12).Draw(rt, "broken")
		early := rapid.IntRange(0, 30).Draw(rt, "seconds before the reload")
		result := func(configs ...*confparse.Config) (states []string, targets map[CheckSpec]int) {
			inLab(t, Options{}, func(l *lab) {
				for i, b := range broken {
					if b {
						l.answers(netip.AddrPortFrom(rsAddr(i/3+1), uint16(80+i%3)), refuses)
					}
				}
				l.run(configs[0])
				for _, c := range configs[1:] {
					time.Sleep(time.Duration(early) * s)
					l.m.Apply(FromConfig(c))
				}
				time.Sleep(60 * s)
				synctest.Wait()
				states = l.now()
				targets = map[CheckSpec]int{}
				for spec, p := range l.m.probes {
					targets[spec] = len(p.subscribers)
				}
			})
			return states, targets
		}
		wantStates, wantTargets := result(configs[2])
		gotStates, gotTargets := result(configs...)
		if diff := cmp.Diff(wantStates, gotStates); diff != "" {
			rt.Fatalf("health (-fresh +reloaded):\n%s", diff)
		}
		if len(wantTargets) != len(gotTargets) {
			rt.Fatalf("%d probes, fresh %d", len(gotTargets), len(wantTargets))
		}
		for spec, n := range wantTargets {
			if gotTargets[spec] != n {
				rt.Fatalf("%v is shared by %d, fresh %d", spec.Target(), gotTargets[spec], n)
			}
		}
	})
}

// TestApplyMatchesRecount: after any reload at any moment the running counts are what counting anew gives.
func TestApplyMatchesRecount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var configs []*confparse.Config
		for range 4 {
			configs = append(configs, drawConfig(rt, "config"))
		}
		broken := rapid.SliceOfN(rapid.Bool(), 12, 12).Draw(rt, "broken")
		pauses := rapid.SliceOfN(rapid.IntRange(0, 40), 4, 4).Draw(rt, "half seconds")
		inLab(t, Options{}, func(l *lab) {
			l.takes(700 * ms)
			l.goOn()
			for i, c := range configs {
				l.answers(netip.AddrPortFrom(rsAddr(i+1), 80), refuses)
				for j, b := range broken {
					if b {
						l.answers(netip.AddrPortFrom(rsAddr(j/3+1), uint16(80+(i+j)%3)), refuses)
					}
				}
				l.m.Apply(FromConfig(c))
				time.Sleep(time.Duration(pauses[i]) * s / 2)
				synctest.Wait()
				recount(rt, l.m)
			}
		})
	})
}

func recount(t *rapid.T, m *Manager) {
	subscribers := map[subscriber]*probe{}
	for _, p := range m.probes {
		for _, s := range p.subscribers {
			subscribers[s] = p
		}
	}
	checks := 0
	defer func() {
		if checks != len(subscribers) {
			t.Fatalf("%d checks, %d subscribers", checks, len(subscribers))
		}
	}()
	for _, vs := range m.servers {
		for i := range vs.servers {
			rs := &vs.servers[i]
			failed := int32(0)
			for j, c := range rs.checks {
				checks++
				if subscribers[subscriber{rs, j}] != c.probe {
					t.Fatalf("%v: check %d is not subscribed to its probe", rs.id(), j)
				}
				if c.failed {
					failed++
				}
				if st := c.probe.judgement.state; st != unknown && c.failed != (st == down) {
					t.Fatalf("%v: check says failed=%v, its probe %d", rs.id(), c.failed, st)
				}
				if m.probes[c.probe.spec] != c.probe || c.probe.gone {
					t.Fatalf("%v: check has a probe that is not run", rs.id())
				}
			}
			if rs.failed != failed {
				t.Fatalf("%v: %d failed checks, counted %d", rs.id(), rs.failed, failed)
			}
		}
		if vs.named || vs.kept {
			t.Fatalf("%v: scratch of Apply left behind", vs.id)
		}
	}
}
