package lan_test

import (
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/packet"

	"vigil/confparse"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
	"vigil/vrrp/wire"
)

const etherTypeIPv6 = 0x86dd

var (
	nodeA       = netip.MustParseAddr("10.77.0.1")
	nodeB       = netip.MustParseAddr("10.77.0.2")
	nodeC       = netip.MustParseAddr("10.77.0.3")
	group4      = netip.MustParseAddr("224.0.0.18")
	group6      = netip.MustParseAddr("ff02::12")
	link6       = netip.MustParseAddr("fe80::1")
	linkPrefix6 = netip.PrefixFrom(link6, 64)
	vip100      = netip.MustParseAddr("10.77.0.100")
	vip101      = netip.MustParseAddr("10.77.0.101")
	vips6       = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("fd77::100")}
	password    = [8]byte{'s', '3', 'c', 'r', '3', 't'}
	addrCmp     = cmpopts.EquateComparable(netip.Addr{})
	howeverLong = cmpopts.IgnoreFields(lan.Received{}, "Queued")
)

// Complete frames, as keepalived 2.2.7 sent them from a machine with the same addresses.
func TestFramesOnTheWireAreKeepaliveds(t *testing.T) {
	lab, nodes := lantest.Laboratory(t, 3)
	a := nodes[0]
	record := a.Capture(lab)
	multicast, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4, Group: group4})
	unicast, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4})
	toGroup := func(id uint16) wire.IPHeader {
		return wire.IPHeader{Source: nodeA, Destination: group4, TTL: 255, ID: id}
	}
	toPeer := func(to netip.Addr) wire.IPHeader {
		return wire.IPHeader{Source: nodeA, Destination: to, TTL: 64, ID: 1}
	}
	v2 := wire.Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{vip100}}
	pass := v2
	pass.AuthType, pass.AuthData, pass.Addresses = wire.AuthPass, password, []netip.Addr{vip100, vip101}
	resign := pass
	resign.Priority = 0
	v3 := wire.Advert{Version: 3, VRID: 51, Priority: 150, Interval: 500 * time.Millisecond, Addresses: []netip.Addr{vip100}}
	slow := v3
	slow.Interval = time.Second
	for _, tc := range []struct {
		name string
		send func() error
		want string
	}{
		{"v2 with password", func() error { return multicast.Send(pass, toGroup(1)) },
			"01005e000012020000000001080045c0002c00010000ff70d0400a4d0001e00000122133640201015a4c0a4d00640a4d00657333637233740000"},
		{"v2 resigning", func() error { return multicast.Send(resign, toGroup(7)) },
			"01005e000012020000000001080045c0002c00070000ff70d03a0a4d0001e0000012213300020101be4c0a4d00640a4d00657333637233740000"},
		{"v2", func() error { return multicast.Send(v2, toGroup(1)) },
			"01005e000012020000000001080045c0002800010000ff70d0440a4d0001e000001221336401000170190a4d00640000000000000000"},
		{"v3", func() error { return multicast.Send(v3, toGroup(1)) },
			"01005e000012020000000001080045c0002000010000ff70d04c0a4d0001e0000012313396010032430b0a4d0064"},
		{"v3 unicast", func() error { return unicast.Send(slow, toPeer(nodeB)) },
			"020000000002020000000001080045c0002000010000407065110a4d00010a4d0002313396010064189d0a4d0064"},
		{"v3 unicast to the second peer", func() error { return unicast.Send(slow, toPeer(nodeC)) },
			"020000000003020000000001080045c0002000010000407065100a4d00010a4d0003313396010064189c0a4d0064"},
		{"gratuitous ARP", func() error { return a.Kernel.Announce(a.Link(), vip100) },
			"ffffffffffff020000000001080600010800060400010200000000010a4d0064ffffffffffff0a4d0064"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.send(); err != nil {
				t.Fatal(err)
			}
			var got []string
			defer func() {
				if t.Failed() {
					t.Logf("frames seen: %q", got)
				}
			}()
			lantest.Until(t, "the frame", func() error {
				got = nil
				for _, f := range record.Frames() {
					got = append(got, hex.EncodeToString(f.Data))
				}
				if !slices.Contains(got, tc.want) {
					return errors.New("not among those recorded")
				}
				return nil
			})
		})
	}
}

// IPv6 frames, but for the flow label, which the kernel chooses.
func TestIPv6FramesOnTheWireAreKeepaliveds(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	for _, p := range []string{"fe80::1/64", "fd77::102/128"} {
		if err := a.AddAddress("eth0", netip.MustParsePrefix(p)); err != nil {
			t.Fatal(err)
		}
	}
	frames := sniff(t, b, etherTypeIPv6)
	conn, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv6, Group: group6})
	v3 := wire.Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: vips6}
	for _, tc := range []struct {
		name string
		send func() error
		want string
	}{
		{"v3", func() error { return conn.Send(v3, wire.IPHeader{Source: link6, Destination: group6, TTL: 255}) },
			"33330000001202000000000186dd6c00000000" + "2870fffe800000000000000000000000000001ff020000000000000000000000000012" +
				"3133960200643c3efe800000000000000000000000000100fd770000000000000000000000000100"},
		{"neighbour advertisement", func() error { return a.Kernel.Announce(a.Link(), netip.MustParseAddr("fd77::102")) },
			"33330000000102000000000186dd6000000000203afffd770000000000000000000000000102ff020000000000000000000000000001" +
				"880057ab20000000fd7700000000000000000000000001020201020000000001"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.send(); err != nil {
				t.Fatal(err)
			}
			deadline := time.After(5 * time.Second)
			var seen []string
			for {
				select {
				case f := <-frames:
					f[15] &= 0xf0
					f[16], f[17] = 0, 0
					got := hex.EncodeToString(f)
					if got == tc.want {
						return
					}
					seen = append(seen, got)
				case <-deadline:
					t.Fatalf("frame not seen: %s\nseen: %q", tc.want, seen)
				}
			}
		})
	}
}

