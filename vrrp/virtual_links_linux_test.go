package vrrp

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// withVMAC is an instance with use_vmac.
func withVMAC(name string, vrid, priority uint8) election.InstanceSpec {
	in := testInstance(name, vrid, priority)
	in.VMAC = election.VirtualLink{Kind: election.Macvlan, Parent: "eth0", Prefix: "vrrp", MAC: [6]byte{0, 0, 0x5e, 0, 1, vrid}, IPv4: true}
	in.Addresses = slices.Clone(in.Addresses)
	for i := range in.Addresses {
		in.Addresses[i].MAC = in.VMAC.MAC
	}
	return in
}

// linkLog is what was done about links and addresses, without announcements.
func (h *host) linkLog() (log []string) {
	for _, line := range h.taken() {
		if !strings.HasPrefix(line, "garp") {
			log = append(log, line)
		}
	}
	return log
}

// on returns the name of the link that an address is on.
func (h *host) on(addr string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.addrs {
		for _, l := range h.links {
			if a.Prefix.Addr().String() == addr && a.Index == l.Index {
				return l.Name
			}
		}
	}
	return ""
}

// TestVirtualLinkLivesAsLongAsItsRouter: it is there before the socket that is opened on it, in BACKUP too, has the
// addresses in MASTER, and goes after them.
func TestVirtualLinkLivesAsLongAsItsRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		r := start(t, h, Options{}, withVMAC("V", 51, 100))
		want(t, "state", r.state("V"), election.Backup)
		want(t, "at start", h.linkLog(), []string{"make vrrp.51", "listen 224.0.0.18", "del 10.77.51.100"})
		want(t, "socket on", h.conns[0].on.Link.Name, "vrrp.51")
		time.Sleep(4 * time.Second)
		want(t, "state", r.state("V"), election.Master)
		want(t, "address on", h.on("10.77.51.100"), "vrrp.51")
		want(t, "source", r.Status().Instances[0].Source.String(), "10.77.0.1")
		h.taken()
		r.stop()
		r.wait()
		want(t, "at the end", h.linkLog(), []string{"del 10.77.51.100", "remove vrrp.51"})
	})
}

// TestTransmitBaseOpensTheSocketBelow: with vmac_xmit_base the link is there all the same.
func TestTransmitBaseOpensTheSocketBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := withVMAC("V", 51, 100)
		in.TransmitBase = true
		r := start(t, h, Options{}, in)
		time.Sleep(4 * time.Second)
		want(t, "state", r.state("V"), election.Master)
		want(t, "socket on", h.conns[0].on.Link.Name, "eth0")
		want(t, "address on", h.on("10.77.51.100"), "vrrp.51")
	})
}

// TestVirtualLinkThatVanishes is made again, and with it the addresses; its parent takes it along and brings it back.
func TestVirtualLinkThatVanishes(t *testing.T) {
	for _, link := range []string{"vrrp.51", "eth0"} {
		t.Run(link, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ethernet
				h := n.newHost("10.77.0.1/24")
				r := start(t, h, Options{}, withVMAC("V", 51, 100))
				time.Sleep(10 * time.Second)
				if link == "eth0" {
					h.mu.Lock()
					parent, addr := h.links[0], h.addrs[0]
					h.mu.Unlock()
					h.destroyLink("vrrp.51")
					h.destroyLink("eth0")
					want(t, "without the parent", r.state("V"), election.Fault)
					time.Sleep(time.Minute)
					parent.Index, addr.Index = 7, 7
					h.setLink(parent)
					h.mu.Lock()
					h.addrs = append(h.addrs, addr)
					h.tell(netio.AddressChanged{Address: addr})
					h.mu.Unlock()
				} else {
					h.destroyLink("vrrp.51")
				}
				time.Sleep(4 * time.Second)
				want(t, "state", r.state("V"), election.Master)
				want(t, "address on", h.on("10.77.51.100"), "vrrp.51")
			})
		})
	}
}

// TestVirtualLinkThatSomebodyKeepsRemoving is not made without end.
func TestVirtualLinkThatSomebodyKeepsRemoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		start(t, h, Options{}, withVMAC("V", 51, 100))
		time.Sleep(10 * time.Second)
		h.taken()
		for range 600 {
			if _, err := h.Link("vrrp.51"); err == nil {
				h.destroyLink("vrrp.51")
			}
			time.Sleep(100 * time.Millisecond)
		}
		made := 0
		for _, line := range h.taken() {
			if line == "make vrrp.51" {
				made++
			}
		}
		if made < 2 || made > 62 {
			t.Errorf("made %d times in a minute", made)
		}
	})
}

