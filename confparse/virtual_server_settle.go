package confparse

import (
	"fmt"
	"slices"
	"time"

	"vigil/confparse/diag"
)

// finishServer settles a virtual server: address family, inheritance and keepalived's corrections, in its
// order, and adds it to the configuration.
func (d *decoder) finishServer(vs *serverScratch) {
	if !d.settleServerFamily(vs) || !d.anyServer(vs, slices.ContainsFunc(d.reals, func(rs realScratch) bool { return !rs.Backup })) ||
		!d.settleServerIdentity(vs) {
		return
	}
	d.settleForwarding(vs)
	d.settleFullNAT(vs)
	d.settlePersistence(vs)
	d.settleAnnouncement(vs)
	d.settleRealServers(vs)
	if !d.anyServer(vs, len(vs.Sources) > 0 || slices.ContainsFunc(vs.RealServers, func(rs *RealServer) bool { return !rs.Backup })) {
		return
	}
	if !slices.ContainsFunc(vs.RealServers, func(rs *RealServer) bool { return rs.Backup }) {
		vs.FailoverThreshold = 0
	}
	d.settleQuorum(vs)
	d.settleSorry(vs)
	d.cfg.VirtualServers = append(d.cfg.VirtualServers, vs.VirtualServer)
}

// anyServer reports a virtual server without real servers, of which nothing else is said. Backup servers do not count.
func (d *decoder) anyServer(vs *serverScratch, any bool) bool {
	if !any {
		d.about(vs.node, diag.CodeNoRealServer, fmt.Sprintf("Virtual server %s has no real servers - ignoring", vs.ID), "")
	}
	return any
}

// methodOf returns the forwarding method of a server, whose own may have been left to the virtual server's.
func methodOf(m, outer opt[Forwarding]) Forwarding { return m.or(outer.or(NAT)) }

// settleServerFamily resolves the family from the servers when the service itself does not tell, and drops servers of
// another one. Only a tunnelled server may differ.
func (d *decoder) settleServerFamily(vs *serverScratch) bool {
	kept := d.reals[:0]
	for i := range d.reals {
		rs := &d.reals[i]
		f := FamilyOf(rs.ID.Addr)
		if rs.source == nil && methodOf(rs.method, vs.method) != TUN {
			if vs.family == FamilyUnknown {
				vs.family = f
			} else if vs.family != f {
				d.untilEnd(rs.node, rs.node, diag.CodeFamilyMismatch, fmt.Sprintf("Address family of virtual server and real "+
					"server %s don't match - skipping real server.", rs.ID.Addr), "only lvs_method TUN can mix them")
				continue
			}
		}
		kept = append(kept, *rs)
	}
	d.reals = kept
	if ss := vs.SorryServer; ss != nil && methodOf(vs.sorryMethod, vs.method) != TUN {
		f := FamilyOf(ss.Addr)
		if vs.family == FamilyUnknown {
			vs.family = f
		} else if vs.family != f {
			d.untilEnd(vs.sorryAt, vs.node, diag.CodeFamilyMismatch, fmt.Sprintf("Address family of virtual server and sorry "+
				"server %s don't match - skipping sorry server.", ss.Addr), "only lvs_method TUN can mix them")
			vs.SorryServer = nil
		}
	}
	if vs.ID.Group != "" && !d.resolveGroup(vs) {
		return false
	}
	if vs.family == FamilyUnknown && !vs.mixed {
		vs.family = d.commonFamily(vs)
	}
	vs.ID.Family = vs.family
	return true
}

// commonFamily is the family of tunnelled servers when all have the same, and IPv4 otherwise.
func (d *decoder) commonFamily(vs *serverScratch) Family {
	f := FamilyUnknown
	see := func(g Family) {
		switch f {
		case FamilyUnknown, g:
			f = g
		default:
			f = IPv4
		}
	}
	for i := range d.reals {
		if d.reals[i].source == nil {
			see(FamilyOf(d.reals[i].ID.Addr))
		}
	}
	if vs.SorryServer != nil {
		see(FamilyOf(vs.SorryServer.Addr))
	}
	if f == FamilyUnknown {
		return IPv4
	}
	return f
}

