package vrrp

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// homeless is an instance without an interface that sends from 10.77.0.1.
func homeless(name string, vrid, priority uint8) election.InstanceSpec {
	in := testInstance(name, vrid, priority)
	in.Link, in.Group, in.Source = "", netip.Addr{}, netip.MustParseAddr("10.77.0.1")
	in.Peers, in.PeerTTLs = []netip.Addr{routerB}, []election.TTLRange{{Max: 255}}
	return in
}

// secondLink is eth1, with what it takes to be there.
func secondLink(up bool) netio.Link {
	return netio.Link{Index: 3, Name: "eth1", Up: up, MTU: 1500, Ether: true, MAC: "\x02\x00\x00\x00\x00\x11"}
}

// A router without an interface is where its source address is: in FAULT while no link that is up has it, wherever it comes.
func TestSourceDecidesTheLink(t *testing.T) {
	source := netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.0.1/24")}
	elsewhere := source
	elsewhere.Index = 3
	gone := func(h *host, a netio.Address) {
		if err := h.DelAddress(a); err != nil {
			t.Fatal(err)
		}
	}
	come := func(h *host, a netio.Address) {
		if err := h.AddAddress(a); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		rule    string
		change  func(*testing.T, *host)
		untrack bool // dont_track_primary
		want    election.State
		line    string
	}{
		{rule: "the address goes", want: election.Fault, line: "Deassigned address 10.77.0.1 from interface eth0",
			change: func(_ *testing.T, h *host) { gone(h, source) }},
		{rule: "its link goes down", want: election.Fault, line: "Netlink reports eth0 down",
			change: func(t *testing.T, h *host) { h.cable(t, false) }},
		{rule: "its link vanishes", want: election.Fault, change: func(_ *testing.T, h *host) { h.destroyLink("eth0") }},
		{rule: "it moves to a link that is down", want: election.Fault, change: func(_ *testing.T, h *host) {
			h.setLink(secondLink(false))
			gone(h, source)
			come(h, elsewhere)
		}},
		{rule: "it moves to one that is up", want: election.Master, line: "Assigned address 10.77.0.1 for interface eth1",
			change: func(_ *testing.T, h *host) {
				h.setLink(secondLink(true))
				gone(h, source)
				synctest.Wait()
				come(h, elsewhere)
			}},
		{rule: "another link has it too", want: election.Master, change: func(t *testing.T, h *host) {
			h.setLink(secondLink(true))
			come(h, elsewhere)
			synctest.Wait()
			h.cable(t, false)
		}},
		{rule: "nobody looks at it", untrack: true, want: election.Master,
			change: func(_ *testing.T, h *host) { gone(h, source) }},
		{rule: "another address goes", want: election.Master, change: func(_ *testing.T, h *host) {
			other := netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.9.1/24")}
			come(h, other)
			gone(h, other)
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var n ethernet
			lines := &recorder{counting: new(counting)}
			h := n.newHost("10.77.0.1/24")
			in := homeless("V", 51, 150)
			in.TrackLink = !tt.untrack
			in.Addresses[0].NoTrack = true
			a := start(t, h, Options{Logger: slog.New(lines)}, in)
			time.Sleep(5 * time.Second)
			want(t, tt.rule+": state at first", a.state("V"), election.Master)
			tt.change(t, h)
			time.Sleep(5 * time.Second)
			want(t, tt.rule+": state", a.state("V"), tt.want)
			if tt.line != "" && len(lines.with(tt.line)) == 0 {
				t.Errorf("%s: no line %q", tt.rule, tt.line)
			}
			h.setLink(netio.Link{Index: 2, Name: "eth0", Up: true, MTU: 1500, Ether: true, MAC: "\x02\x00\x00\x00\x00\x01"})
			come(h, source)
			time.Sleep(5 * time.Second)
			want(t, tt.rule+": state when it is back", a.state("V"), election.Master)
		})
	}
}

