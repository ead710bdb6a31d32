package confparse

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// defaults fills what holds when nothing is written.
func (d *decoder) defaults() {
	g := &d.cfg.Global
	g.VRRPVersion = 2
	g.VRRPMulticast4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	g.VRRPMulticast6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
	g.RXBufferMultiplier = 3
	g.NFTables.Priority, g.IPVSFirewall.Priority, g.IPVSFirewall.FirstMark = -1, -1, 1000
	g.Mail.ServerPort, g.Mail.Timeout = 25, 30*time.Second
	g.SNMP.VSInterval = 5 * time.Second
	g.DBus.ServiceName, g.DBus.NoInterfaceName = "org.keepalived.Vrrp1", "none"
	g.Daemon.ChildWaitTime = 5 * time.Second
	g.Daemon.StartupTimeout, g.Daemon.ShutdownTimeout = 10*time.Second, 10*time.Second
	g.Daemon.JSONVersion = 1
	g.VRRPScheduling.AutoRTWait = time.Second
	for _, s := range []*Scheduling{&g.VRRPScheduling, &g.CheckerScheduling, &g.BFDScheduling} {
		s.RTTime = 10 * time.Millisecond
	}
}

// finishGlobals fills the defaults that depend on other settings.
func (d *decoder) finishGlobals() {
	g := &d.cfg.Global
	fill := func(to *string, def string) {
		if *to == "" {
			*to = def
		}
	}
	fill(&g.RouterID, d.env.Hostname)
	fill(&g.Mail.HELO, d.env.Hostname)
	fill(&g.DefaultInterface, "eth0")
	fill(&g.VMACPrefix, "vrrp")
	fill(&g.VMACAddressPrefix, g.VMACPrefix)
	if g.SNMP.RSInterval == 0 {
		g.SNMP.RSInterval = g.SNMP.VSInterval
	}
	if !g.MinGARP {
		return
	}
	// vrrp_min_garp: one announcement, no repeat, unless something else was asked for.
	for _, o := range []*opt[int]{&d.gs.masterRepeat, &d.gs.refreshRepeat, &d.gs.lowerRepeat} {
		if !o.set {
			o.put(1)
		}
	}
	for _, o := range []*opt[time.Duration]{&d.gs.masterDelay, &d.gs.lowerDelay} {
		if !o.set {
			o.put(0)
		}
	}
}

func (d *decoder) multicastGroup(a netip.Addr, f Family, to *netip.Addr) {
	if FamilyOf(a) != f || !a.IsMulticast() {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeBadAddress,
			"'"+a.String()+"' is not an "+f.String()+" multicast address", "")
		return
	}
	if a.Is6() && !a.IsLinkLocalMulticast() {
		if d.vi != nil {
			d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeBadAddress, fmt.Sprintf(
				"(%s) mcast_dst_ip %s not link-local multicast. Skipping...", d.vi.Name, a), "")
			return
		}
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeWideGroup, fmt.Sprintf("%s [%s] should be link-local multicast.",
			d.n.Keyword.Text, a), "it is used all the same")
	}
	*to = a
}

// atLeastOne turns a count of 0 into 1, as keepalived does.
func (d *decoder) atLeastOne(v int64) int {
	if v == 0 {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeRaised, d.n.Keyword.Text+" cannot be 0, setting to 1", "")
		v = 1
	}
	return int(min(v, math.MaxInt32))
}

// clamp moves a value into its range, with a message.
func (d *decoder) clamp(v, lo, hi int64) int {
	c := min(max(v, lo), hi)
	if c != v {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeRaised, fmt.Sprintf("%s must be between %d and %d, setting to %d",
			d.n.Keyword.Text, lo, hi, c), "")
	}
	return int(c)
}

// shortName cuts a name to the length its user has room for.
func (d *decoder) shortName(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeNameTruncated, fmt.Sprintf("%s '%s' too long - truncating to %d characters",
		d.n.Keyword.Text, s, limit), "")
	return s[:limit]
}

// optionalNumber reads a number that may be left out: bare is its value then, and bad the value of a bad one.
func (d *decoder) optionalNumber(n *Node, v value, bare, bad int64) int64 {
	if len(n.Args) == 0 {
		return bare
	}
	if num, ok := d.wholeNumber(n, n.Args[0], v); ok {
		return num
	}
	return bad
}

func (d *decoder) slowPacing(v time.Duration) {
	if v >= time.Second {
		d.about(d.n, diag.CodeSlowPacing, "The "+d.n.Keyword.Text+" is very large: "+d.n.Arg(0)+" seconds",
			"every announcement waits this long after the one before it")
	}
}

