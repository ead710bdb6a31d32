package vrrp

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

func TestRFC9568_6_4_2_HighestPriorityIsElected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		c := start(t, n.newHost("10.77.0.3/24"), Options{}, testInstance("V", 51, 50))
		time.Sleep(3*time.Second + 413*time.Millisecond)
		want(t, "before the master-down interval", []election.State{a.state("V"), b.state("V"), c.state("V")}, []election.State{election.Backup, election.Backup, election.Backup})
		time.Sleep(2 * time.Millisecond)
		want(t, "after it", []election.State{a.state("V"), b.state("V"), c.state("V")}, []election.State{election.Master, election.Backup, election.Backup})
		want(t, "kernel of the master", a.host.taken(), []string{"listen 224.0.0.18", "del 10.77.51.100", "add 10.77.51.100", "garp 10.77.51.100"})
		want(t, "kernel of a backup", b.host.taken(), []string{"listen 224.0.0.18", "del 10.77.51.100"})
		time.Sleep(time.Minute)
		want(t, "a minute later", []election.State{a.state("V"), b.state("V"), c.state("V")}, []election.State{election.Master, election.Backup, election.Backup})
		if s := b.Status().Instances[0]; s.MasterAddress != netip.MustParseAddr("10.77.0.1") || s.MasterPriority != 150 {
			t.Errorf("backup knows master %s priority %d", s.MasterAddress, s.MasterPriority)
		}
		want(t, "adverts of the backups", []uint64{b.counters("V").AdvertsSent, c.counters("V").AdvertsSent}, []uint64{0, 0})
	})
}

func TestStopHandsOverWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		a.stop()
		for range 2000 {
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if !a.host.has("10.77.51.100") && !b.host.has("10.77.51.100") {
				t.Fatal("nobody has the address")
			}
		}
		a.wait()
		want(t, "addresses", []bool{a.host.has("10.77.51.100"), b.host.has("10.77.51.100")}, []bool{false, true})
		want(t, "successor", b.state("V"), election.Master)
		want(t, "sockets left open", len(a.host.conns), 0)
		if err := a.Apply(context.Background(), election.Spec{}); !errors.Is(err, ErrStopped) {
			t.Errorf("Apply after the end: %v, want ErrStopped", err)
		}
	})
}

// TestVRRPCase35: an interface that goes down is FAULT, without the addresses; when it is up again it takes a master-down interval.
func TestVRRPCase35(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		a.host.cable(t, false)
		want(t, "without a cable", a.state("V"), election.Fault)
		want(t, "address", a.host.has("10.77.51.100"), false)
		time.Sleep(4 * time.Second)
		want(t, "the other", b.state("V"), election.Master)
		a.host.cable(t, true)
		want(t, "with a cable", a.state("V"), election.Backup)
		time.Sleep(4 * time.Second)
		want(t, "preempting", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
	})
}

func TestMissingInterfaceIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		eth0, addr := h.links[0], h.addrs[0]
		h.links, h.addrs = nil, nil
		a := start(t, h, Options{}, testInstance("V", 51, 100))
		want(t, "without the interface", a.state("V"), election.Fault)
		eth0.Index, addr.Index = 7, 7
		h.setLink(eth0)
		want(t, "without a source address", a.state("V"), election.Fault)
		h.mu.Lock()
		h.addrs = append(h.addrs, addr)
		h.tell(netio.AddressChanged{Address: addr})
		h.mu.Unlock()
		want(t, "with both", a.state("V"), election.Backup)
		time.Sleep(4 * time.Second)
		want(t, "elected", a.state("V"), election.Master)
		if got := h.addrs[len(h.addrs)-1].Index; got != 7 {
			t.Errorf("address put on interface %d, want 7", got)
		}
	})
}

func TestReplacedInterfaceGetsNewSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		eth0 := a.host.links[0]
		a.host.destroyLink("eth0")
		want(t, "without the interface", a.state("V"), election.Fault)
		want(t, "sockets", len(a.host.conns), 0)
		time.Sleep(4 * time.Second)
		eth0.Index = 9
		a.host.setLink(eth0)
		addr := netio.Address{Index: 9, Prefix: netip.MustParsePrefix("10.77.0.1/24")}
		a.host.mu.Lock()
		a.host.addrs = append(a.host.addrs, addr)
		a.host.tell(netio.AddressChanged{Address: addr})
		a.host.mu.Unlock()
		time.Sleep(5 * time.Second)
		want(t, "with another interface of that name", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
		want(t, "index of its socket", a.host.conns[0].on.Link.Index, 9)
	})
}

