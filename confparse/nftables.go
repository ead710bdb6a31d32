package confparse

import (
	"cmp"
	"fmt"

	"vigil/confparse/diag"
)

// NFTables is how the program may use the firewall.
type NFTables struct {
	Table    string // "" = off
	Priority int32  // -1
	IfIndex  bool   // nftables_ifindex
	Counters bool   // nftables_counters
	Chains   []string
	Sets     []string
}

// IPVSFirewall is nftables_ipvs: address groups as one firewall mark each.
type IPVSFirewall struct {
	Table     string // "" = off
	Priority  int32  // -1
	FirstMark uint32 // 1000
}

// firewallRows are the rows of global_defs about how traffic to addresses is kept out of the way.
var firewallRows = blockOf[Global]{
	ownRow("vrrp_iptables", "off; INPUT OUTPUT when bare", (*decoder).iptables, func(p *printer, g *Global) {
		if t := g.IPTables; t.Table != "" {
			p.line("vrrp_iptables", quoted(t.Chains[0]), quoted(t.Chains[1]))
		}
	}),
	ownRow("vrrp_ipsets", "from the first name", (*decoder).ipsets, func(p *printer, g *Global) {
		if sets := g.IPTables.Sets; len(sets) > 0 {
			words := []any{"vrrp_ipsets"}
			for _, s := range sets {
				words = append(words, quoted(s))
			}
			p.line(words...)
		}
	}).from("with libipset"),
	ownRow("nftables", "off; keepalived when bare",
		func(d *decoder, n *Node, g *Global) { d.tableName(n, usualTable, &g.NFTables.Table) },
		func(p *printer, g *Global) {
			if g.NFTables.Table != usualTable || g.IPTables.Table == "" {
				p.text("nftables", g.NFTables.Table)
			}
		}),
	countRow("nftables_priority", wholeStrict(minInt32, maxInt32), -1,
		func(g *Global) *int32 { return &g.NFTables.Priority }),
	flagRow("nftables_ifindex", func(g *Global) *bool { return &g.NFTables.IfIndex }),
	flagRow("nftables_counters", func(g *Global) *bool { return &g.NFTables.Counters }),
}

// ipvsFirewallRows are the rows of nftables_ipvs.
var ipvsFirewallRows = blockOf[Global]{
	ownRow("nftables_ipvs", "off; keepalived_ipvs when bare",
		func(d *decoder, n *Node, g *Global) { d.tableName(n, "keepalived_ipvs", &g.IPVSFirewall.Table) },
		func(p *printer, g *Global) { p.text("nftables_ipvs", g.IPVSFirewall.Table) }),
	countRow("nftables_ipvs_priority", wholeStrict(minInt32, maxInt32), -1,
		func(g *Global) *int32 { return &g.IPVSFirewall.Priority }),
	countRow("nftables_ipvs_start_fwmark", wholeStrict(1, maxUint32), 1000,
		func(g *Global) *uint32 { return &g.IPVSFirewall.FirstMark }),
}

// maxChainName and maxSetName are the kernel's limits without terminators.
const (
	maxChainName = 27
	maxSetName   = 30
	maxTableName = 253
)

func (d *decoder) iptables(n *Node, g *Global) {
	t := &g.IPTables
	if t.Table != "" {
		d.about(n, diag.CodeRepeated, "vrrp_iptables is already specified - ignoring", "")
		return
	}
	d.about(n, diag.CodeIPTables, "iptables not supported, using nftables instead. Please replace 'vrrp_iptables and 'vrrp_ipsets'"+
		" with 'nftables' config option", "")
	t.Table = "filter"
	t.Chains = []string{"INPUT", "OUTPUT"}
	for i, a := range n.Args[:min(len(n.Args), 2)] {
		if len(a.Text) > maxChainName {
			d.report(n, n.RangeOf(a), diag.CodeNameTruncated, fmt.Sprintf("chain name '%s' is too long - ignoring", a.Text),
				fmt.Sprintf("at most %d characters", maxChainName))
			continue
		}
		t.Chains[i] = d.intern(a.Text)
	}
	g.NFTables.Table = g.FilterTable()
}

// usualTable is the table of nftables for virtual routers when none is named.
const usualTable = "keepalived"

// FilterTable returns the table of nftables in which virtual routers that need one have their rules.
func (g *Global) FilterTable() string { return cmp.Or(g.NFTables.Table, usualTable) }

func (d *decoder) ipsets(n *Node, g *Global) {
	d.about(n, diag.CodeIPTables, "Unknown keyword 'vrrp_ipsets'", "it belongs to vrrp_iptables; use nftables")
	g.IPTables.Sets = nil
	var sets []string
	for _, a := range n.Args {
		for _, old := range sets {
			if old == a.Text {
				d.report(n, n.RangeOf(a), diag.CodeRepeated, fmt.Sprintf("set name '%s' is used twice", a.Text), "none is used")
				return
			}
		}
		if len(a.Text) > maxSetName {
			d.report(n, n.RangeOf(a), diag.CodeNameTruncated, fmt.Sprintf("set name '%s' is too long", a.Text), "none is used")
			return
		}
		sets = append(sets, d.intern(a.Text))
	}
	g.IPTables.Sets = sets
}

func (d *decoder) tableName(n *Node, bare string, to *string) {
	switch {
	case *to != "":
		d.about(n, diag.CodeRepeated, n.Keyword.Text+" already specified - ignoring", "")
	case len(n.Args) == 0:
		*to = bare
	case len(n.Arg(0)) > maxTableName:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeNameTruncated, "table name is too long - ignoring", "")
	default:
		*to = d.intern(n.Arg(0))
	}
}