func (d *decoder) lvsFlushOnStop(n *Node) {
	switch n.Arg(0) {
	case "":
		d.cfg.Global.LVSFlushOnStop = FlushOnStopAll
	case "VS":
		d.cfg.Global.LVSFlushOnStop = FlushOnStopVS
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown lvs_flush_on_stop type "+n.Arg(0), "only VS is known")
	}
}

func (d *decoder) dynamicInterfaces(n *Node) {
	d.cfg.Global.DynamicInterfaces = true
	switch n.Arg(0) {
	case "":
	case "allow_if_changes":
		d.cfg.Global.AllowInterfaceChanges = true
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown dynamic_interfaces option '"+n.Arg(0)+"'",
			"only allow_if_changes is known")
	}
}

// extraInterface decodes "[all] SECONDS".
func (d *decoder) extraInterface(n *Node, lo int64, every *time.Duration, all *bool) {
	args := n.Args
	if len(args) > 0 && args[0].Text == "all" {
		*all = true
		args = args[1:]
	}
	if len(args) == 0 {
		d.missing(n, true)
		return
	}
	if v, ok := d.wholeNumber(n, args[0], secs(lo, 86400)); ok {
		*every = time.Duration(v) * time.Second
	}
}

func (d *decoder) rxPolicy(s string) {
	g := &d.cfg.Global
	switch strings.ToUpper(s) {
	case "MTU":
		g.RXBuffers = RXBufferMTU
	case "ADVERT":
		g.RXBuffers = RXBufferAdvert
	default:
		if v, ok := d.wholeNumber(d.n, d.n.Args[0], wholeStrict(0, maxUint32)); ok {
			g.RXBuffers, g.RXBufferBytes = RXBufferBytes, uint32(v)
		}
	}
}

// maxChainName and maxSetName are the kernel's limits without terminators.
const (
	maxChainName = 27
	maxSetName   = 30
	maxTableName = 253
)

func (d *decoder) iptables(n *Node) {
	t := &d.cfg.Global.IPTables
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
	if d.cfg.Global.NFTables.Table == "" {
		d.cfg.Global.NFTables.Table = "keepalived"
	}
}

func (d *decoder) ipsets(n *Node) {
	d.about(n, diag.CodeIPTables, "Unknown keyword 'vrrp_ipsets'", "it belongs to vrrp_iptables; use nftables")
	d.cfg.Global.IPTables.Sets = nil
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
	d.cfg.Global.IPTables.Sets = sets
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

// lvsTimeouts decodes "[tcp S] [tcpfin S] [udp S]".
func (d *decoder) lvsTimeouts(n *Node) {
	t := &d.cfg.Global.LVSTimeouts
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	for i := 0; i < len(n.Args); i += 2 {
		var to *time.Duration
		switch n.Arg(i) {
		case "tcp":
			to = &t.TCP
		case "tcpfin":
			to = &t.TCPFin
		case "udp":
			to = &t.UDP
		default:
			d.report(n, n.RangeOf(n.Args[i]), diag.CodeUnknownWord, "Unknown option "+n.Arg(i)+" specified for lvs_timeouts",
				"use tcp, tcpfin or udp")
			i--
			continue
		}
		if i+1 == len(n.Args) {
			d.report(n, n.RangeOf(n.Args[i]), diag.CodeArgumentExpected, "No value specified for lvs_timeout "+n.Arg(i)+
				" - ignoring", "")
			return
		}
		if v, ok := d.wholeNumber(n, n.Args[i+1], wholeStrict(0, 2678400)); ok {
			*to, t.IsSet = time.Duration(v)*time.Second, true
		}
	}
}

// syncDaemon decodes "IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]". An instance and then
// an id may stand without their words, as old files have them.
func (d *decoder) syncDaemon(n *Node) {
	s := &d.cfg.Global.SyncDaemon
	if s.Interface != "" {
		d.about(n, diag.CodeRepeated, "lvs_sync_daemon has already been specified - ignoring", "")
		return
	}
	if len(n.Args) == 0 {
		d.about(n, diag.CodeArgumentExpected, "lvs_sync_daemon requires interface", "")
		return
	}
	if !d.interfaceNamed(n.Arg(0), diag.CodeNoInterfaceYet) {
		return
	}
	*s = SyncDaemon{Range: n.Range(), Interface: d.intern(n.Arg(0)), ID: -1, Port: 8848, TTL: 1,
		Group: netip.AddrFrom4([4]byte{224, 0, 0, 81})}
	number := func(t Token, lo, hi int64) int64 {
		v, ok := d.wholeNumber(n, t, wholeStrict(lo, hi))
		if !ok {
			return -1
		}
		return v
	}
	for i := 1; i < len(n.Args); i++ {
		word := n.Arg(i)
		switch word {
		case "inst", "id", "maxlen", "port", "ttl", "group":
			if i++; i == len(n.Args) {
				d.report(n, n.RangeOf(n.Args[i-1]), diag.CodeArgumentExpected, "No value specified for "+word, "")
				return
			}
		default:
			_, err := strconv.ParseUint(word, 10, 8)
			if s.Instance == "" && err != nil {
				s.Instance = InstanceName(d.intern(word))
			} else {
				s.ID = int(max(number(n.Args[i], 0, 255), int64(s.ID)))
			}
			continue
		}
		t := n.Args[i]
		switch word {
		case "inst":
			s.Instance = InstanceName(d.intern(t.Text))
		case "id":
			s.ID = int(max(number(t, 0, 255), int64(s.ID)))
		case "maxlen":
			if v := number(t, 1, 65507); v > 0 {
				s.MaxLen = uint16(v)
			}
		case "port":
			if v := number(t, 1, 65535); v > 0 {
				s.Port = uint16(v)
			}
		case "ttl":
			if v := number(t, 1, 255); v > 0 {
				s.TTL = uint8(v)
			}
		case "group":
			a, ok := parseAddr(t.Text)
			if !ok || !a.IsMulticast() {
				d.report(n, n.RangeOf(t), diag.CodeBadAddress, "Invalid lvs_sync_daemon group ("+t.Text+")", "")
				continue
			}
			s.Group = a
		}
	}
}

// cpus decodes a list of CPU numbers; one bad number makes it empty.
func (d *decoder) cpus(n *Node) []int {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return nil
	}
	var list []int
	for _, a := range n.Args {
		v, ok := d.wholeNumber(n, a, whole(0, 8191))
		if !ok {
			return nil
		}
		list = append(list, int(v))
	}
	return list
}

