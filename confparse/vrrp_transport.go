package confparse

import (
	"fmt"
	"net/netip"

	"vigil/confparse/diag"
)

// UnicastPeer is one line of unicast_peer.
type UnicastPeer struct {
	Range  Range
	Addr   netip.Addr
	MinTTL int // 0
	MaxTTL int // 255
}

// transportRows are the rows of vrrp_instance about where adverts come from and go to.
var transportRows = blockOf[instanceScratch]{
	flagRow("unicast_fault_no_peer", func(vi *instanceScratch) *bool { return &vi.UnicastFaultNoPeer }),
	actionRow("check_unicast_src", "vrrp_check_unicast_src",
		func(_ *decoder, _ *Node, vi *instanceScratch) { vi.CheckUnicastSrc, vi.unicast = true, true },
		func(p *printer, vi *instanceScratch) {
			p.flag(vi.CheckUnicastSrc && !p.checksUnicast, "check_unicast_src")
		}),
	ownRow("old_unicast_checksum", "found out by what peers send", (*decoder).oldChecksum, func(p *printer, vi *instanceScratch) {
		switch vi.OldUnicastChecksum {
		case On:
			p.line("old_unicast_checksum")
		case Off:
			p.line("old_unicast_checksum never")
		}
	}),
	addrRow("mcast_src_ip", "the interface's first address", func(vi *instanceScratch) *netip.Addr { return &vi.MulticastSource }),
	unicastSource(),
	multicastDestination(),
	unicastTTL(),
	unicastPeers(),
}

// oldChecksum decodes "old_unicast_checksum [never]".
func (d *decoder) oldChecksum(n *Node, vi *instanceScratch) {
	vi.unicast = true
	switch n.Arg(0) {
	case "":
		vi.OldUnicastChecksum = On
	case "never":
		vi.OldUnicastChecksum = Off
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown old_unicast_checksum option "+n.Arg(0),
			"only never is known")
	}
}

func unicastSource() row[instanceScratch] {
	r := addrRow("unicast_src_ip", "the interface's first address", func(vi *instanceScratch) *netip.Addr { return &vi.UnicastSource })
	r.ip = func(_ *decoder, at site, a netip.Addr) {
		vi := here[instanceScratch](at)
		vi.UnicastSource, vi.unicast = a, true
	}
	return r
}

// multicastDestination is the instance's own group, of either family; one of IPv6 must be of the link (RFC 9568 §5.1.2.2).
func multicastDestination() row[instanceScratch] {
	r := addrRow("mcast_dst_ip", "the global group", func(vi *instanceScratch) *netip.Addr { return &vi.MulticastGroup })
	r.ip = func(d *decoder, at site, a netip.Addr) {
		vi := here[instanceScratch](at)
		switch {
		case !d.multicast(at.n, a, FamilyOf(a)):
		case a.Is6() && !a.IsLinkLocalMulticast():
			d.report(at.n, at.n.RangeOf(at.n.Args[0]), diag.CodeBadAddress, fmt.Sprintf(
				"(%s) mcast_dst_ip %s not link-local multicast. Skipping...", vi.Name, a), "")
		default:
			vi.MulticastGroup = a
		}
	}
	return r
}

// unicastTTL is printed when there is somebody to send to.
func unicastTTL() row[instanceScratch] {
	r := noted(numberRow("unicast_ttl", wholeStrict(0, 255), 255, func(vi *instanceScratch) *int { return &vi.UnicastTTL }),
		func(vi *instanceScratch) **Node { return &vi.ttlAt })
	return r.printed(func(p *printer, vi *instanceScratch) {
		if len(vi.UnicastPeers) > 0 {
			p.line("unicast_ttl", vi.UnicastTTL)
		}
	})
}

// unicastPeers is the list of those to send to; even an empty one asks for unicast.
func unicastPeers() row[instanceScratch] {
	r := listRow("unicast_peer", "unicast_peer", (*decoder).unicastPeer, func(p *printer, vi *instanceScratch) {
		if len(vi.UnicastPeers) == 0 {
			return
		}
		p.open("unicast_peer")
		for _, peer := range vi.UnicastPeers {
			words := []any{peer.Addr}
			if peer.MinTTL != 0 {
				words = append(words, "min_ttl", peer.MinTTL)
			}
			if peer.MaxTTL != 255 {
				words = append(words, "max_ttl", peer.MaxTTL)
			}
			p.line(words...)
		}
		p.close()
	})
	r.decode = func(d *decoder, at site) {
		here[instanceScratch](at).unicast = true
		d.extraParameters(at.n)
		d.items(at)
	}
	return r
}

// unicastPeer decodes "ADDRESS [min_ttl N] [max_ttl N]".
func (d *decoder) unicastPeer(n *Node, vi *instanceScratch) {
	a, ok := parseAddr(stripRange(n.Keyword.Text))
	if !ok {
		d.report(n, n.RangeOf(n.Keyword), diag.CodeBadPeer, fmt.Sprintf(
			"Configuration error: VRRP instance[%s] malformed unicast peer address[%s]. Skipping...", vi.Name,
			n.Keyword.Text), "")
		return
	}
	p := UnicastPeer{Range: n.RangeOf(n.Keyword), Addr: a, MaxTTL: 255}
	for i := 0; i < len(n.Args); i++ {
		w := n.Args[i]
		if w.Text != "min_ttl" && w.Text != "max_ttl" {
			d.report(n, n.RangeOf(w), diag.CodeUnknownWord, fmt.Sprintf("Unknown unicast_peer option '%s'", w.Text), "")
			continue
		}
		if i++; i == len(n.Args) {
			d.report(n, n.RangeOf(w), diag.CodeArgumentExpected, w.Text+" has no value", "")
			break
		}
		if v, ok := d.wholeNumber(n, n.Args[i], wholeStrict(0, 255)); ok {
			vi.CheckUnicastSrc = true
			if w.Text == "min_ttl" {
				p.MinTTL = int(v)
			} else {
				p.MaxTTL = int(v)
			}
		}
	}
	for _, old := range vi.UnicastPeers {
		if old.Addr == a {
			d.report(n, p.Range, diag.CodeDuplicatePeer, fmt.Sprintf("(%s) duplicate unicast peer %s - ignoring", vi.Name, a),
				"", Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	vi.unicast = true
	vi.UnicastPeers = append(vi.UnicastPeers, p)
}

// inheritsCheck reports whether vi must have got check_unicast_src from global_defs: its own would have made it a unicast
// instance, with vmac_xmit_base but in strict mode.
func inheritsCheck(vi *VRRPInstance) bool {
	return vi.CheckUnicastSrc && vi.VMAC.Enabled && !vi.VMAC.TransmitBase && !vi.Strict
}
