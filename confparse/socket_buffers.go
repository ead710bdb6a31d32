package confparse

import (
	"strings"
)

// BufferSize is a socket buffer setting.
type BufferSize struct {
	Bytes uint32 // 0 = the system's
	Force bool   // beyond rmem_max
}

// RXBufferPolicy is vrrp_rx_bufs_policy.
type RXBufferPolicy uint8

// The receive buffer policies.
const (
	RXBufferDefault RXBufferPolicy = iota
	RXBufferMTU
	RXBufferAdvert
	RXBufferBytes
)

// bufferRows are the two rows of a socket buffer.
func bufferRows(name string, of func(*Global) *BufferSize) blockOf[Global] {
	return blockOf[Global]{
		countRow(name, wholeStrict(0, maxUint32).withoutFatal(), 0, func(g *Global) *uint32 { return &of(g).Bytes }).
			because("the kernel's"),
		optionRow(name+"_force", func(g *Global) *bool { return &of(g).Force }),
	}
}

// receiveBuffer is how large the receive buffers of advertisements are.
var receiveBuffer = row[Global]{
	keyword: keyword{name: "vrrp_rx_bufs_policy", value: optionalWord, def: "the system's",
		str: func(d *decoder, at site, s string) { d.rxPolicy(at.n, s, here[Global](at)) }},
	print: func(p *printer, g *Global) {
		switch g.RXBuffers {
		case RXBufferMTU:
			p.line("vrrp_rx_bufs_policy MTU")
		case RXBufferAdvert:
			p.line("vrrp_rx_bufs_policy ADVERT")
		case RXBufferBytes:
			p.line("vrrp_rx_bufs_policy", g.RXBufferBytes)
		}
	},
}

func (d *decoder) rxPolicy(n *Node, s string, g *Global) {
	switch strings.ToUpper(s) {
	case "MTU":
		g.RXBuffers = RXBufferMTU
	case "ADVERT":
		g.RXBuffers = RXBufferAdvert
	default:
		if v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(0, maxUint32)); ok {
			g.RXBuffers, g.RXBufferBytes = RXBufferBytes, uint32(v)
		}
	}
}

// ReceiveBuffer returns how large the receive buffer for the adverts of an instance is: a size of its own counts before the policy for
// all. The size is in bytes, or, of MTU and ADVERT, how many of them fit.
func (g *Global) ReceiveBuffer(in *VRRPInstance) (p RXBufferPolicy, size uint32) {
	switch p = g.RXBuffers; {
	case in.RXBufferBytes > 0:
		return RXBufferBytes, in.RXBufferBytes
	case p == RXBufferBytes && g.RXBufferBytes > 0:
		return p, g.RXBufferBytes
	case p == RXBufferMTU || p == RXBufferAdvert:
		return p, g.RXBufferMultiplier
	}
	return RXBufferDefault, 0
}
