package confparse

import (
	"fmt"
	"net/netip"
	"time"

	"vigil/confparse/diag"
)

// BFDInstance is a bfd_instance block.
type BFDInstance struct {
	Range      Range
	Name       string
	Neighbor   netip.Addr
	Source     netip.Addr    // invalid = any
	MinRX      time.Duration // 10 ms
	MinTX      time.Duration // 10 ms
	IdleTX     time.Duration // 1 s
	Multiplier uint8         // 5
	Passive    bool
	TTL        uint8 // 255 for IPv4, 64 for IPv6
	MaxHops    int   // -1 = do not check
	Multihop   bool
	Weight     int
	Reverse    bool
	VRRP       bool // events go to instances
	Checkers   bool // events go to checkers
}

var bfdRow = blocksRow("bfd_instance", inBFD, (*decoder).bfdInstance,
	func(c *Config) []*BFDInstance { return c.BFD },
	func(p *printer, t *BFDInstance) {
		bfdBlock.print(p, "bfd_instance", t.Name, &bfdScratch{BFDInstance: t})
	})

// bfdScratch is a bfd_instance in the making.
type bfdScratch struct {
	*BFDInstance
	badNeighbor bool // its address cannot be read, as is reported
}

// bfdBlock is the rows of bfd_instance.
var bfdBlock = blockOf[bfdScratch]{
	neighbor(), neighbor().as("neighbour_ip"),
	addrRow("source_ip", "any", func(b *bfdScratch) *netip.Addr { return &b.Source }),
	milliseconds("min_rx", 1, 10*time.Millisecond, func(b *bfdScratch) *time.Duration { return &b.MinRX }),
	milliseconds("min_tx", 1, 10*time.Millisecond, func(b *bfdScratch) *time.Duration { return &b.MinTX }),
	milliseconds("idle_tx", 1000, time.Second, func(b *bfdScratch) *time.Duration { return &b.IdleTX }),
	numberRow("multiplier", wholeStrict(1, 255), 5, func(b *bfdScratch) *uint8 { return &b.Multiplier }),
	flagRow("passive", func(b *bfdScratch) *bool { return &b.Passive }),
	bfdTTL, bfdTTL.as("hoplimit"),
	numberRow("max_hops", wholeStrict(-1, 255), 0, func(b *bfdScratch) *int { return &b.MaxHops }),
	toggleRow("multihop", false, func(b *bfdScratch) *bool { return &b.Multihop }).from("2.3.0"),
	weightRow(253, 0, func(b *bfdScratch) *int { return &b.Weight }, func(b *bfdScratch) *bool { return &b.Reverse }, nil),
	flagRow("vrrp", func(b *bfdScratch) *bool { return &b.VRRP }).because("both"),
	flagRow("checker", func(b *bfdScratch) *bool { return &b.Checkers }).because("both"),
}

var bfdTTL = numberRow("ttl", wholeStrict(1, 255), 0, func(b *bfdScratch) *uint8 { return &b.TTL }).because("255; 64 for IPv6")

// neighbor is the address of the other end. A session whose address cannot be read is not one without an address.
func neighbor() row[bfdScratch] {
	r := addrRow("neighbor_ip", "", func(b *bfdScratch) *netip.Addr { return &b.Neighbor })
	r.bad = func(_ *decoder, at site) { here[bfdScratch](at).badNeighbor = true }
	return r
}

// milliseconds is an interval: decimal milliseconds, at least lo of them, kept as microseconds.
func milliseconds(name string, lo int64, def time.Duration, field func(*bfdScratch) *time.Duration) row[bfdScratch] {
	const max, sensible = 4_294_967_000, 10_000_000 // microseconds
	r := ownRow(name, scaled(def.Microseconds(), 1000), func(d *decoder, n *Node, b *bfdScratch) {
		if len(n.Args) == 0 {
			d.missing(n, false)
			return
		}
		us, ok := d.fixedPoint(n, n.Args[0], value{kind: timer, min: lo * 1000, max: max, unit: "ms"}, 3)
		if !ok {
			return
		}
		*field(b) = time.Duration(us) * time.Microsecond
		if us > sensible {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeSlowPacing, "Configuration warning: BFD instance "+b.Name+" "+
				n.Keyword.Text+" value "+n.Arg(0)+" is larger than max sensible (10000)", "")
		}
	}, func(p *printer, b *bfdScratch) { p.line(name, scaled(field(b).Microseconds(), 1000)) })
	r.reset = func(b *bfdScratch) { *field(b) = def }
	return r
}

// maxBFDName is the longest name of a session.
const maxBFDName = 31

// bfdInstance decodes a bfd_instance block and settles it.
func (d *decoder) bfdInstance(n *Node) {
	if !d.needName(n) {
		return
	}
	name := n.Arg(0)
	if len(name) > maxBFDName {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadName, fmt.Sprintf(
			"Configuration error: BFD instance %s name too long (maximum length is %d characters) - ignoring", name,
			maxBFDName), "")
		return
	}
	for _, b := range d.cfg.BFD {
		if b.Name == name {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeDuplicateName, fmt.Sprintf(
				"Configuration error: BFD instance %s already configured", name), "", Place{Range: b.Range, Note: "first defined here"})
			return
		}
	}
	b := &bfdScratch{BFDInstance: &BFDInstance{Range: n.RangeOf(n.Args[0]), Name: d.intern(name)}}
	bfdBlock.decode(d, n, b)
	if b.badNeighbor || !b.Neighbor.IsValid() {
		d.droppedBFD[b.Name] = true
		if !b.badNeighbor {
			d.atEnd(n, diag.CodeBFDDropped, fmt.Sprintf(
				"Configuration error: BFD instance %s has no neighbor address set, disabling instance", b.Name), "")
		}
		return
	}
	if b.Source.IsValid() && FamilyOf(b.Source) != FamilyOf(b.Neighbor) {
		d.atEnd(n, diag.CodeBFDDropped, fmt.Sprintf("Configuration error: BFD instance %s source IP and neighbor IP are not "+
			"of the same family, disabling instance", b.Name), "")
		return
	}
	if b.TTL == 0 {
		b.TTL = 255
		if b.Neighbor.Is6() {
			b.TTL = 64
		}
	}
	if b.MaxHops > int(b.TTL) {
		d.atEnd(n, diag.CodeRaised, fmt.Sprintf("BFD instance %s: max_hops exceeds ttl/hoplimit - setting to ttl/hoplimit", b.Name),
			"")
		b.MaxHops = int(b.TTL)
	}
	if !b.VRRP && !b.Checkers {
		b.VRRP, b.Checkers = true, true
	}
	d.cfg.BFD = append(d.cfg.BFD, b.BFDInstance)
}