// sniff returns the frames of one type that reach eth0.
func sniff(t *testing.T, n *lantest.Node, etherType int) <-chan []byte {
	t.Helper()
	l := n.Link()
	var c *packet.Conn
	err := n.Do(func() (err error) {
		c, err = packet.Listen(&net.Interface{Index: l.Index, Name: l.Name}, packet.Raw, etherType, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	frames, done := make(chan []byte, 1000), make(chan struct{})
	go func() {
		defer close(done)
		for {
			b := make([]byte, 2000)
			size, _, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			select {
			case frames <- b[:size]:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return frames
}

func receive(t *testing.T, packets <-chan lan.Received) lan.Received {
	t.Helper()
	select {
	case p := <-packets:
		return p
	case <-time.After(5 * time.Second):
		t.Fatal("nothing received")
		return lan.Received{}
	}
}

func TestSocketDeliversWhatIsForIt(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	group := func(n *lantest.Node) lan.Segment {
		return lan.Segment{Link: n.Link(), Family: confparse.IPv4, Group: group4}
	}
	sender, echoes := a.Listen(group(a), 51)
	_, packets := b.Listen(group(b), 51)
	_, unicast := b.Listen(lan.Segment{Link: b.Link(), Family: confparse.IPv4}, 51)
	advert := wire.Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{vip100}}
	foreign := advert
	foreign.VRID = 52
	ip := wire.IPHeader{Source: nodeA, Destination: group4, TTL: 255, ID: 9}
	far := ip
	far.TTL = 254
	for _, err := range []error{sender.Send(foreign, ip), sender.Send(advert, ip), sender.Send(advert, far)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	heard := advert
	heard.TTL = 255
	want := []lan.Received{{Header: ip, Advert: heard}, {Header: far, Advert: wire.Advert{Version: 2, VRID: 51}, Reason: wire.DropTTL}}
	got := []lan.Received{receive(t, packets), receive(t, packets)}
	if d := cmp.Diff(want, got, addrCmp, howeverLong); d != "" {
		t.Errorf("received (-want +got):\n%s", d)
	}
	for _, r := range got {
		if r.Queued <= 0 {
			t.Errorf("came %v ago", r.Queued)
		}
	}
	ip.Destination = nodeB
	if err := sender.Send(advert, ip); err != nil {
		t.Fatal(err)
	}
	if p := receive(t, unicast); p.Header.Destination != nodeB {
		t.Errorf("unicast socket received a packet to %s", p.Header.Destination)
	}
	for what, c := range map[string]<-chan lan.Received{"own multicast": echoes, "unicast on the group's socket": packets, "multicast on the unicast socket": unicast} {
		if len(c) > 0 {
			t.Errorf("%s: %+v", what, <-c)
		}
	}
}

// Packets that come in on one interface are not heard on another one that has joined the same group.
func TestSocketHearsItsOwnInterfaceOnly(t *testing.T) {
	lab, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	other, err := lab.Segment("other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Attach(other, "eth1", netip.MustParsePrefix("10.78.0.2/24")); err != nil {
		t.Fatal(err)
	}
	eth1, err := b.Kernel.Link("eth1")
	if err != nil {
		t.Fatal(err)
	}
	sender, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4, Group: group4})
	_, here := b.Listen(lan.Segment{Link: b.Link(), Family: confparse.IPv4, Group: group4}, 51)
	_, there := b.Listen(lan.Segment{Link: eth1, Family: confparse.IPv4, Group: group4}, 51)
	advert := wire.Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second}
	if err := sender.Send(advert, wire.IPHeader{Source: nodeA, Destination: group4, TTL: 255}); err != nil {
		t.Fatal(err)
	}
	receive(t, here)
	if len(there) > 0 {
		t.Error("heard on the other interface")
	}
}

func TestIPv6SocketDelivers(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	if err := a.AddAddress("eth0", netip.MustParsePrefix("fe80::1/64")); err != nil {
		t.Fatal(err)
	}
	group := func(n *lantest.Node) lan.Segment {
		return lan.Segment{Link: n.Link(), Family: confparse.IPv6, Group: group6}
	}
	sender, _ := a.Listen(group(a), 51)
	_, packets := b.Listen(group(b), 51)
	advert := wire.Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: vips6}
	ip := wire.IPHeader{Source: link6, Destination: group6, TTL: 255}
	if err := sender.Send(advert, ip); err != nil {
		t.Fatal(err)
	}
	advert.TTL = 255
	got := receive(t, packets)
	if d := cmp.Diff(lan.Received{Header: ip, Advert: advert}, got, addrCmp, howeverLong); d != "" || got.Queued <= 0 {
		t.Errorf("came %v ago, received (-want +got):\n%s", got.Queued, d)
	}
}