// TestVRRPCase19: with --repair=fault, as with keepalived, a deleted address is a new election: priority 0, and MASTER again
// after the skew time.
func TestVRRPCase19(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{OnLoss: LossFault}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		a.TakeChanges()
		vip := netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.51.100/32")}
		if err := a.host.DelAddress(vip); err != nil {
			t.Fatal(err)
		}
		want(t, "without the address", a.state("V"), election.Backup)
		time.Sleep(time.Second) // skew time of priority 100: 0.609 s
		want(t, "after the skew time", a.state("V"), election.Master)
		want(t, "address", a.host.has("10.77.51.100"), true)
		var causes []election.Cause
		for _, c := range a.TakeChanges() {
			causes = append(causes, c.Cause)
		}
		want(t, "causes", causes, []election.Cause{election.CauseResourceLost, election.CauseTimeout})
		want(t, "resigned", a.counters("V").PriorityZeroSent, uint64(1))
	})
}

// What we remove ourselves, and what was removed and is there again when we look, is not lost.
func TestReloadOfAddressesKeepsMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		in := testInstance("V", 51, 100)
		in.Addresses = append(in.Addresses, election.Address{Prefix: netip.MustParsePrefix("10.77.51.101/32"), Link: "eth0"})
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, in)
		time.Sleep(10 * time.Second)
		a.TakeChanges()
		a.host.taken()
		in.Addresses = []election.Address{in.Addresses[0], {Prefix: netip.MustParsePrefix("10.77.51.102/32"), Link: "eth0"}}
		in.Addresses[0].Label = "eth0:v" // removed and added
		a.apply(in)
		synctest.Wait()
		want(t, "kernel", a.host.taken(), []string{"del 10.77.51.101", "del 10.77.51.100", "add 10.77.51.100", "add 10.77.51.102",
			"garp 10.77.51.100", "garp 10.77.51.102"})
		time.Sleep(10 * time.Second)
		want(t, "changes", len(a.TakeChanges()), 0)
		want(t, "state", a.state("V"), election.Master)
	})
}

func TestUnchangedReloadDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		a.host.taken()
		before := a.counters("V")
		a.apply(testInstance("V", 51, 100))
		synctest.Wait()
		want(t, "kernel", a.host.taken(), []string(nil))
		want(t, "counters", a.Status().Instances[0].Counters, before)
	})
}

func TestRemovedInstanceResigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150), testInstance("W", 52, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100), testInstance("W", 52, 100))
		time.Sleep(10 * time.Second)
		want(t, "sockets for two instances on one link", len(a.host.conns), 1)
		a.apply(testInstance("W", 52, 150))
		time.Sleep(2 * time.Second)
		want(t, "removed one", []election.State{b.state("V"), b.state("W")}, []election.State{election.Master, election.Backup})
		want(t, "addresses", []bool{a.host.has("10.77.51.100"), a.host.has("10.77.52.100")}, []bool{false, true})
		want(t, "VRIDs accepted", a.host.conns[0].vrids, []uint8{52})
	})
}

// A netlink request that hangs holds up its own router's addresses, and nobody's adverts.
func TestStuckKernelDelaysNoAdvert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		release := make(chan struct{})
		h := n.newHost("10.77.0.1/24")
		h.refuse = func(op string, a netip.Addr) error {
			if op == "add" && a == netip.MustParseAddr("10.77.51.100") {
				<-release
			}
			return nil
		}
		a := start(t, h, Options{}, testInstance("V", 51, 150), testInstance("W", 52, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100), testInstance("W", 52, 100))
		time.Sleep(time.Minute)
		want(t, "states of the peer", []election.State{b.state("V"), b.state("W")}, []election.State{election.Backup, election.Backup})
		want(t, "addresses", []bool{h.has("10.77.51.100"), h.has("10.77.52.100")}, []bool{false, true})
		close(release)
		synctest.Wait()
		want(t, "address once the kernel answers", h.has("10.77.51.100"), true)
		_ = a
	})
}