// TestVirtualLinkThatCannotBeMade: its router waits in FAULT, says why once, and it is tried again ever more rarely; other
// routers are served.
func TestVirtualLinkThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		var broken atomic.Bool
		broken.Store(true)
		h.noLink = func(v lan.VirtualLink) error {
			if broken.Load() && v.Name == "vrrp.51" {
				return errors.New("no more macvlans")
			}
			return nil
		}
		var log lines
		r := start(t, h, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, withVMAC("V", 51, 100), withVMAC("W", 52, 100))
		time.Sleep(10 * time.Second)
		want(t, "it", r.state("V"), election.Fault)
		want(t, "the other", r.state("W"), election.Master)
		time.Sleep(10 * time.Minute)
		if got := strings.Count(log.String(), "Unable to create VMAC interface vrrp.51"); got != 1 {
			t.Errorf("reported %d times:\n%s", got, log.String())
		}
		tries := 0
		for _, line := range h.taken() {
			if line == "make vrrp.51" {
				tries++
			}
		}
		if tries < 10 || tries > 20 { // 1 s, 2 s … 1 min
			t.Errorf("tried %d times in 10 minutes", tries)
		}
		broken.Store(false)
		time.Sleep(time.Minute + 4*time.Second)
		want(t, "when it can be had", r.state("V"), election.Master)
	})
}

// TestVirtualLinkThatLacksSettings, as where /proc/sys is read-only, is used all the same; what it lacks is said once, and not that
// there is none.
func TestVirtualLinkThatLacksSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.lacks = errors.New("rp_filter: read-only file system")
		var log lines
		r := start(t, h, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, withVMAC("V", 51, 100))
		time.Sleep(10 * time.Minute)
		want(t, "state", r.state("V"), election.Master)
		want(t, "address on", h.on("10.77.51.100"), "vrrp.51")
		for text, times := range map[string]int{"Unable to create": 0, "Success creating VMAC interface vrrp.51": 1, "read-only": 1, "lacks settings": 1} {
			if got := strings.Count(log.String(), text); got != times {
				t.Errorf("%q is said %d times, want %d:\n%s", text, got, times, log.String())
			}
		}
	})
}

// lines is a log that may be written while it is read.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoVMACWithoutEthernet: the router does without, as keepalived's.
func TestNoVMACWithoutEthernet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.links[0].Ether, h.links[0].MAC = false, ""
		var log lines
		r := start(t, h, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, withVMAC("V", 51, 100))
		time.Sleep(4 * time.Second)
		want(t, "state", r.state("V"), election.Master)
		want(t, "address on", h.on("10.77.51.100"), "eth0")
		if !strings.Contains(log.String(), "vmacs are only supported on Ethernet type interfaces") {
			t.Error(log.String())
		}
	})
}

// TestReloadIntoAndOutOfVMAC: it is another router on another link, and what is not needed any more goes.
func TestReloadIntoAndOutOfVMAC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		r := start(t, h, Options{}, testInstance("V", 51, 100))
		for range 2 {
			r.apply(withVMAC("V", 51, 100))
			time.Sleep(10 * time.Second)
			want(t, "state with", r.state("V"), election.Master)
			want(t, "address on", h.on("10.77.51.100"), "vrrp.51")
			r.apply(testInstance("V", 51, 100))
			time.Sleep(10 * time.Second)
			want(t, "state without", r.state("V"), election.Master)
			want(t, "address on", h.on("10.77.51.100"), "eth0")
			if _, err := h.Link("vrrp.51"); err == nil {
				t.Error("the link is still there")
			}
		}
	})
}

// TestReloadThatChangesWhatALinkIsFor leaves router and link alone.
func TestReloadThatChangesWhatALinkIsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := withVMAC("V", 51, 100)
		r := start(t, h, Options{}, in)
		time.Sleep(10 * time.Second)
		h.taken()
		in.VMAC.IPv6 = true
		r.apply(in)
		time.Sleep(time.Second)
		want(t, "kernel", h.linkLog(), []string{"make vrrp.51"})
		want(t, "changes", r.counters("V").BecameMaster, uint64(1))
	})
}

// TestLinkOfTwoRoutersGoesWithTheLast: a VMAC of addresses may be the own one of another instance.
func TestLinkOfTwoRoutersGoesWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		v, w := withVMAC("V", 51, 100), testInstance("W", 52, 100)
		w.Addresses[0].MAC = v.VMAC.MAC
		w.AddressLinks = []election.VirtualLink{v.VMAC}
		r := start(t, h, Options{}, v, w)
		time.Sleep(4 * time.Second)
		want(t, "address of W on", h.on("10.77.52.100"), "vrrp.51")
		r.apply(w)
		time.Sleep(4 * time.Second)
		want(t, "address of W on", h.on("10.77.52.100"), "vrrp.51")
		r.apply()
		time.Sleep(4 * time.Second)
		if _, err := h.Link("vrrp.51"); err == nil {
			t.Error("the link is still there")
		}
	})
}

