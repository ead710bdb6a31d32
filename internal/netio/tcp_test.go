package netio

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

// TestTCPPeers: connections of both families to the addresses that are asked for, whichever family their socket is of; no listener,
// nor what goes to others.
func TestTCPPeers(t *testing.T) {
	for _, tt := range []struct{ network, listen, dial, other string }{
		{"tcp4", "127.0.0.1:0", "127.0.0.1", "127.0.0.2"},
		{"tcp", "[::]:0", "127.0.0.1", "::1"},
		{"tcp6", "[::1]:0", "::1", "127.0.0.1"},
	} {
		l, err := net.Listen(tt.network, tt.listen)
		if err != nil {
			t.Skipf("this host has no %s: %v", tt.network, err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		c, err := net.Dial("tcp", net.JoinHostPort(tt.dial, port))
		if err != nil {
			t.Skipf("no connection to %s: %v", tt.dial, err)
		}
		defer c.Close()
		taken, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		peers, err := TCPPeers([]netip.Addr{netip.MustParseAddr(tt.dial)})
		want := netip.MustParseAddrPort(c.LocalAddr().String())
		if err != nil || !slices.Contains(peers, want) {
			t.Errorf("%s: %v (%v), want %v among them", tt.network, peers, err, want)
		}
		if slices.ContainsFunc(peers, func(p netip.AddrPort) bool { return p.Port() == 0 }) {
			t.Errorf("%s: a listener is among %v", tt.network, peers)
		}
		if others, err := TCPPeers([]netip.Addr{netip.MustParseAddr(tt.other)}); err != nil || slices.Contains(others, want) {
			t.Errorf("%s: of %s: %v (%v)", tt.network, tt.other, others, err)
		}
	}
}
