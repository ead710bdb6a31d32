package confparse

import (
	"fmt"
	"net/netip"

	"vigil/confparse/diag"
)

// maxLocalAddresses bounds a laddr_group: each address is an element of the firewall's table.
const maxLocalAddresses = 1024

// LocalAddresses is a laddr_group block, which keepalived does not have: addresses of the director's with which packets of FNAT
// reach servers.
type LocalAddresses struct {
	Range Range
	Name  string
	Addrs []netip.Addr // in file order, none twice
}

// localAddressesRow is laddr_group, under the name that it has here and the one of LVS's own FULLNAT.
var localAddressesRow = localAddresses()

func localAddresses() row[Config] {
	r := blocksRow("laddr_group", 0, (*decoder).localAddresses,
		func(c *Config) []*LocalAddresses { return c.LocalAddresses }, (*printer).localAddresses).from(ours)
	r.list = &itemGrammar{name: "laddr"}
	return r
}

// localGroupRow is laddr_group in a virtual_server.
var localGroupRow = ownWordRow("laddr_group", oneWord, "the outgoing interface's address", (*decoder).localGroup,
	func(p *printer, vs *serverScratch) { p.text("laddr_group", vs.LocalAddresses) }).from(ours).referring()

// localAddresses decodes a laddr_group block: lines with an address or a range.
func (d *decoder) localAddresses(n *Node) {
	if !d.needName(n) {
		return
	}
	g := &LocalAddresses{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}
	if old := d.cfg.localAddresses(g.Name); old != nil {
		d.report(n, g.Range, diag.CodeDuplicateName, "laddr_group "+g.Name+" is already defined - ignoring", "",
			Place{Range: old.Range, Note: "first defined here"})
		return
	}
	seen := make(map[netip.Addr]bool)
	for _, item := range n.Body {
		first, last, why := addressRange(item.Keyword.Text)
		e := GroupEntry{First: first, Last: last}
		if len(item.Args) > 0 {
			why = "one address, or one range, stands on a line"
		} else if why == "" {
			why = noSource(first)
		}
		if why == "" {
			for a := range e.Addresses() {
				if seen[a] {
					continue
				}
				if len(seen) == maxLocalAddresses {
					why = fmt.Sprintf("a group has at most %d addresses", maxLocalAddresses)
					break
				}
				seen[a] = true
				g.Addrs = append(g.Addrs, a)
			}
		}
		if why != "" {
			d.report(item, item.Range(), diag.CodeBadRange, fmt.Sprintf("Invalid laddr_group entry %s - skipping", item.Keyword.Text), why)
		}
	}
	if len(g.Addrs) == 0 {
		d.atEnd(n, diag.CodeEmptyGroup, "laddr_group "+g.Name+" has no addresses - removing", "")
		return
	}
	d.cfg.LocalAddresses = append(d.cfg.LocalAddresses, g)
}

// noSource says why packets cannot come from an address, or is empty.
func noSource(a netip.Addr) string {
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return "servers in other networks cannot answer to it"
	}
	return ""
}

// localAddresses is the group of a name; nil if there is none.
func (c *Config) localAddresses(name string) *LocalAddresses {
	for _, g := range c.LocalAddresses {
		if g.Name == name {
			return g
		}
	}
	return nil
}

func (p *printer) localAddresses(g *LocalAddresses) {
	p.open("laddr_group", quoted(g.Name))
	for _, a := range g.Addrs {
		p.line(a)
	}
	p.close()
}

// localGroup names the laddr_group of a virtual server.
func (d *decoder) localGroup(n *Node, name string, vs *serverScratch) {
	if d.cfg.localAddresses(name) == nil {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownGroup, "laddr_group "+name+" is not defined - ignoring", "packets leave with the address of the interface")
		return
	}
	vs.LocalAddresses = d.intern(name)
}

// settleFullNAT takes FNAT from a virtual server that has no addresses to tell its packets by, or no ports.
func (d *decoder) settleFullNAT(vs *serverScratch) {
	full := vs.Forwarding == FNAT || vs.SorryServer != nil && vs.SorryServer.Forwarding == FNAT
	for i := range d.reals {
		full = full || d.reals[i].Forwarding == FNAT
	}
	if !full {
		return
	}
	if vs.ID.Fwmark == 0 && !vs.groupHasMark && (vs.ID.Group == "" || !vs.groupPortZero) && (!vs.ID.Addr.IsValid() || vs.ID.Port != 0) {
		return
	}
	d.about(vs.node, diag.CodeFullNAT, fmt.Sprintf("Virtual server %s: FNAT needs addresses with a port - setting NAT", vs.ID),
		"it has a firewall mark, or is for every port")
	plain := func(f *Forwarding) {
		if *f == FNAT {
			*f = NAT
		}
	}
	plain(&vs.Forwarding)
	if vs.SorryServer != nil {
		plain(&vs.SorryServer.Forwarding)
	}
	for i := range d.reals {
		plain(&d.reals[i].Forwarding)
	}
}
