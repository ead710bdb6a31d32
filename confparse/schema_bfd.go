package confparse

import (
	"net/netip"
	"time"

	"vigil/confparse/diag"
)

// milliseconds is the range of a BFD interval: decimal milliseconds, kept as microseconds.
func milliseconds(n *Node, d *decoder, lo int64, to *time.Duration) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	us, ok := d.fixedPoint(n, n.Args[0], value{kind: timer, min: lo * 1000, max: 4_294_967_000, unit: "ms"}, 3)
	if !ok {
		return
	}
	*to = time.Duration(us) * time.Microsecond
	if us > 10_000_000 {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeSlowPacing, "Configuration warning: BFD instance "+d.bfd.Name+" "+
			n.Keyword.Text+" value "+n.Arg(0)+" is larger than max sensible (10000)", "")
	}
}

// bfdKeywords are the rows of bfd_instance.
var bfdKeywords = []keyword{
	{name: "bfd_instance", in: in(inRoot), block: inBFD, pending: true, decode: (*decoder).bfdInstance},
	{name: "source_ip", in: in(inBFD), value: value{kind: address}, def: "any",
		ip: func(d *decoder, a netip.Addr) { d.bfd.Source = a }},
	{name: "neighbor_ip", in: in(inBFD), value: value{kind: address},
		ip:  func(d *decoder, a netip.Addr) { d.bfd.Neighbor = a },
		bad: func(d *decoder) { d.badNeighbor = true }},
	{name: "neighbour_ip", in: in(inBFD), value: value{kind: address}, alias: "neighbor_ip",
		ip:  func(d *decoder, a netip.Addr) { d.bfd.Neighbor = a },
		bad: func(d *decoder) { d.badNeighbor = true }},
	{name: "min_rx", in: in(inBFD), def: "10", decode: func(d *decoder, n *Node) { milliseconds(n, d, 1, &d.bfd.MinRX) }},
	{name: "min_tx", in: in(inBFD), def: "10", decode: func(d *decoder, n *Node) { milliseconds(n, d, 1, &d.bfd.MinTX) }},
	{name: "idle_tx", in: in(inBFD), def: "1000",
		decode: func(d *decoder, n *Node) { milliseconds(n, d, 1000, &d.bfd.IdleTX) }},
	{name: "multiplier", in: in(inBFD), value: wholeStrict(1, 255), def: "5",
		num: func(d *decoder, v int64) { d.bfd.Multiplier = uint8(v) }},
	{name: "passive", in: in(inBFD), value: value{kind: bare}, def: "off", on: func(d *decoder) { d.bfd.Passive = true }},
	{name: "ttl", in: in(inBFD), value: wholeStrict(1, 255), def: "255; 64 for IPv6",
		num: func(d *decoder, v int64) { d.bfd.TTL = uint8(v) }},
	{name: "hoplimit", in: in(inBFD), value: wholeStrict(1, 255), def: "255; 64 for IPv6", alias: "ttl",
		num: func(d *decoder, v int64) { d.bfd.TTL = uint8(v) }},
	{name: "max_hops", in: in(inBFD), value: wholeStrict(-1, 255), def: "0",
		num: func(d *decoder, v int64) { d.bfd.MaxHops = int(v) }},
	{name: "multihop", in: in(inBFD), value: value{kind: boolean}, def: "off", since: "2.3.0",
		yes: func(d *decoder, v bool) { d.bfd.Multihop = v }},
	{name: "weight", in: in(inBFD), def: "0", decode: func(d *decoder, n *Node) {
		d.definitionWeight(n, 253, &d.bfd.Weight, &d.bfd.Reverse, false)
	}},
	{name: "vrrp", in: in(inBFD), value: value{kind: bare}, def: "both", on: func(d *decoder) { d.bfd.VRRP = true }},
	{name: "checker", in: in(inBFD), value: value{kind: bare}, def: "both",
		on: func(d *decoder) { d.bfd.Checkers = true }},
}