// settleServerIdentity fixes protocol and scheduler and looks for an earlier server of the same identity.
func (d *decoder) settleServerIdentity(vs *serverScratch) bool {
	byMark := vs.ID.Fwmark != 0 || vs.ID.Group != "" && !vs.groupHasAddress
	switch {
	case byMark && vs.protocolSet:
		d.about(vs.protocolAt, diag.CodeProtocolOnMark, fmt.Sprintf(
			"Warning: Virtual server %s: protocol specified for fwmark - protocol will be ignored", vs.ID), "")
		vs.ID.Protocol = ProtocolNone
	case !byMark && !vs.protocolSet:
		if !vs.badProtocol {
			d.about(vs.node, diag.CodeNoProtocol, fmt.Sprintf("Virtual server %s: no protocol set - defaulting to UDP", vs.ID),
				"most services want protocol TCP")
		}
		vs.ID.Protocol = UDP
	}
	if vs.Scheduler == "" {
		d.about(vs.node, diag.CodeNoScheduler, fmt.Sprintf("Virtual server %s: no scheduler set, setting default 'wlc'", vs.ID),
			"")
		vs.Scheduler = "wlc"
	}
	if vs.OnePacket && !byMark && vs.ID.Protocol != UDP {
		d.about(vs.opsAt, diag.CodeOPS, fmt.Sprintf("Virtual server %s: ops is only valid for UDP - ignoring", vs.ID), "")
		vs.OnePacket = false
	}
	if vs.HASuspend && byMark {
		d.about(vs.suspendAt, diag.CodeSuspendMark, fmt.Sprintf(
			"Virtual server %s: cannot use ha_suspend with fwmark - clearing", vs.ID), "")
		vs.HASuspend = false
	}
	if first, ok := d.servers[vs.ID]; ok {
		d.about(vs.node, diag.CodeDuplicateServer, fmt.Sprintf("Virtual server %s is already configured - ignoring", vs.ID),
			"both would be one service of the kernel", Place{Range: first.Range, Note: "first defined here"})
		return false
	}
	d.servers[vs.ID] = vs.VirtualServer
	return true
}

// settleForwarding gives every server a method.
func (d *decoder) settleForwarding(vs *serverScratch) {
	warned := vs.method.set
	for i := range d.reals {
		rs := &d.reals[i]
		if !rs.method.set && !vs.method.set && !warned {
			warned = true
			d.about(vs.node, diag.CodeNoMethod, fmt.Sprintf(
				"Virtual server %s: no forwarding method set, setting default NAT", vs.ID), "")
		}
		rs.Forwarding = methodOf(rs.method, vs.method)
		rs.Tunnel = tunnelOf(rs.Forwarding, rs.tunnel.or(vs.tunnel.or(Tunnel{})))
	}
	vs.Forwarding, vs.Tunnel = vs.method.or(NAT), vs.tunnel.or(Tunnel{})
	if vs.SorryServer != nil {
		vs.SorryServer.Forwarding = methodOf(vs.sorryMethod, vs.method)
		vs.SorryServer.Tunnel = tunnelOf(vs.SorryServer.Forwarding, vs.sorryTunnel.or(vs.tunnel.or(Tunnel{})))
	}
}

// tunnelOf is the tunnel of a server, which no other method has.
func tunnelOf(f Forwarding, t Tunnel) Tunnel {
	if f != TUN {
		return Tunnel{}
	}
	return t
}

// settlePersistence makes a service for all ports persistent and fills the granularity.
func (d *decoder) settlePersistence(vs *serverScratch) {
	allPorts := vs.ID.Addr.IsValid() && vs.ID.Port == 0 || vs.groupPortZero
	if allPorts && vs.PersistenceTimeout == 0 {
		d.about(vs.node, diag.CodePortZero, fmt.Sprintf(
			"Virtual server %s: zero port only valid for persistent sevices - setting", vs.ID),
			"persistence_timeout is 360")
		vs.PersistenceTimeout = defaultPersistence
	}
	if vs.PersistenceTimeout == 0 {
		vs.PersistenceEngine = "" // keepalived does not send it either
	}
	if !vs.granularity {
		vs.PersistenceGranularity = 0xffffffff
		if vs.family == IPv6 {
			vs.PersistenceGranularity = 128
		}
	}
}

