package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// defaultPersistence is what a bare persistence_timeout means, and what a service without a port gets.
const defaultPersistence = 360 * time.Second

// schedulers are the lb_algo words.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"}

// stripRange drops the range or mask that keepalived tolerates behind a single address.
func stripRange(s string) string {
	for i := range len(s) {
		if s[i] == '/' || s[i] == '-' {
			return s[:i]
		}
	}
	return s
}

// serverAddress reads "ADDRESS [PORT]" from the words of n.
func (d *decoder) serverAddress(n *Node, args []Token, what string) (a netip.Addr, port uint16, ok bool) {
	a, valid := parseAddr(stripRange(args[0].Text))
	if !valid {
		shown := args[0].Text
		if len(args) > 1 {
			shown += "/" + args[1].Text
		}
		d.report(n, n.RangeOf(args[0]), diag.CodeBadServerAddress,
			fmt.Sprintf("Invalid %s IP address/port %s - skipping", what, shown), "")
		return a, 0, false
	}
	if len(args) > 1 {
		p, good := parsePort(args[1])
		if !good {
			d.report(n, n.RangeOf(args[1]), diag.CodeBadServerAddress, fmt.Sprintf(
				"Invalid %s IP address/port %s/%s - skipping", what, args[0].Text, args[1].Text),
				"a port is 1 to 65535; 0, or none, stands for all")
			return a, 0, false
		}
		port = p
	}
	return a, port, true
}

// virtualServer decodes "virtual_server ADDRESS [PORT] | fwmark N | group NAME".
func (d *decoder) virtualServer(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	vs := &d.vsScratch
	*vs = serverScratch{node: n, weight: 1, VirtualServer: &VirtualServer{Range: n.Range(), Quorum: 1}}
	switch n.Arg(0) {
	case "fwmark":
		if len(n.Args) < 2 {
			d.missingItem(n, n.Args[0])
			return
		}
		v, ok := d.wholeNumber(n, n.Args[1], whole(0, maxUint32))
		if !ok || v == 0 {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeBadServerAddress,
				fmt.Sprintf("virtual server fwmark '%s' is not valid - skipping", n.Arg(1)), "a mark is 1 to 4294967295")
			return
		}
		vs.ID.Fwmark = uint32(v)
	case "group":
		if len(n.Args) < 2 {
			d.missingItem(n, n.Args[0])
			return
		}
		if n.Arg(1) == "" {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownGroup, "virtual server group has an empty name - ignoring virtual server", "")
			return
		}
		vs.ID.Group = d.intern(n.Arg(1))
		vs.ID.Ordinal = d.groupUse[vs.ID.Group]
		d.groupUse[vs.ID.Group]++
	default:
		a, port, ok := d.serverAddress(n, n.Args, "virtual server")
		if !ok {
			return
		}
		vs.ID.Addr, vs.ID.Port, vs.ID.Family = a, port, FamilyOf(a)
		vs.family = vs.ID.Family
	}
	d.vs = vs
	d.reals, d.checkers = d.reals[:0], d.checkers[:0]
	d.body(n.Body)
	d.finishServer()
	d.vs = nil
}

func (d *decoder) ipFamily(s string) {
	f := FamilyUnknown
	switch s {
	case "inet":
		f = IPv4
	case "inet6":
		f = IPv6
	}
	if f == FamilyUnknown || d.vs.family != FamilyUnknown && d.vs.family != f {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeFamilyMismatch,
			fmt.Sprintf("Virtual server specified family %s, but address family is %s - ignoring", s, d.vs.family),
			"use inet or inet6")
		return
	}
	d.vs.family = f
}

func (d *decoder) scheduler(s string) {
	if !slices.Contains(schedulers, s) {
		near := nearest(s, schedulers)
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Invalid lvs_scheduler '%s' - ignoring", s),
			near)
		return
	}
	d.vs.Scheduler = s
}

// schedulerFlag sets a flag that only works once the scheduler it is for has been chosen.
func (d *decoder) schedulerFlag(scheduler string, f SchedulerFlags) {
	switch d.vs.Scheduler {
	case scheduler:
		d.vs.SchedulerFlags |= f
		return
	case "sh", "mh": // the flag of the one means nothing to the other
		return
	}
	d.about(d.n, diag.CodeSchedulerFlag, fmt.Sprintf("%s only applies to %s scheduler - ignoring", d.n.Keyword.Text,
		scheduler), "lb_algo "+scheduler+" must stand above it")
}

func (d *decoder) hashed() {
	if d.vs.Scheduler != "sh" && d.vs.Scheduler != "mh" {
		d.about(d.n, diag.CodeSchedulerFlag, "hashed only applies to sh scheduler - ignoring", "")
	}
}

