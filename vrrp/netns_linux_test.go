package vrrp

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/packet"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/testlan"
)

// labNode is a machine of a laboratory: a namespace with eth0, and the real Kernel in it.
type labNode struct {
	*testlan.Host
	t      *testing.T
	cable  *testlan.Cable
	kernel *Kernel
}

// laboratory makes machines a, b, c … on one segment, with MAC addresses 02:00:00:00:00:01 … and 10.77.0.1/24 ….
func laboratory(t *testing.T, n int) (*testlan.Lab, []*labNode) {
	t.Helper()
	testlan.RequireNetns(t)
	lab, err := testlan.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	segment, err := lab.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]*labNode, n)
	for i := range nodes {
		h, err := lab.Host(string(rune('a' + i)))
		if err != nil {
			t.Fatal(err)
		}
		node := &labNode{Host: h, t: t}
		node.cable, err = h.Attach(segment, "eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}), 24))
		if err != nil {
			t.Fatal(err)
		}
		err = h.Do(func() (err error) {
			node.kernel, err = OpenKernel()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.kernel.Close(); err != nil {
				t.Error(err)
			}
		})
		nodes[i] = node
	}
	connected(t, nodes)
	return lab, nodes
}

// connected waits until every machine hears every other one: what is sent just after an interface came up may be lost.
func connected(t *testing.T, nodes []*labNode) {
	t.Helper()
	probe := Advert{Version: 2, VRID: 255, Interval: time.Second}
	missing := make(map[[2]int]bool)
	senders := make([]Conn, len(nodes))
	packets := make(chan [2]int, 1000)
	for i, n := range nodes {
		c, err := n.kernel.Listen(Segment{Link: n.link(), Family: confparse.IPv4, Group: group4}, func(p Received) {
			select {
			case packets <- [2]int{int(p.Header.Source.As4()[3]) - 1, i}:
			default:
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Accept([]uint8{probe.VRID}); err != nil {
			t.Fatal(err)
		}
		senders[i] = c
		for j := range nodes {
			if i != j {
				missing[[2]int{i, j}] = true
			}
		}
	}
	until(t, 5*time.Second, "all machines connected", func() error {
		for len(packets) > 0 {
			delete(missing, <-packets)
		}
		if len(missing) == 0 {
			return nil
		}
		for i, c := range senders {
			source := netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)})
			_ = c.Send(probe, IPHeader{Source: source, Destination: group4, TTL: 255}) // tried again
		}
		return fmt.Errorf("%d pairs are not", len(missing))
	})
}

func (n *labNode) capture(lab *testlan.Lab) *testlan.Capture {
	n.t.Helper()
	c, err := lab.Capture()
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func (n *labNode) link() netio.Link {
	n.t.Helper()
	l, err := n.kernel.Link("eth0")
	if err != nil {
		n.t.Fatal(err)
	}
	return l
}

// listen opens a socket whose packets come through the channel.
func (n *labNode) listen(on Segment, vrids ...uint8) (Conn, <-chan Received) {
	n.t.Helper()
	packets := make(chan Received, 100)
	c, err := n.kernel.Listen(on, func(p Received) { packets <- p })
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			n.t.Error(err)
		}
	})
	if err := c.Accept(vrids); err != nil {
		n.t.Fatal(err)
	}
	return c, packets
}

// run starts a Runner on the machine; the function returned stops it and waits.
func (n *labNode) run(o Options, list ...InstanceSpec) (r *Runner, stop func()) {
	n.t.Helper()
	o.Network = n.kernel
	r, err := NewRunner(o)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("Run: %v", err)
		}
	}
	n.t.Cleanup(stop)
	if err := r.Apply(ctx, testSpec(list...)); err != nil {
		n.t.Fatal(err)
	}
	return r, stop
}

// until waits for a condition in real time.
func until(t *testing.T, limit time.Duration, what string, cond func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := testlan.Until(ctx, what, cond); err != nil {
		t.Fatal(err)
	}
}

func untilState(t *testing.T, r *Runner, s State) {
	t.Helper()
	until(t, 10*time.Second, "state "+s.String(), func() error {
		if got := r.Status().Instances[0].State; got != s {
			return fmt.Errorf("state is %s", got)
		}
		return nil
	})
}