func TestRefusedAddressIsFaultAndAPeerServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		var mu sync.Mutex
		broken := true
		h := n.newHost("10.77.0.1/24")
		h.refuse = func(op string, _ netip.Addr) error {
			mu.Lock()
			defer mu.Unlock()
			if op == "add" && broken {
				return errors.New("permission denied")
			}
			return nil
		}
		a := start(t, h, Options{}, testInstance("V", 51, 150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(3500 * time.Millisecond)
		want(t, "where the address is refused", a.state("V"), election.Fault)
		time.Sleep(time.Second)
		want(t, "the peer", b.state("V"), election.Master)
		mu.Lock()
		broken = false
		mu.Unlock()
		time.Sleep(time.Minute)
		want(t, "after the kernel has come to its senses", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
	})
}

func TestSocketThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		begin := time.Now()
		h := n.newHost("10.77.0.1/24")
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "listen" && time.Since(begin) < 3*time.Second {
				return errors.New("no buffer space available")
			}
			return nil
		}
		a := start(t, h, Options{}, testInstance("V", 51, 100))
		want(t, "without a socket", a.state("V"), election.Fault)
		time.Sleep(3 * time.Second)
		want(t, "with a socket", a.state("V"), election.Backup)
		time.Sleep(4 * time.Second)
		want(t, "elected", a.state("V"), election.Master)
	})
}

func TestSourceAddressGoneIsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		second := netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.0.11/24")}
		h.addrs = append(h.addrs, second)
		a := start(t, h, Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		want(t, "source", a.Status().Instances[0].Source, netip.MustParseAddr("10.77.0.1"))
		if err := h.DelAddress(netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.0.1/24")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want(t, "with another address left", a.state("V"), election.Master)
		want(t, "source", a.Status().Instances[0].Source, netip.MustParseAddr("10.77.0.11"))
		if err := h.DelAddress(second); err != nil {
			t.Fatal(err)
		}
		want(t, "with only the virtual address left", a.state("V"), election.Fault)
	})
}

func TestTrackedInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		lan1 := netio.Link{Index: 3, Name: "eth1", Ether: true}
		h.links = append(h.links, lan1)
		in := testInstance("V", 51, 150)
		in.Trackers = []election.TrackSpec{{ID: track.InterfaceID("eth1")}}
		weighted := testInstance("W", 52, 150)
		weighted.Trackers = []election.TrackSpec{{ID: track.InterfaceID("eth1"), Weight: -60}}
		a := start(t, h, Options{}, in, weighted)
		want(t, "down at the start", []election.State{a.state("V"), a.state("W")}, []election.State{election.Fault, election.Backup})
		want(t, "priority", a.Status().Instances[1].Priority, uint8(90))
		lan1.Up = true
		h.setLink(lan1)
		want(t, "up", []election.State{a.state("V"), a.state("W")}, []election.State{election.Backup, election.Backup})
		time.Sleep(publishDelay)
		synctest.Wait()
		want(t, "priority", a.Status().Instances[1].Priority, uint8(150))
		h.destroyLink("eth1")
		want(t, "gone", []election.State{a.state("V"), a.state("W")}, []election.State{election.Fault, election.Backup})
	})
}

func TestSyncGroupMovesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.links = append(h.links, netio.Link{Index: 3, Name: "eth1", Up: true, Ether: true})
		h.addrs = append(h.addrs, netio.Address{Index: 3, Prefix: netip.MustParsePrefix("10.78.0.1/24")})
		inside := testInstance("I", 52, 150)
		inside.Link, inside.Addresses[0].Link = "eth1", "eth1"
		a := start(t, h, Options{})
		spec := testSpec(testInstance("O", 51, 100), inside)
		spec.Groups = []election.GroupSpec{{Name: "G", Members: []confparse.InstanceName{"O", "I"}}}
		if err := a.Apply(context.Background(), spec); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		want(t, "states", []election.State{a.state("O"), a.state("I")}, []election.State{election.Master, election.Master})
		a.TakeChanges()
		h.cable(t, false)
		want(t, "states", []election.State{a.state("O"), a.state("I")}, []election.State{election.Fault, election.Fault})
		var got []string
		for _, c := range a.TakeChanges() {
			got = append(got, string(c.Instance)+string(c.Group)+" "+c.To.String())
		}
		slices.Sort(got[:2])
		want(t, "changes, members before their group", got, []string{"I FAULT", "O FAULT", "G FAULT"})
	})
}