// method decodes "NAT|DR|TUN …" into m.
func (d *decoder) method(m *opt[Forwarding], tun *opt[Tunnel]) {
	n := d.n
	switch n.Arg(0) {
	case "NAT":
		m.put(NAT)
	case "DR":
		m.put(DR)
	case "TUN":
		m.put(TUN)
	default:
		detail := "use NAT, DR or TUN"
		if up := strings.ToUpper(n.Arg(0)); up == "NAT" || up == "DR" || up == "TUN" {
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
		if t != (Tunnel{}) {
			d.pendingOption(n, n.Args[1], "tunnel options")
		}
	}
}

// pendingOption notes an option that is kept, but that the program does not act on yet.
func (d *decoder) pendingOption(n *Node, at Token, what string) {
	d.unsupported++
	d.report(n, n.RangeOf(at), diag.CodeNotSupported, what+" are accepted, but not supported yet", "they have no effect")
}

func (d *decoder) protocol(s string) {
	switch strings.ToUpper(s) {
	case "TCP":
		d.vs.ID.Protocol = TCP
	case "UDP":
		d.vs.ID.Protocol = UDP
	case "SCTP":
		d.vs.ID.Protocol = SCTP
	default:
		d.vs.badProtocol = true
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Unknown protocol %s - ignoring", s),
			"use TCP, UDP or SCTP; without one it is UDP")
		return
	}
	d.vs.protocolSet, d.vs.protocolAt = true, d.n
}

func (d *decoder) persistenceTimeout(n *Node) {
	if len(n.Args) == 0 {
		d.vs.PersistenceTimeout = defaultPersistence
		return
	}
	if v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 2678400)); ok {
		d.vs.PersistenceTimeout = time.Duration(v) * time.Second
	}
}

// granularity reads a dotted mask, or a prefix length for IPv6.
func (d *decoder) granularity(s string) {
	n := d.n
	if strings.Contains(s, ".") {
		a, ok := parseAddr(s)
		if !ok || !a.Is4() || d.vs.family == IPv6 {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("Invalid IPv4 persistence_granularity '%s'", s), "")
			return
		}
		raw := a.As4()
		d.vs.PersistenceGranularity = uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
		d.vs.family = IPv4
	} else {
		if d.vs.family == IPv4 {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("Invalid IPv4 persistence_granularity '%s'", s), "write a mask such as 255.255.255.0")
			return
		}
		v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 128))
		if !ok {
			return
		}
		d.vs.PersistenceGranularity = uint32(v)
		d.vs.family = IPv6
	}
	d.vs.granularity = true
	if d.vs.PersistenceTimeout == 0 {
		d.vs.PersistenceTimeout = defaultPersistence
	}
}

// maxEngineName is IP_VS_PENAME_MAXLEN without its terminator.
const maxEngineName = 15

func (d *decoder) persistenceEngine(s string) {
	if len(s) > maxEngineName {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeNameTruncated, fmt.Sprintf(
			"persistence_engine name '%s' too long - truncating", s), fmt.Sprintf("at most %d characters", maxEngineName))
		s = s[:maxEngineName]
	}
	d.vs.PersistenceEngine = s
}

func (d *decoder) sorryServer(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	a, port, ok := d.serverAddress(n, n.Args, "sorry server")
	if !ok {
		return
	}
	d.vs.SorryServer = &SorryServer{Range: n.Range(), Addr: a, Port: port}
	d.vs.sorryMethod, d.vs.sorryTunnel, d.vs.sorryAt = d.vs.method, d.vs.tunnel, n
}

func (d *decoder) needsSorry() bool {
	if d.vs.SorryServer == nil {
		d.about(d.n, diag.CodeNoSorry, d.n.Keyword.Text+" without sorry_server - ignoring", "sorry_server must stand above it")
	}
	return d.vs.SorryServer != nil
}

// realServer decodes a real_server block.
func (d *decoder) realServer(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	a, port, ok := d.serverAddress(n, n.Args, "real server")
	if !ok {
		return
	}
	if len(d.realArena) == 0 {
		d.realArena = make([]RealServer, 128)
	}
	rs := &d.realArena[0]
	d.realArena = d.realArena[1:]
	rs.Range = n.Range()
	rs.ID.Addr, rs.ID.Port = a, port
	d.reals = append(d.reals, realScratch{RealServer: rs, node: n, port: port, method: d.vs.method,
		tunnel: d.vs.tunnel, firstChecker: len(d.checkers)})
	d.rs = &d.reals[len(d.reals)-1]
	d.body(n.Body)
	d.rs.lastChecker = len(d.checkers)
	d.rs = nil
}

// nearest returns a "did you mean" for a word, or the list of words when none is near.
func nearest(s string, words []string) string {
	best, dist := "", 1+len(s)/3
	for _, w := range words {
		if n := syntax.EditDistance(s, w, dist); n <= dist {
			best, dist = w, n-1
		}
	}
	if best != "" {
		return "did you mean '" + best + "'?"
	}
	return "one of " + strings.Join(words, " ")
}