// TestNamesOfVirtualLinks: a name that is taken is passed over, one that was chosen stays, and an interface that is the
// link already is it, whatever it is called.
func TestNamesOfVirtualLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.links = append(h.links, netio.Link{Index: 8, Name: "vrrp.51", Up: true, Ether: true},
			netio.Link{Index: 9, Name: "mine", Up: true, Ether: true, Kind: "macvlan", Mode: "private", Parent: 2, MAC: "\x00\x00\x5e\x00\x01\x35"})
		named := withVMAC("N", 52, 100)
		named.VMAC.Name = "vrrp1.51"
		r := start(t, h, Options{}, withVMAC("V", 51, 100), named, withVMAC("F", 53, 100))
		time.Sleep(4 * time.Second)
		for addr, link := range map[string]string{"10.77.51.100": "vrrp2.51", "10.77.52.100": "vrrp1.51", "10.77.53.100": "mine"} {
			want(t, addr, h.on(addr), link)
		}
		h.destroyLink("vrrp.51")
		r.apply(withVMAC("V", 51, 101), named, withVMAC("F", 53, 100))
		time.Sleep(time.Second)
		want(t, "after a reload", h.on("10.77.51.100"), "vrrp2.51")
	})
}

// TestGeneratedNames are keepalived's, and never longer than a name may be.
func TestGeneratedNames(t *testing.T) {
	take := func(prefix string, vrid uint8, f confparse.Family) (names []string) {
		for name := range virtualNames(prefix, vrid, f) {
			if names = append(names, name); len(names) == 8 {
				break
			}
		}
		return names
	}
	want(t, "IPv4", take("vrrp", 7, confparse.IPv4)[:3], []string{"vrrp.7", "vrrp1.7", "vrrp2.7"})
	want(t, "IPv6", take("vrrp", 7, confparse.IPv6), []string{"vrrp.7", "vrrp6.7", "vrrp1.7", "vrrp2.7", "vrrp3.7", "vrrp4.7", "vrrp5.7", "vrrp7.7"})
	want(t, "long", take("a_very_long_prefix", 255, confparse.IPv4)[:2], []string{"a_very_long.255", "a_very_lon1.255"})
	for name := range virtualNames(strings.Repeat("x", 40), 255, confparse.IPv6) {
		if len(name) != 15 {
			t.Fatal(name)
		}
	}
}

// TestNoAcceptFollowsTheAddress: it is there first and goes last; one that cannot be had leaves the address served.
func TestNoAcceptFollowsTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := testInstance("V", 51, 100)
		in.NoAccept = true
		r := start(t, h, Options{}, in)
		time.Sleep(time.Second)
		h.taken()
		time.Sleep(3 * time.Second)
		want(t, "as master", h.linkLog(), []string{"shut 10.77.51.100", "add 10.77.51.100"})
		r.stop()
		r.wait()
		want(t, "at the end", h.linkLog(), []string{"del 10.77.51.100", "open 10.77.51.100"})
	})
}

// TestHostSettingsReachTheNetwork, at first and by a reload.
func TestHostSettingsReachTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		r := start(t, h, Options{})
		for i := range 2 {
			spec := testSpec(testInstance("V", 51, 100))
			spec.Host = election.HostSettings{NoLocalIGMP: i == 0, Filter: election.FilterSettings{Table: fmt.Sprint("t", i), Priority: 3,
				Counters: true, Chains: [2]string{"a", "b"}, Sets: [6]string{"1", "2", "3", "4", "5", "6"}}}
			if err := r.Apply(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			s := h.settings
			want(t, "IGMP", s.NoLocalIGMP, i == 0)
			f := s.Filter
			want(t, "filter", []any{f.Table, f.Priority, f.Counters, f.ByIndex, f.Input, f.Output, f.Sets.Addresses4, f.Sets.Addresses6,
				f.Sets.LinkLocal, f.Sets.VMAC4, f.Sets.VMAC6, f.Sets.Discovery},
				[]any{fmt.Sprint("t", i), int32(3), true, false, "a", "b", "1", "2", "3", "4", "5", "6"})
		}
	})
}

// TestVirtualLinkThatIsRenamed by a reload is made when the old one has gone, for the kernel has a MAC address once on a parent;
// the reload does not wait for that.
func TestVirtualLinkThatIsRenamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		named := func(name string) election.InstanceSpec {
			in := withVMAC("V", 51, 100)
			in.VMAC.Name = name
			return in
		}
		r := start(t, h, Options{}, named("vip0"))
		time.Sleep(4 * time.Second)
		want(t, "state", r.state("V"), election.Master)
		h.taken()
		begin := time.Now()
		r.apply(named("vip1"))
		want(t, "the reload took", time.Since(begin), time.Duration(0))
		time.Sleep(10 * time.Second)
		want(t, "links", h.linkLog(), []string{"del 10.77.51.100", "remove vip0", "make vip1", "listen 224.0.0.18", "del 10.77.51.100", "add 10.77.51.100"})
		want(t, "state", r.state("V"), election.Master)
		want(t, "address on", h.on("10.77.51.100"), "vip1")
	})
}