// TestVRRPCase36: vrrp_startup_delay 4 is added to the master-down interval.
func TestVRRPCase36(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{})
		spec := testSpec(testInstance("V", 51, 100))
		spec.StartupDelay = 4 * time.Second
		if err := a.Apply(context.Background(), spec); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7600 * time.Millisecond)
		want(t, "before delay and master-down interval", a.state("V"), election.Backup)
		time.Sleep(10 * time.Millisecond)
		want(t, "after them", a.state("V"), election.Master)
	})
}

func TestUnicastPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		mine := testInstance("V", 51, 150)
		mine.Group, mine.Peers, mine.TTL = netip.Addr{}, []netip.Addr{netip.MustParseAddr("10.77.0.2")}, 64
		theirs := testInstance("V", 51, 100)
		theirs.Group, theirs.Peers, theirs.TTL = netip.Addr{}, []netip.Addr{netip.MustParseAddr("10.77.0.1")}, 64
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, mine)
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, theirs)
		time.Sleep(time.Minute)
		want(t, "states", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
	})
}

// Several unicast routers with one VRID are told apart by the address they use and by their peers.
func TestUnicastRoutersSharingAVRID(t *testing.T) {
	addr := netip.MustParseAddr
	router := func(name, source, peer string) *virtualRouter {
		in := &virtualRouter{spec: testInstance(name, 51, 100), source: addr(source)}
		in.spec.Group, in.spec.Peers = netip.Addr{}, []netip.Addr{addr(peer)}
		return in
	}
	s := &socket{members: []*virtualRouter{
		router("a", "10.77.0.1", "10.77.0.2"), router("b", "10.77.0.1", "10.77.0.3"), router("c", "10.77.0.9", "10.77.0.2"),
	}}
	for _, tc := range []struct{ from, to, want string }{
		{"10.77.0.2", "10.77.0.1", "a"},
		{"10.77.0.3", "10.77.0.1", "b"},
		{"10.77.0.2", "10.77.0.9", "c"},
		{"10.77.0.4", "10.77.0.9", "c"}, // not a peer; only check_unicast_src minds
	} {
		in := s.find(lan.Received{Header: wire.IPHeader{Source: addr(tc.from), Destination: addr(tc.to)}, Advert: wire.Advert{Version: 2, VRID: 51}})
		if in == nil || string(in.spec.Name) != tc.want {
			t.Errorf("%s > %s: got %+v, want %s", tc.from, tc.to, in, tc.want)
		}
	}
	if in := s.find(lan.Received{Advert: wire.Advert{Version: 2, VRID: 52}}); in != nil {
		t.Errorf("another VRID: got %s", in.spec.Name)
	}
}

func TestRejectedPacketsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150))
		good := testInstance("V", 51, 200)
		advert := wire.Advert{Version: 2, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{good.Addresses[0].Prefix.Addr()}}
		ip := wire.IPHeader{Source: netip.MustParseAddr("10.77.0.9"), Destination: good.Group, TTL: 255, ID: 1}
		near := ip
		near.TTL = 254
		broken := advert.AppendIPv4(nil, ip)
		broken[26] ^= 1
		for _, packet := range [][]byte{advert.AppendIPv4(nil, near), broken, advert.AppendIPv4(nil, ip)[:30]} {
			a.host.hear(packet, ip.Destination, 51)
		}
		time.Sleep(4 * time.Second)
		want(t, "state", a.state("V"), election.Master)
		c := a.counters("V")
		want(t, "counters", []uint64{c.TTLErrors, c.ChecksumErrors, c.LengthErrors, c.AdvertsReceived}, []uint64{1, 1, 0, 0})
	})
}

func TestStatusOfAMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 100))
		begin := time.Now()
		time.Sleep(10 * time.Second)
		s := a.Status().Instances[0]
		want(t, "state", s.State, election.Master)
		want(t, "address", s.Addresses, []AddressStatus{{netip.MustParsePrefix("10.77.51.100/32"), "eth0"}})
		if since := s.LastTransition.Sub(begin).Round(time.Millisecond); since != 3609*time.Millisecond {
			t.Errorf("last transition %s after the start, want 3.609s", since)
		}
		want(t, "announcements", s.Announcements, uint64(1))
	})
}