// umaskBits are the words of umask.
var umaskBits = map[string]uint32{
	"IXOTH": 0o001, "IWOTH": 0o002, "IROTH": 0o004, "IXGRP": 0o010, "IWGRP": 0o020, "IRGRP": 0o040,
	"IXUSR": 0o100, "IWUSR": 0o200, "IRUSR": 0o400, "IRWXO": 0o007, "IRWXG": 0o070, "IRWXU": 0o700,
}

func (d *decoder) umask(s string) {
	mask, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		mask = 0
		for _, w := range strings.Split(s, "|") {
			bit, ok := umaskBits[strings.TrimSpace(w)]
			if !ok {
				d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, "Unknown umask bit "+w, "")
				return
			}
			mask |= uint64(bit)
		}
	}
	if mask > 0o777 {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeBadNumber, "umask "+s+" is above 0777", "")
		return
	}
	d.cfg.Global.Daemon.Umask, d.cfg.Global.Daemon.UmaskSet = uint32(mask), true
}

// onePath decodes a keyword that takes exactly one path.
func (d *decoder) onePath(n *Node, to *string) {
	if len(n.Args) != 1 || n.Arg(0) == "" {
		d.about(n, diag.CodeArgumentExpected, n.Keyword.Text+" takes exactly one path - ignoring", "")
		return
	}
	*to = d.intern(n.Arg(0))
}

// mailFrom keeps a sender as written.
func (d *decoder) mailFrom(s string) {
	if len(d.n.Args) > 1 {
		d.report(d.n, d.n.RangeOf(d.n.Args[1]), diag.CodeExtraWords, "notification_email_from has extra words - ignoring them",
			"quote an address with a display name")
	}
	d.cfg.Global.Mail.From = s
}

func (d *decoder) recipients(n *Node) {
	d.extraParameters(n)
	if len(n.Body) == 0 {
		d.atEnd(n, diag.CodeEmptyList, "Warning - empty notification_email block", "")
	}
	for _, item := range n.Body {
		d.cfg.Global.Mail.Recipients = append(d.cfg.Global.Mail.Recipients, d.listWords(item)...)
	}
}

// listWords returns the words of one line of a plain list.
func (d *decoder) listWords(item *Node) []string {
	words := []string{d.intern(item.Keyword.Text)}
	for _, a := range item.Args {
		words = append(words, d.intern(a.Text))
	}
	return words
}

func (d *decoder) smtpServer(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	m := &d.cfg.Global.Mail
	port := uint16(25)
	if len(n.Args) > 1 {
		p, ok := parsePort(n.Args[1])
		if !ok || p == 0 {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeBadNumber, "Invalid smtp server "+n.Arg(0)+" "+n.Arg(1), "")
			return
		}
		port = p
	}
	if _, ok := parseAddr(n.Arg(0)); !ok && d.env.System.Resolve != nil && !d.env.System.Resolve(n.Arg(0)) {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnresolved, fmt.Sprintf("Invalid smtp server %s %d", n.Arg(0), port),
			"the name cannot be resolved now")
		return
	}
	m.ServerHost, m.ServerPort = d.intern(n.Arg(0)), port
}