// virtual returns the addresses of eth0 that carry our mark.
func (n *labNode) virtual() []netip.Prefix {
	n.t.Helper()
	all, err := n.kernel.Addresses()
	if err != nil {
		n.t.Fatal(err)
	}
	var ours []netip.Prefix
	for _, a := range all {
		if a.Protocol == netio.Protocol {
			ours = append(ours, a.Prefix)
		}
	}
	return ours
}

var (
	nodeA, nodeB = netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")
	nodeC        = netip.MustParseAddr("10.77.0.3")
)

// Complete frames, as keepalived 2.2.7 sent them from a machine with the same addresses.
func TestFramesOnTheWireAreKeepaliveds(t *testing.T) {
	lab, nodes := laboratory(t, 3)
	a := nodes[0]
	record := a.capture(lab)
	multicast, _ := a.listen(Segment{Link: a.link(), Family: confparse.IPv4, Group: group4})
	unicast, _ := a.listen(Segment{Link: a.link(), Family: confparse.IPv4})
	toGroup := func(id uint16) IPHeader { return IPHeader{Source: nodeA, Destination: group4, TTL: 255, ID: id} }
	toPeer := func(to netip.Addr) IPHeader { return IPHeader{Source: nodeA, Destination: to, TTL: 64, ID: 1} }
	v2 := Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{vip100}}
	pass := v2
	pass.AuthType, pass.AuthData, pass.Addresses = confparse.AuthPass, password, []netip.Addr{vip100, vip101}
	resign := pass
	resign.Priority = 0
	v3 := Advert{Version: 3, VRID: 51, Priority: 150, Interval: 500 * time.Millisecond, Addresses: []netip.Addr{vip100}}
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
		{"gratuitous ARP", func() error { return a.kernel.Announce(a.link(), vip100) },
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
			until(t, 5*time.Second, "the frame", func() error {
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
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	for _, p := range []string{"fe80::1/64", "fd77::102/128"} {
		if err := a.AddAddress("eth0", netip.MustParsePrefix(p)); err != nil {
			t.Fatal(err)
		}
	}
	frames := b.sniff(etherTypeIPv6)
	conn, _ := a.listen(Segment{Link: a.link(), Family: confparse.IPv6, Group: group6})
	v3 := Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: vips6}
	for _, tc := range []struct {
		name string
		send func() error
		want string
	}{
		{"v3", func() error { return conn.Send(v3, IPHeader{Source: link6, Destination: group6, TTL: 255}) },
			"33330000001202000000000186dd6c00000000" + "2870fffe800000000000000000000000000001ff020000000000000000000000000012" +
				"3133960200643c3efe800000000000000000000000000100fd770000000000000000000000000100"},
		{"neighbour advertisement", func() error { return a.kernel.Announce(a.link(), netip.MustParseAddr("fd77::102")) },
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
func (n *labNode) sniff(etherType int) <-chan []byte {
	n.t.Helper()
	l := n.link()
	var c *packet.Conn
	err := n.Do(func() (err error) {
		c, err = packet.Listen(&net.Interface{Index: l.Index, Name: l.Name}, packet.Raw, etherType, nil)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
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
	n.t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return frames
}

func receive(t *testing.T, packets <-chan Received) Received {
	t.Helper()
	select {
	case p := <-packets:
		return p
	case <-time.After(5 * time.Second):
		t.Fatal("nothing received")
		return Received{}
	}
}

func TestSocketDeliversWhatIsForIt(t *testing.T) {
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	group := func(n *labNode) Segment { return Segment{Link: n.link(), Family: confparse.IPv4, Group: group4} }
	sender, echoes := a.listen(group(a), 51)
	_, packets := b.listen(group(b), 51)
	_, unicast := b.listen(Segment{Link: b.link(), Family: confparse.IPv4}, 51)
	advert := Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{vip100}}
	foreign := advert
	foreign.VRID = 52
	ip := IPHeader{Source: nodeA, Destination: group4, TTL: 255, ID: 9}
	far := ip
	far.TTL = 254
	for _, err := range []error{sender.Send(foreign, ip), sender.Send(advert, ip), sender.Send(advert, far)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	heard := advert
	heard.TTL = 255
	want := []Received{{Header: ip, Advert: heard}, {Header: far, Advert: Advert{Version: 2, VRID: 51}, Reason: DropTTL}}
	got := []Received{receive(t, packets), receive(t, packets)}
	if d := cmp.Diff(want, got, addrCmp); d != "" {
		t.Errorf("received (-want +got):\n%s", d)
	}
	ip.Destination = nodeB
	if err := sender.Send(advert, ip); err != nil {
		t.Fatal(err)
	}
	if p := receive(t, unicast); p.Header.Destination != nodeB {
		t.Errorf("unicast socket received a packet to %s", p.Header.Destination)
	}
	for what, c := range map[string]<-chan Received{"own multicast": echoes, "unicast on the group's socket": packets, "multicast on the unicast socket": unicast} {
		if len(c) > 0 {
			t.Errorf("%s: %+v", what, <-c)
		}
	}
}

// Packets that come in on one interface are not heard on another one that has joined the same group.
func TestSocketHearsItsOwnInterfaceOnly(t *testing.T) {
	lab, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	other, err := lab.Segment("other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Attach(other, "eth1", netip.MustParsePrefix("10.78.0.2/24")); err != nil {
		t.Fatal(err)
	}
	eth1, err := b.kernel.Link("eth1")
	if err != nil {
		t.Fatal(err)
	}
	sender, _ := a.listen(Segment{Link: a.link(), Family: confparse.IPv4, Group: group4})
	_, here := b.listen(Segment{Link: b.link(), Family: confparse.IPv4, Group: group4}, 51)
	_, there := b.listen(Segment{Link: eth1, Family: confparse.IPv4, Group: group4}, 51)
	advert := Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second}
	if err := sender.Send(advert, IPHeader{Source: nodeA, Destination: group4, TTL: 255}); err != nil {
		t.Fatal(err)
	}
	receive(t, here)
	if len(there) > 0 {
		t.Error("heard on the other interface")
	}
}

func TestIPv6SocketDelivers(t *testing.T) {
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	if err := a.AddAddress("eth0", netip.MustParsePrefix("fe80::1/64")); err != nil {
		t.Fatal(err)
	}
	group := func(n *labNode) Segment { return Segment{Link: n.link(), Family: confparse.IPv6, Group: group6} }
	sender, _ := a.listen(group(a), 51)
	_, packets := b.listen(group(b), 51)
	advert := Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: vips6}
	ip := IPHeader{Source: link6, Destination: group6, TTL: 255}
	if err := sender.Send(advert, ip); err != nil {
		t.Fatal(err)
	}
	advert.TTL = 255
	if d := cmp.Diff(Received{Header: ip, Advert: advert}, receive(t, packets), addrCmp); d != "" {
		t.Errorf("received (-want +got):\n%s", d)
	}
}

// fast is an instance whose elections take a third of a second.
func fast(priority uint8) InstanceSpec {
	in := testInstance("V", 51, priority)
	in.Version, in.AdvertInterval = 3, 100*time.Millisecond
	in.Addresses = []Address{
		{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"},
		{Prefix: netip.PrefixFrom(vip101, 24), Link: "eth0"},
	}
	return in
}

func TestRunnersOnRealKernels(t *testing.T) {
	lab, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	record := a.capture(lab)
	master, _ := a.run(Options{}, fast(150))
	backup, stopBackup := b.run(Options{}, fast(100))
	untilState(t, master, Master)
	vips := []netip.Prefix{netip.PrefixFrom(vip100, 32), netip.PrefixFrom(vip101, 24)}
	holds := func(n *labNode, want []netip.Prefix) {
		t.Helper()
		until(t, 5*time.Second, "addresses of "+n.Name, func() error {
			if got := n.virtual(); !slices.Equal(got, want) {
				return fmt.Errorf("has %v, want %v", got, want)
			}
			return nil
		})
	}
	holds(a, vips)
	holds(b, nil)

	// The first frame of a new master is its advert, then each address is announced.
	until(t, 5*time.Second, "announcements", func() error {
		if n := len(record.Announcements("a", time.Time{})); n < 2 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	var order []string
	for _, f := range record.Frames() {
		if ad, ok := f.Advert(); ok && f.Host == "a" {
			order = append(order, fmt.Sprintf("advert %d %s", ad.Priority, ad.Source))
		} else if g, ok := f.Announcement(); ok && f.Host == "a" {
			order = append(order, "announce "+g.Address.String())
		}
	}
	want := []string{"advert 150 10.77.0.1", "announce 10.77.0.100", "announce 10.77.0.101"}
	if d := cmp.Diff(want, order[:min(3, len(order))]); d != "" {
		t.Errorf("first frames (-want +got):\n%s", d)
	}

	// An address that somebody removes is a new election, after which it is back.
	all, err := a.kernel.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	for _, ad := range all {
		if ad.Prefix == vips[0] {
			if err := a.kernel.DelAddress(ad); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := record.WaitAdvert(t.Context(), "a", since, func(ad testlan.Advert) bool { return ad.Priority == 0 }); err != nil {
		t.Fatal(err)
	}
	untilState(t, master, Master)
	holds(a, vips)

	// Cable out and in.
	if err := a.cable.Cut(); err != nil {
		t.Fatal(err)
	}
	untilState(t, master, Fault)
	untilState(t, backup, Master)
	holds(a, nil)
	holds(b, vips)
	if err := a.cable.Mend(); err != nil {
		t.Fatal(err)
	}
	untilState(t, master, Master)
	untilState(t, backup, Backup)
	holds(b, nil)

	stopBackup()
	holds(a, vips)
}

// The interface goes and comes back as another one of the same name.
func TestInterfaceIsReplacedOnARealKernel(t *testing.T) {
	lab, nodes := laboratory(t, 1)
	a := nodes[0]
	r, _ := a.run(Options{}, fast(150))
	untilState(t, r, Master)
	if out, err := a.Output(t.Context(), "ip", "link", "del", "eth0"); err != nil {
		t.Fatal(err, out)
	}
	untilState(t, r, Fault)
	segment, err := lab.Segment("again")
	if err != nil {
		t.Fatal(err)
	}
	cable, err := a.Attach(segment, "eth0", netip.MustParsePrefix("10.77.0.9/24"))
	if err != nil {
		t.Fatal(err)
	}
	record := a.capture(lab)
	since := time.Now()
	untilState(t, r, Master)
	ad, err := record.WaitAdvert(t.Context(), "a", since, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ad.Source != netip.MustParseAddr("10.77.0.9") {
		t.Errorf("advert from %s, want the new address", ad.Source)
	}
	until(t, 5*time.Second, "announcement", func() error {
		for _, g := range record.Announcements("a", since) {
			if g.MAC.String() == cable.MAC.String() {
				return nil
			}
		}
		return errors.New("none with the new MAC address")
	})
}

// A process that is killed and started again goes on as if nothing had happened.
func TestResumeOnARealKernel(t *testing.T) {
	lab, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	in := fast(150)
	in.AdvertInterval = 500 * time.Millisecond
	other := in
	other.Priority = 100
	o := Options{HeartbeatFile: filepath.Join(t.TempDir(), "beat")}
	first, wait := a.run(o, in)
	backup, _ := b.run(Options{}, other)
	untilState(t, first, Master)
	record := a.capture(lab)
	first.Kill()
	wait()
	if got := a.virtual(); len(got) != 2 {
		t.Fatalf("addresses after the crash: %v", got)
	}
	since := time.Now()
	second, _ := a.run(o, in)
	if got := second.Status().Instances[0].State; got != Master {
		t.Errorf("state %s, want MASTER at once", got)
	}
	if _, err := record.WaitAdvert(t.Context(), "a", since, nil); err != nil {
		t.Fatal(err)
	}
	if c := backup.Status().Instances[0].Counters; c.BecameMaster != 0 {
		t.Error("the backup took over")
	}
	if got := a.virtual(); len(got) != 2 {
		t.Errorf("addresses after the restart: %v", got)
	}
}

// keepalivedBinary is the reference implementation, where it is installed.
const keepalivedBinary = "/usr/sbin/keepalived"

// keepalived starts the reference implementation with one instance.
func (n *labNode) keepalived(instance string) *testlan.Process {
	n.t.Helper()
	dir := n.t.TempDir()
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte("vrrp_instance V {\n\tinterface eth0\n\tvirtual_router_id 51\n\tgarp_master_delay 0\n"+
		"\tvirtual_ipaddress {\n\t\t10.77.0.100/32\n\t}\n"+instance+"}\n"), 0o600); err != nil {
		n.t.Fatal(err)
	}
	p, err := n.Start("keepalived", nil, keepalivedBinary, "-n", "-l", "-D", "-P", "-f", conf,
		"-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"))
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func TestInteropWithKeepalived(t *testing.T) {
	testlan.RequireNetns(t)
	if _, err := os.Stat(keepalivedBinary); err != nil {
		t.Skipf("the reference implementation is not installed: %v", err)
	}
	pass := testInstance("V", 51, 0)
	pass.AuthType, pass.AuthData = confparse.AuthPass, password
	v3 := testInstance("V", 51, 0)
	v3.Version, v3.AdvertInterval = 3, 200*time.Millisecond
	for _, tc := range []struct {
		name string
		ours InstanceSpec
		conf string
	}{
		{"v2 with password", pass, "version 2\nadvert_int 1\nauthentication {\nauth_type PASS\nauth_pass s3cr3t\n}\n"},
		{"v3", v3, "version 3\nadvert_int 0.2\n"},
	} {
		tc.ours.Addresses = []Address{{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"}}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			t.Run("as its backup", func(t *testing.T) { t.Parallel(); interopAsBackup(t, tc.ours, tc.conf) })
			t.Run("as its master", func(t *testing.T) { t.Parallel(); interopAsMaster(t, tc.ours, tc.conf) })
		})
	}
}

// interopAsBackup: we obey a keepalived of higher priority, take over within the skew time when it resigns, and give
// way when it returns.
func interopAsBackup(t *testing.T, ours InstanceSpec, conf string) {
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ours.Priority = 100
	keepalived := b.keepalived(conf + "priority 150\n")
	entered(t, keepalived, "Entering MASTER STATE")
	r, _ := a.run(Options{}, ours)
	time.Sleep(5 * ours.AdvertInterval) // longer than the master-down interval
	if s := r.Status().Instances[0]; s.State != Backup || s.MasterPriority != 150 || s.Counters.AddressListErrors > 0 {
		t.Fatalf("state %s, master priority %d, counters %+v", s.State, s.MasterPriority, s.Counters)
	}
	resigned := time.Now()
	if err := keepalived.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	untilState(t, r, Master)
	skew := 156 * time.Second / 256
	if ours.Version == 3 {
		skew = 156 * ours.AdvertInterval / 256
	}
	if took := r.Status().Instances[0].LastTransition.Sub(resigned); took < skew || took > skew+time.Second {
		t.Errorf("took over %s after the stop, want the skew time of %s and not much more", took, skew)
	}
	keepalived = b.keepalived(conf + "priority 150\n")
	entered(t, keepalived, "Entering MASTER STATE")
	untilState(t, r, Backup)
	until(t, 5*time.Second, "release", func() error {
		if got := a.virtual(); len(got) > 0 {
			return fmt.Errorf("still has %v", got)
		}
		return nil
	})
}

// interopAsMaster: a keepalived of lower priority obeys us and takes over when we resign.
func interopAsMaster(t *testing.T, ours InstanceSpec, conf string) {
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ours.Priority = 150
	r, stop := a.run(Options{}, ours)
	untilState(t, r, Master)
	keepalived := b.keepalived(conf + "priority 100\n")
	entered(t, keepalived, "Entering BACKUP STATE (init)")
	time.Sleep(5 * ours.AdvertInterval)
	if line, ok := keepalived.Log.Find("Entering MASTER STATE", time.Time{}); ok {
		t.Fatalf("keepalived: %s", line.Text)
	}
	stop()
	entered(t, keepalived, "Backup received priority 0 advertisement")
	entered(t, keepalived, "Entering MASTER STATE")
	for _, complaint := range []string{"checksum", "invalid", "mismatch", "expect"} {
		if line, ok := keepalived.Log.Find(complaint, time.Time{}); ok {
			t.Errorf("keepalived complains: %s", line.Text)
		}
	}
}

func entered(t *testing.T, p *testlan.Process, text string) {
	t.Helper()
	until(t, 15*time.Second, "keepalived: "+text, func() error {
		if _, ok := p.Log.Find(text, time.Time{}); !ok {
			return errors.New(p.Log.Tail(5))
		}
		return nil
	})
}
