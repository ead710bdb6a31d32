package daemon

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/bfd"
)

// bfdWire connects the BFD of a daemon, on 192.0.2.250, with that of a neighbour on 192.0.2.9.
type bfdWire struct {
	mu    sync.Mutex
	hosts map[netip.Addr]func(bfd.Datagram)
	cut   bool
}

type bfdHost struct {
	wire *bfdWire
	addr netip.Addr
}

type bfdSocket struct{ bfdHost }

var bfdOurs, bfdTheirs = netip.MustParseAddr("192.0.2.250"), netip.MustParseAddr("192.0.2.9")

func newBFDWire() *bfdWire { return &bfdWire{hosts: make(map[netip.Addr]func(bfd.Datagram))} }

func (h bfdHost) Listen(_ bfd.Port, deliver func(bfd.Datagram)) (bfd.Listener, error) {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	h.wire.hosts[h.addr] = deliver
	return bfdSocket{h}, nil
}

func (h bfdHost) Dial(bfd.SessionSpec) (bfd.Conn, error) { return bfdSocket{h}, nil }

func (bfdSocket) Pending() bool { return false }

func (bfdSocket) Close() error { return nil }

func (s bfdSocket) Send(payload []byte, to netip.Addr) error {
	s.wire.mu.Lock()
	deliver := s.wire.hosts[to]
	if s.wire.cut {
		deliver = nil
	}
	s.wire.mu.Unlock()
	if deliver != nil {
		deliver(bfd.Datagram{Payload: payload, From: netip.AddrPortFrom(s.addr, 50000), To: to, TTL: 255})
	}
	return nil
}