// settleAnnouncement clears what would wait for itself: ha_suspend has servers checked where the address is, announce_on puts the
// address where enough of the checked servers are up. What has no address announces none.
func (d *decoder) settleAnnouncement(vs *serverScratch) {
	if vs.AnnounceOn == "" {
		return
	}
	if vs.ID.Fwmark != 0 || vs.ID.Group != "" && !vs.groupHasAddress {
		d.about(vs.announceAt, diag.CodeAnnouncement, fmt.Sprintf("Virtual server %s: announce_on needs addresses - ignoring", vs.ID),
			"a firewall mark has none")
		vs.AnnounceOn = ""
		return
	}
	if vs.HASuspend {
		d.about(vs.suspendAt, diag.CodeAnnouncement, fmt.Sprintf("Virtual server %s: ha_suspend cannot be used with announce_on - clearing", vs.ID),
			"the address would wait for the servers, and they for the address")
		vs.HASuspend = false
	}
}

// GranularityFor returns the granularity of persistence that a service of one family has. Of a group with services of both only the
// default can be meant.
func (vs *VirtualServer) GranularityFor(f Family) uint32 {
	if f == IPv6 {
		return min(vs.PersistenceGranularity, 128)
	}
	return vs.PersistenceGranularity
}

// settleRealServers applies inheritance and the port rules of the forwarding methods, and drops duplicates.
func (d *decoder) settleRealServers(vs *serverScratch) {
	vs.RealServers = make([]*RealServer, 0, len(d.reals))
	for i := range d.reals {
		rs := &d.reals[i]
		rs.ID.VS = vs.ID
		if rs.source != nil {
			d.settleSource(vs, rs)
			continue
		}
		d.settlePort(vs, rs)
		if first := d.duplicateReal(vs, rs); first != nil {
			d.about(rs.node, diag.CodeDuplicateReal, fmt.Sprintf("Virtual server %s: duplicate real server %s - ignoring",
				vs.ID, rs.ID), "", Place{Range: first.Range, Note: "first given here"})
			continue
		}
		d.settleServer(vs, rs)
		vs.RealServers = append(vs.RealServers, rs.RealServer)
	}
}

// settleServer gives a server what it inherits, and settles its checkers and thresholds.
func (d *decoder) settleServer(vs *serverScratch, rs *realScratch) {
	rs.Weight = rs.weight.or(vs.weight)
	rs.InhibitOnFailure = rs.inhibit.or(vs.inhibit)
	if rs.VirtualHost == "" {
		rs.VirtualHost = vs.VirtualHost
	}
	rs.timing.inherit(&vs.timing)
	d.settleCheckers(vs, rs)
	if rs.LowerThreshold > rs.UpperThreshold {
		d.about(rs.node, diag.CodeThresholds, fmt.Sprintf("Real server %s: lthreshold %d is above uthreshold %d", rs.shown(),
			rs.LowerThreshold, rs.UpperThreshold), "the kernel refuses that; lthreshold is not used")
		rs.LowerThreshold = 0
	}
	// keepalived accepts 32 bits, the kernel 31; more connections than that there cannot be.
	rs.UpperThreshold, rs.LowerThreshold = min(rs.UpperThreshold, maxInt32), min(rs.LowerThreshold, maxInt32)
}

// duplicateReal finds an earlier server of the same address and port. Long lists are rare, short ones the rule.
func (d *decoder) duplicateReal(vs *serverScratch, rs *realScratch) *RealServer {
	if len(vs.RealServers) > 32 {
		if d.realIndex == nil {
			d.realIndex = map[RealServerID]*RealServer{}
		}
		if len(d.realIndex) == 0 {
			for _, r := range vs.RealServers {
				d.realIndex[r.ID] = r
			}
		}
		first := d.realIndex[rs.ID]
		if first == nil {
			d.realIndex[rs.ID] = rs.RealServer
		}
		return first
	}
	clear(d.realIndex)
	for _, r := range vs.RealServers {
		if r.ID.Port == rs.ID.Port && r.ID.Addr == rs.ID.Addr {
			return r
		}
	}
	return nil
}

