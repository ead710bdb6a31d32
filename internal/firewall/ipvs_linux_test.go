package firewall

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vigil/internal/testlan"
)

// balanced is a LAN whose directors balance to a server on a segment of its own; the first is its gateway.
type balanced struct {
	*lan
	server    *testlan.Host
	address   netip.Addr
	insideMAC net.HardwareAddr // of the new director
}

func newBalanced(t *testing.T) *balanced {
	testlan.RequireIPVS(t)
	b := &balanced{lan: newLAN(t, false), address: netip.MustParseAddr("10.10.0.11")}
	inside, err := b.lab.Segment("inside")
	b.check(err)
	b.server, err = b.lab.Host("server")
	b.check(err)
	_, err = b.server.Attach(inside, "eth0", netip.PrefixFrom(b.address, 24))
	b.check(err)
	_, err = b.first.Attach(inside, "eth1", netip.MustParsePrefix("10.10.0.2/24"), netip.MustParsePrefix("10.10.0.1/24"))
	b.check(err)
	cable, err := b.new.Attach(inside, "eth1", netip.MustParsePrefix("10.10.0.3/24"))
	b.check(err)
	b.insideMAC = cable.MAC
	b.check(b.server.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("10.10.0.1")))
	for _, h := range []*testlan.Host{b.first, b.new} {
		b.check(h.Sysctl("net/ipv4/ip_forward", "1"))
		b.check(h.Sysctl("net/ipv4/conf/all/send_redirects", "0"))
		b.service(h, b.vip)
	}
	b.echo(b.server, 8080)
	return b
}

// service has a director balance port 80 of an address to the server.
func (b *balanced) service(h *testlan.Host, vip netip.Addr) {
	b.t.Helper()
	at := netip.AddrPortFrom(vip, 80).String()
	_, err := h.Output(b.t.Context(), "ipvsadm", "-A", "-t", at, "-s", "rr")
	b.check(err)
	_, err = h.Output(b.t.Context(), "ipvsadm", "-a", "-t", at, "-r", netip.AddrPortFrom(b.address, 8080).String(), "-m")
	b.check(err)
}

// move gives the new director the gateway as well.
func (b *balanced) move() {
	b.t.Helper()
	gateway := netip.MustParseAddr("10.10.0.1")
	b.check(b.new.AddAddress("eth1", netip.PrefixFrom(gateway, 24)))
	b.check(b.server.Do(func() error {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: linkIndex(b.t, "eth0"), IP: gateway.AsSlice(), HardwareAddr: b.insideMAC,
			State: netlink.NUD_PERMANENT})
	}))
	b.lan.move()
}

// Behind address translation, requests and answers of a connection under way both go by the previous master.
func TestBalancedConnections(t *testing.T) {
	b := newBalanced(t)
	old := b.open(b.server)
	var h Handover
	defer h.Close()
	b.arm(&h)
	b.check(b.begin(&h, b.to(time.Minute, netip.AddrPortFrom(b.address, 8080))))
	b.move()
	b.answers(old, b.server)
	fresh := b.open(b.server)
	b.answers(old, b.server)
	passed := b.forwarded(b.first)
	for last := -1; passed != last; passed = b.forwarded(b.first) { // the client's last acknowledgement may come late
		last = passed
		time.Sleep(250 * time.Millisecond)
	}
	b.answers(fresh, b.server)
	if n := b.forwarded(b.first); n != passed {
		t.Errorf("the previous master forwarded %d packets of a connection that began at the new one", n-passed)
	}
	b.check(h.Close())
	b.answers(fresh, b.server)
	if who, err := ask(old, time.Second); err == nil {
		t.Errorf("without the rules: answered by %q", who) // or this test shows nothing
	}
}

// Of two directors that are both active, with the same server behind them, the one that takes over the other's address keeps
// the connections that it had.
func TestTwoActiveDirectors(t *testing.T) {
	b := newBalanced(t)
	own, other := netip.MustParseAddr("10.9.0.101"), netip.MustParseAddr("10.9.0.50")
	b.check(b.new.AddAddress("eth0", netip.PrefixFrom(own, 32)))
	b.service(b.new, own)
	b.check(b.client.AddAddress("eth0", netip.PrefixFrom(other, 24)))
	b.check(b.server.AddRoute(netip.PrefixFrom(other, 32), netip.MustParseAddr("10.10.0.3"))) // its answers go by the new director
	var kept net.Conn
	b.check(b.client.Do(func() (err error) {
		d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(other, 0))}
		kept, err = d.Dial("tcp", netip.AddrPortFrom(own, 80).String())
		return err
	}))
	defer kept.Close()
	b.answers(kept, b.server)
	old := b.open(b.server)
	var h Handover
	defer h.Close()
	b.arm(&h)
	b.check(b.begin(&h, b.to(time.Minute, netip.AddrPortFrom(b.address, 8080))))
	b.move()
	before := b.forwarded(b.first)
	b.answers(kept, b.server)
	if n := b.forwarded(b.first) - before; n != 0 {
		t.Errorf("%d packets of the new director's own connection went by the previous master", n)
	}
	b.answers(old, b.server)
}