func (w *bfdWire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

// bfdNeighbour runs the other end until the test ends.
func bfdNeighbour(t *testing.T, w *bfdWire) *bfd.Runner {
	t.Helper()
	r, err := bfd.NewRunner(bfd.Options{Network: bfdHost{w, bfdTheirs}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := r.Apply(ctx, bfd.Spec{Sessions: []bfd.SessionSpec{{Name: "lb", Neighbor: bfdOurs, TTL: 255, Timing: bfd.Timing{
		MinTX: 100 * time.Millisecond, MinRX: 100 * time.Millisecond, IdleTX: time.Second, Multiplier: 3}}}}); err != nil {
		t.Fatal(err)
	}
	return r
}

const bfdConfig = `bfd_instance b {
 neighbor_ip 192.0.2.9
 min_rx 100
 min_tx 100
 multiplier 3
}
`

const bfdFollowed = `vrrp_instance V {
 interface eth0
 virtual_router_id 51
 priority 100
 track_bfd {
  b weight 50
 }
 virtual_ipaddress {
  192.0.2.100/24
 }
}
vrrp_instance F {
 interface eth0
 virtual_router_id 52
 track_bfd {
  b
 }
 virtual_ipaddress {
  192.0.2.101/24
 }
}
virtual_server 192.0.2.100 80 {
 lb_algo rr
 lb_kind NAT
 protocol TCP
 real_server 10.0.0.1 80 {
  BFD_CHECK {
   name b
  }
 }
 real_server 10.0.0.2 80 {
 }
}
`

// bfdState is what those who follow the session make of it: the priority of V, the state of F, whether the server is up.
func (i *instance) bfdState() (priority uint8, fault, up bool) {
	s := i.status()
	return s.VRRP.Instances[0].EffectivePriority, s.VRRP.Instances[1].State == "FAULT", s.Checks.VirtualServers[0].RealServers[0].Up
}

func (i *instance) wantBFD(what string, priority uint8, fault, up bool) {
	i.t.Helper()
	synctest.Wait()
	if p, f, u := i.bfdState(); p != priority || f != fault || u != up {
		i.t.Errorf("%s: priority %d, fault %v, server up %v; want %d, %v, %v", what, p, f, u, priority, fault, up)
	}
}

// TestBFDIsFollowed: a session moves the priority of one virtual router, the state of another and a server; a reload keeps
// it; and when the daemon ends its neighbour is told.
func TestBFDIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBFDWire()
		i := begin(t, bfdConfig+bfdFollowed, func(o *Options) { o.BFDNetwork = bfdHost{w, bfdOurs} })
		i.wantBFD("at the start", 100, true, false)
		neighbour := bfdNeighbour(t, w)
		time.Sleep(3 * time.Second)
		i.wantBFD("up", 150, false, true)
		w.set(true)
		time.Sleep(400 * time.Millisecond)
		i.wantBFD("cut", 100, true, false)
		w.set(false)
		time.Sleep(3 * time.Second)
		i.wantBFD("mended", 150, false, true)

		since := i.status().BFD.Sessions[0].LastTransition
		changed, _ := i.reload(strings.Replace(bfdConfig, "min_tx 100", "min_tx 50", 1) + bfdFollowed)
		changed.want(t, "another interval", reloadApplied)
		time.Sleep(time.Second)
		i.wantBFD("another interval", 150, false, true)
		if s := i.status().BFD; len(s.Sessions) != 1 || !s.Sessions[0].LastTransition.Equal(since) || s.Sessions[0].State != "Up" {
			t.Errorf("another interval: %+v", s)
		}
		if n := strings.Count(i.log.String(), "Tracked BFD instance b is DOWN"); n != 2 { // the cut, for V and F; not the start
			t.Errorf("told %d times that it is down", n)
		}
		for _, line := range []string{"(b) Entering Up state", "VRRP_Instance(V) Tracked BFD instance b is UP", "VRRP_Instance(F) Tracked BFD instance b is UP", "Received BFD event: instance b is in state Up (delivered in ",
			"BFD check of [b] RS([10.0.0.1]:tcp:80) is UP"} {
			if !strings.Contains(i.log.String(), line) {
				t.Errorf("the log has no %q", line)
			}
		}

		// What no longer follows it does not fail because it goes.
		rest := strings.ReplaceAll(strings.ReplaceAll(bfdFollowed, " track_bfd {\n  b\n }\n", ""), " track_bfd {\n  b weight 50\n }\n", "")
		rest = strings.Replace(rest, "BFD_CHECK {\n   name b\n  }\n", "", 1)
		before := strings.Count(i.log.String(), "FAULT")
		removed, _ := i.reload(rest)
		removed.want(t, "removed", reloadApplied)
		time.Sleep(time.Second)
		i.wantBFD("removed", 100, false, true)
		if n := strings.Count(i.log.String(), "FAULT"); n != before {
			t.Error("a router went through FAULT when its session was removed")
		}
		if s := neighbour.Status().Sessions[0]; s.State != bfd.Down || s.RemoteState != bfd.AdminDown {
			t.Errorf("the neighbour: %+v", s)
		}
		added, _ := i.reload(bfdConfig + bfdFollowed)
		added.want(t, "added", reloadApplied)
		time.Sleep(4 * time.Second)
		i.wantBFD("added again, and up", 150, false, true)
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if s := neighbour.Status().Sessions[0]; s.State != bfd.Down || s.RemoteState != bfd.AdminDown {
			t.Errorf("the neighbour at the end: %+v", s)
		}
	})
}

// TestWithoutBFD is -B: sessions are not run, what tracks them is down, and checks that follow them know nothing.
func TestWithoutBFD(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBFDWire()
		i := begin(t, bfdConfig+bfdFollowed, func(o *Options) { o.BFD, o.BFDNetwork = false, bfdHost{w, bfdOurs} })
		bfdNeighbour(t, w)
		time.Sleep(5 * time.Second)
		i.wantBFD("without BFD", 100, true, true)
		if i.status().BFD != nil {
			t.Errorf("%+v", i.status().BFD)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestBFDAlone: sessions alone are something to run.
func TestBFDAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, bfdConfig, func(o *Options) { o.BFDNetwork = bfdHost{newBFDWire(), bfdOurs} })
		if strings.Contains(i.log.String(), "no configuration to run") || i.status().BFD == nil {
			t.Errorf("%+v\n%s", i.status(), i.log)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
