package realserver

import (
	"fmt"
	"net/netip"
	"slices"

	"vigil/internal/netio"
)

// Tunnel is how packets come from the director (lvs_method TUN type …). The packet around one is of its family. It is a value of a
// flag.
type Tunnel string

// The tunnels.
const (
	NoTunnel Tunnel = ""     // direct routing
	IPIP     Tunnel = "ipip" // RFC 2003, RFC 2473
	GRE      Tunnel = "gre"  // RFC 2784, without checksums: packets with them are dropped
	GUE      Tunnel = "gue"  // IPIP in UDP
)

// DefaultGUEPort is the port that IANA has assigned to GUE.
const DefaultGUEPort = 6080

// String returns the word that Set takes.
func (t *Tunnel) String() string { return string(*t) }

// Set takes "ipip", "gre" or "gue".
func (t *Tunnel) Set(text string) error {
	switch next := Tunnel(text); next {
	case IPIP, GRE, GUE:
		*t = next
		return nil
	}
	return fmt.Errorf("%q is none of ipip, gre and gue", text)
}

// Type is what the flag takes, for its help.
func (t *Tunnel) Type() string { return "type" }

// The kernel's own interfaces for packets that were sent to it in a tunnel, whoever sent them.
const (
	ipip4 = "tunl0"
	ipip6 = "ip6tnl0"
	gre4  = "gre0"
	gre6  = "ip6gre0"
)

// modules have the tunnel interfaces.
var modules = map[string]string{ipip4: "ipip", ipip6: "ip6_tunnel", gre4: "ip_gre", gre6: "ip6_gre"}

// gueModule unpacks GUE.
const gueModule = "fou"

// exit is the interface that packets for an address come out of, lo without a tunnel.
func (t Tunnel) exit(a netip.Addr) string {
	names := map[Tunnel][2]string{NoTunnel: {"lo", "lo"}, IPIP: {ipip4, ipip6}, GRE: {gre4, gre6}, GUE: {ipip4, ipip6}}[t]
	if a.Is4() {
		return names[0]
	}
	return names[1]
}

// ports are those on which what comes for the addresses has to be unpacked first.
func (w Wanted) ports() (ports []netio.GUEPort) {
	if w.Tunnel != GUE {
		return nil
	}
	for _, v6 := range []bool{false, true} {
		if slices.ContainsFunc(w.Addresses, func(a netip.Addr) bool { return a.Is6() == v6 }) {
			ports = append(ports, netio.GUEPort{Port: w.GUEPort, IPv6: v6})
		}
	}
	return ports
}
