package confparse

import (
	"fmt"
	"strings"

	"vigil/confparse/diag"
)

// Forwarding is lb_kind / lvs_method, numbered as the kernel's IP_VS_CONN_F_* method.
type Forwarding uint8

// The forwarding methods.
const (
	NAT Forwarding = 0
	TUN Forwarding = 2
	DR  Forwarding = 3

	// FNAT is NAT to the kernel's table; besides, the firewall gives packets a source address of the director.
	FNAT Forwarding = 8
)

// Translates reports whether packets reach a server with its own address and port.
func (f Forwarding) Translates() bool { return f == NAT || f == FNAT }

// TunnelType is the encapsulation of a TUN service, numbered as the kernel's IP_VS_CONN_F_TUNNEL_TYPE_*.
type TunnelType uint8

// The tunnel types.
const (
	IPIP TunnelType = iota
	GUE
	GRE
)

// TunnelFlags are the kernel's IP_VS_TUNNEL_ENCAP_FLAG_*.
type TunnelFlags uint8

// The tunnel checksum flags.
const (
	NoChecksum     TunnelFlags = 0
	Checksum       TunnelFlags = 1
	RemoteChecksum TunnelFlags = 2
)

// Tunnel is how a TUN service wraps its packets.
type Tunnel struct {
	Type  TunnelType
	Flags TunnelFlags
	Port  uint16 // GUE only
}

var methodWords = map[Forwarding]string{NAT: "NAT", TUN: "TUN", DR: "DR", FNAT: "FNAT"}

// method writes a forwarding method with its tunnel.
func (p *printer) method(name string, f Forwarding, t Tunnel) {
	words := []any{name, methodWords[f]}
	if t != (Tunnel{}) {
		words = append(words, "type", [...]string{"ipip", "gue", "gre"}[t.Type])
		if t.Port != 0 {
			words = append(words, "port", t.Port)
		}
		words = append(words, [...]string{"nocsum", "csum", "remcsum"}[t.Flags])
	}
	p.line(words...)
}

// method decodes "NAT|DR|TUN …|FNAT" into m.
func (d *decoder) method(n *Node, m *opt[Forwarding], tun *opt[Tunnel]) {
	switch n.Arg(0) {
	case "NAT":
		m.put(NAT)
	case "DR":
		m.put(DR)
	case "TUN":
		m.put(TUN)
	case "FNAT":
		m.put(FNAT)
	default:
		detail := "use NAT, DR, TUN or FNAT"
		if up := strings.ToUpper(n.Arg(0)); up == "NAT" || up == "DR" || up == "TUN" || up == "FNAT" {
			detail = "write " + up + " in capitals"
		}
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownMethod,
			fmt.Sprintf("PARSER : unknown [%s] routing method for virtual server.", n.Arg(0)), detail)
		return
	}
	tun.put(Tunnel{})
	if len(n.Args) > 1 {
		d.tunnelOptions(n, tun)
	}
}

// tunnelOptions decodes "[type ipip|gue|gre] [port N] [nocsum|csum|remcsum]". What does not fit together is dropped;
// the method stays.
func (d *decoder) tunnelOptions(n *Node, to *opt[Tunnel]) {
	var t Tunnel
	bad := func(at Token, summary string) {
		d.report(n, n.RangeOf(at), diag.CodeBadTunnel, summary, "the tunnel options of this line are not used")
	}
	for i := 1; i < len(n.Args); i++ {
		w := n.Args[i]
		switch w.Text {
		case "type":
			i++
			switch n.Arg(i) {
			case "ipip":
				t.Type = IPIP
			case "gue":
				t.Type = GUE
			case "gre":
				t.Type = GRE
			default:
				bad(w, fmt.Sprintf("unknown tunnel type '%s'", n.Arg(i)))
				return
			}
		case "port":
			if i++; i == len(n.Args) {
				bad(w, "tunnel port has no value")
				return
			}
			v, ok := d.wholeNumber(n, n.Args[i], wholeStrict(1, 65535))
			if !ok {
				return
			}
			t.Port = uint16(v)
		case "nocsum":
			t.Flags = NoChecksum
		case "csum":
			t.Flags = Checksum
		case "remcsum":
			t.Flags = RemoteChecksum
		default:
			bad(w, fmt.Sprintf("unknown tunnel option '%s'", w.Text))
			return
		}
	}
	last := n.Args[len(n.Args)-1]
	switch {
	case t.Type == GUE && t.Port == 0:
		bad(last, "gue tunnels require a port")
	case t.Type != GUE && t.Port != 0:
		bad(last, "only gue tunnels have a port")
	case t.Type == IPIP && t.Flags != NoChecksum, t.Type == GRE && t.Flags == RemoteChecksum:
		bad(last, "this type of tunnel has no such checksum")
	default:
		to.put(t)
	}
}