// settleCheckers hands the settings of the servers down to the checkers of rs.
func (d *decoder) settleCheckers(vs *serverScratch, rs *realScratch) {
	if n := rs.lastChecker - rs.firstChecker; n > 0 {
		if len(d.checkerLinks) < n {
			d.checkerLinks = make([]*Checker, max(n, 512))
		}
		rs.Checkers, d.checkerLinks = d.checkerLinks[:0:n], d.checkerLinks[n:]
	}
	for i := rs.firstChecker; i < rs.lastChecker; i++ {
		ck := &d.checkers[i]
		ck.timing.inherit(&rs.timing)
		retry, pause := uint32(1), time.Second
		switch ck.Kind {
		case HTTPGet, SSLGet:
			pause = 3 * time.Second
		case DNSCheck:
			retry, pause = 3, ck.delayLoop.or(time.Minute)
		case MiscCheck:
			retry = 0
			if x := ck.Detail.(*MiscDetail); x.Timeout == 0 {
				x.Timeout = vs.delayLoop.or(time.Minute)
			}
		}
		ck.Alpha = ck.alpha.or(rs.alpha.or(vs.Alpha) && ck.Kind != BFDCheck) && ck.Kind != FileCheck
		if ck.Kind == FileCheck || ck.Kind == BFDCheck {
			rs.Checkers = append(rs.Checkers, ck.Checker)
			continue
		}
		ck.DelayLoop = ck.delayLoop.or(time.Minute)
		ck.Warmup = ck.warmup.or(ck.DelayLoop)
		ck.Retry = ck.retry.or(retry)
		ck.Rise = ck.rise.or(1)
		ck.DelayBeforeRetry = ck.retryDelay.or(pause)
		ck.LogAllFailures = ck.logAll.or(d.cfg.Global.LogAllFailures)
		if !socketKind(ck.Kind) {
			rs.Checkers = append(rs.Checkers, ck.Checker)
			continue
		}
		ck.Connect.Timeout = ck.connectTimeout.or(5 * time.Second)
		if !ck.Connect.BindAddr.IsValid() {
			ck.Connect.BindPort = 0 // it has an effect only together with bindto
		}
		if !ck.Connect.Addr.IsValid() {
			ck.Connect.Addr = rs.ID.Addr
		}
		if !ck.port && ck.Kind != PingCheck { // an echo request has none
			// A port written at the real server is checked even where the kernel uses the service's.
			ck.Connect.Port = rs.port
			if rs.port == 0 {
				ck.Connect.Port = rs.ID.Port
			}
		}
		if ck.HTTP != nil {
			ck.HTTP.settleNames(rs.VirtualHost, vs.VirtualHost)
		}
		if ck.Connect.Addr.Is6() && ck.Connect.Addr.IsLinkLocalUnicast() && ck.Connect.BindInterface == "" {
			d.about(ck.node, diag.CodeCheckerDropped, fmt.Sprintf(
				"Checker %s of %s: a link-local address needs bind_if - ignoring", ck.Kind, rs.shown()), "")
			continue
		}
		rs.Checkers = append(rs.Checkers, ck.Checker)
	}
}

// socketKind reports whether a checker opens a connection.
func socketKind(k CheckerKind) bool { return k != MiscCheck && k != FileCheck && k != BFDCheck }

// settleQuorum lowers a quorum that can never be reached, and a hysteresis that would undercut it.
func (d *decoder) settleQuorum(vs *serverScratch) {
	total := uint64(0)
	for _, rs := range vs.RealServers {
		if !rs.Backup {
			total += uint64(max(rs.Weight, 0))
		}
	}
	if uint64(vs.Quorum) > total && len(vs.Sources) == 0 { // whose members may come to any weight
		d.about(orNode(vs.quorumAt, vs.node), diag.CodeQuorum, fmt.Sprintf(
			"Warning - quorum %d for %s exceeds total weight of real servers %d, reducing quorum to %d", vs.Quorum, vs.ID,
			total, total), "")
		vs.Quorum = uint32(total)
	}
	if vs.Hysteresis > 0 && vs.Hysteresis >= vs.Quorum {
		lowered := uint32(0)
		if vs.Quorum > 0 {
			lowered = vs.Quorum - 1
		}
		d.about(orNode(vs.hysteresisAt, vs.node), diag.CodeQuorum, fmt.Sprintf(
			"Virtual server %s: hysteresis %d >= quorum %d; setting hysteresis to %d", vs.ID, vs.Hysteresis, vs.Quorum,
			lowered), "")
		vs.Hysteresis = lowered
	}
}

func orNode(n, other *Node) *Node {
	if n != nil {
		return n
	}
	return other
}