// The address is missing at the start: the log and explain say what is waited for.
func TestWithoutSourceAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		lines := &recorder{counting: new(counting)}
		h := n.newHost("10.77.0.7/24")
		a := start(t, h, Options{Logger: slog.New(lines)}, homeless("V", 51, 150))
		time.Sleep(5 * time.Second)
		want(t, "state", a.state("V"), election.Fault)
		want(t, "reason", lines.with("entering FAULT state ("),
			[]string{"(V): entering FAULT state (address 10.77.0.1 is on no interface that is up)"})
		explained, err := a.Explain(t.Context())
		if err != nil || len(explained) != 1 {
			t.Fatal(explained, err)
		}
		want(t, "needs", explained[0].Faults(), []string{"an interface that is up, with carrier, has the address 10.77.0.1"})
	})
}

// Routers without an interface share a socket when they send from the same address, and no other.
func TestSocketsBySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		other := homeless("C", 53, 150)
		other.Source = netip.MustParseAddr("10.77.0.3")
		on := testInstance("D", 54, 150)
		on.Group, on.Peers, on.PeerTTLs = netip.Addr{}, other.Peers, other.PeerTTLs
		a := start(t, h, Options{}, homeless("A", 51, 150), homeless("B", 52, 150), other, on)
		want(t, "state", a.state("A"), election.Backup)
		h.mu.Lock()
		defer h.mu.Unlock()
		var got []string
		for _, c := range h.conns {
			slices.Sort(c.vrids)
			got = append(got, fmt.Sprint(c.on.Link.Name, " ", c.on.Source, " ", c.vrids))
		}
		slices.Sort(got)
		want(t, "sockets", got, []string{" 10.77.0.1 [51 52]", " 10.77.0.3 [53]", "eth0 invalid IP [54]"})
	})
}

// In a VRF only the links that belong to it count, and the VRF itself has to be there.
func TestSourceWithinVRF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := homeless("V", 51, 150)
		in.VRF = "blue"
		in.Addresses[0].NoTrack = true
		eth0 := netio.Link{Index: 2, Name: "eth0", Up: true, MTU: 1500, Ether: true, MAC: "\x02\x00\x00\x00\x00\x01"}
		blue := netio.Link{Index: 9, Name: "blue", Up: true, MTU: 65575, Kind: "vrf"}
		a := start(t, h, Options{}, in)
		step := func(what string, s election.State, l netio.Link) {
			t.Helper()
			h.setLink(l)
			time.Sleep(5 * time.Second)
			want(t, what, a.state("V"), s)
		}
		want(t, "no VRF", a.state("V"), election.Fault)
		step("the link is not in it", election.Fault, blue)
		eth0.Master = 9
		step("it is", election.Master, eth0)
		blue.Up = false
		step("the VRF is down", election.Fault, blue)
		blue.Up = true
		step("it is up", election.Master, blue)
		eth0.Master = 0
		step("the link has left it", election.Fault, eth0)
		h.mu.Lock()
		defer h.mu.Unlock()
		want(t, "sockets", len(h.conns), 1)
		want(t, "bound to", h.conns[0].on.Link.Name, "blue")
	})
}

// TestInVRF: two machines whose links are in a VRF, with the same addresses outside of it leading nowhere.
func TestInVRF(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 2)
	var runners []*Runner
	for i, n := range nodes {
		if out, err := n.Output(t.Context(), "ip", "link", "add", "blue", "type", "vrf", "table", "77"); err != nil {
			testlan.RequireModule(t, fmt.Errorf("no VRFs: %w: %s", err, out))
		}
		for _, own := range []string{fmt.Sprintf("10.77.0.%d/24", i+1), fmt.Sprintf("2001:db8::%d/64", i+1)} {
			output(t, n, "sh", "-ec", "ip link set blue up; ip link set eth0 master blue; ip -6 addr replace fe80::"+fmt.Sprint(i+1)+
				"/64 dev eth0 nodad; ip addr replace "+own+" dev eth0"+map[bool]string{true: " nodad"}[strings.Contains(own, ":")])
		}
		text := ""
		for name, own := range map[string]string{"V4": "10.77.0.", "V6": "2001:db8::"} {
			text += fmt.Sprintf("vrrp_instance %s {\nvrf blue\nvirtual_router_id 51\nversion 3\nadvert_int 0.2\npriority %d\nunicast_src_ip %s%d\n"+
				"unicast_peer {\n%s%d\n}\nvirtual_ipaddress {\n%s99 dev eth0\n}\n}\n", name, 150-50*i, own, i+1, own, 2-i, own)
		}
		r, _ := runConfig(t, n, text)
		runners = append(runners, r)
	}
	untilAll(t, runners[0], election.Master)
	for _, s := range runners[1].Status().Instances {
		before := s.Counters.AdvertsReceived
		lantest.Until(t, string(s.Name)+" of b hears a", func() error {
			for _, now := range runners[1].Status().Instances {
				if now.Name == s.Name && (now.State != election.Backup || now.Counters.AdvertsReceived < before+5) {
					return fmt.Errorf("%s, %+v", now.State, now.Counters)
				}
			}
			return nil
		})
	}
}

