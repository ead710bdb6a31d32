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
		t.Run(tt.network, func(t *testing.T) {
			l, err := net.Listen(tt.network, tt.listen)
			if err != nil && tt.network != "tcp4" {
				t.Skipf("this host has no IPv6: %v", err)
			} else if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			c, err := net.Dial("tcp", net.JoinHostPort(tt.dial, port))
			if err != nil {
				t.Fatal(err)
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
				t.Errorf("%v (%v), want %v among them", peers, err, want)
			}
			if slices.ContainsFunc(peers, func(p netip.AddrPort) bool { return p.Port() == 0 }) {
				t.Errorf("a listener is among %v", peers)
			}
			if others, err := TCPPeers([]netip.Addr{netip.MustParseAddr(tt.other)}); err != nil || slices.Contains(others, want) {
				t.Errorf("of %s: %v (%v)", tt.other, others, err)
			}
		})
	}
}