// TestInteropWithoutInterface: what leaves and arrives without an interface is what keepalived takes and sends, in either
// role. keepalived 2.2.7 refuses such an instance itself; later ones do as we do.
func TestInteropWithoutInterface(t *testing.T) {
	t.Parallel()
	const lines = "version 3\nadvert_int 0.2\n"
	ours := lines + nowhere + "unicast_src_ip 10.77.0.1\nunicast_peer {\n10.77.0.2\n}\n"
	theirs := lines + "unicast_src_ip 10.77.0.2\nunicast_peer {\n10.77.0.1\n}\n"
	if out, err := exec.Command(keepalivedBinary, "--version").CombinedOutput(); err == nil && !strings.Contains(string(out), "v2.2.7") {
		theirs += nowhere
	}
	t.Run("as its backup", func(t *testing.T) { obeyAndFollow(t, ours, theirs) })
	t.Run("as its master", func(t *testing.T) {
		p, _ := leadAndResign(t, ours, theirs)
		for _, f := range p.record.Frames() {
			const source, destination = 14 + 12, 14 + 16 // of the IP header, behind that of Ethernet
			if _, ok := f.Advert(); ok && f.Host == "a" && (f.Data[source+3] != 1 || f.Data[destination+3] != 2) {
				t.Fatalf("an advert from %v to %v", f.Data[source:source+4], f.Data[destination:destination+4])
			}
		}
	})
}

// TestWithoutInterfaceAsRouted: the peer is where the routing table says, and the source address may be on a link that leads
// nowhere; IPv6 does the same.
func TestWithoutInterfaceAsRouted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ family, own, peer, route, back string }{
		{"IPv4", "198.51.100.1", "198.51.100.2", "10.77.0.2", "10.77.0.1"},
		{"IPv6", "2001:db8::1", "2001:db8::2", "fe80::b", "fe80::a"},
	} {
		t.Run(tt.family, func(t *testing.T) {
			t.Parallel()
			_, nodes := lantest.Laboratory(t, 2)
			text := func(own, peer string, priority string) string {
				return "vrrp_instance V {\nvirtual_router_id 51\nversion 3\nadvert_int 0.2\npriority " + priority + "\nunicast_src_ip " + own +
					"\nunicast_peer {\n" + peer + "\n}\nvirtual_ipaddress {\n" + strings.Replace(own, "1", "3", 1) + " dev eth0\n}\n}\n"
			}
			var runners []*Runner
			for i, n := range nodes {
				own, peer, next, link := tt.own, tt.peer, tt.route, "fe80::a"
				if i == 1 {
					own, peer, next, link = tt.peer, tt.own, tt.back, "fe80::b"
				}
				output(t, n, "sh", "-ec", "ip link set lo up; ip addr add "+link+"/64 dev eth0 nodad; ip addr add "+own+" dev lo; ip route add "+peer+
					" via "+next+" dev eth0")
				r, _ := runConfig(t, n, text(own, peer, map[int]string{0: "150", 1: "100"}[i]))
				runners = append(runners, r)
			}
			untilState(t, runners[0], election.Master)
			obeys(t, runners[1], 150)
		})
	}
}
