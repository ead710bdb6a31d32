package election

import (
	"net/netip"
	"slices"

	"vigil/internal/track"
	"vigil/vrrp/wire"
)

// listening reports whether received packets count: not before the start, during vrrp_startup_delay or in FAULT.
func (m *Machine) listening(now Instant) bool {
	switch m.phase {
	case resigning:
		return true
	case running:
		return now >= m.listenFrom && (m.state == Backup || m.state == Master)
	}
	return false
}

// receive handles an advert for this router (RFC 9568 §6.4.2, §6.4.3).
func (m *Machine) receive(now Instant, ev *AdvertReceived) {
	a, src := &ev.Advert, ev.Source
	if !m.listening(now) || a.VRID != m.spec.VRID {
		return
	}
	from, ok := m.verify(ev)
	if !ok {
		return
	}
	switch {
	case m.phase == resigning:
		if a.Priority > 0 && src != m.source && !m.heard {
			m.heard = true
			m.handOver(now.Add(handOverGrace))
		}
	case m.state == Backup:
		m.receiveBackup(now, now.Add(-ev.Waited), a, from)
	default:
		m.receiveMaster(now, a, from)
	}
}

// receiveBackup is RFC 9568 §6.4.2 with keepalived's preempt_delay, for an advert that came at a moment up to now.
func (m *Machine) receiveBackup(now, came Instant, a *wire.Advert, from *peer) {
	m.master = from.Peer
	if a.Priority == 0 {
		m.report(from, Report{Kind: ReportPriorityZeroReceived})
		m.timers.activeDown = came.Add(m.skewTime())
		m.preparePassOn(now, from.Source)
		return
	}
	if a.Priority < m.priority && !m.spec.NoPreempt && !m.deferPreemption(now, from) && !m.awaits(from) {
		m.report(from, Report{Kind: ReportLowerDiscarded, Theirs: int(a.Priority), Ours: int(m.priority)})
		m.preparePassOn(now, from.Source)
		return
	}
	if a.Priority >= m.priority && m.timers.preempt != Never {
		m.timers.preempt = Never
		m.report(from, Report{Kind: ReportPreemptDelayStopped})
	}
	m.learnInterval(a)
	m.want = Backup
	m.accepted = true
	m.timers.activeDown = came.Add(m.activeDownInterval())
}

// predecessor returns the master that is about to be replaced, if there is one, and whether it is known to be alive: it
// has resigned, or was heard within the last two intervals, which a silent one was not.
func (m *Machine) predecessor(now Instant) (source netip.Addr, alive bool) {
	if m.state != Backup || m.master.Source == m.source {
		return netip.Addr{}, false
	}
	return m.master.Source, m.master.Source.IsValid() && now.Sub(m.master.Heard) < 2*m.interval
}

// deferPreemption reports whether preempt_delay still makes this router accept a lower master. The delay starts with
// the first advert of one; its end changes nothing by itself, but lower adverts no longer count from then on.
func (m *Machine) deferPreemption(now Instant, from *peer) bool {
	if m.spec.PreemptDelay <= 0 {
		return false
	}
	if m.timers.preempt == Never {
		m.timers.preempt = now.Add(m.spec.PreemptDelay)
		m.report(from, Report{Kind: ReportPreemptDelayStarted})
	}
	return now <= m.timers.preempt
}

// awaits reports whether what preemption waits for is not there. It is said once each time.
func (m *Machine) awaits(from *peer) bool {
	waits := m.waitsFor() != track.ID{}
	if waits && !m.waiting {
		m.report(from, Report{Kind: ReportPreemptionWaits})
	}
	m.waiting = waits
	return waits
}

// waitsFor returns what preemption waits for now; the zero ID: nothing.
func (m *Machine) waitsFor() track.ID {
	if id := m.spec.PreemptWhen; id != (track.ID{}) && m.value(id) == track.Down {
		return id
	}
	return track.ID{}
}

// receiveMaster is RFC 9568 §6.4.3. Equal priority is decided by the address the advert came from.
func (m *Machine) receiveMaster(now Instant, a *wire.Advert, from *peer) {
	if a.Priority == 0 {
		from.rivalry = rivalry{}
		m.sendAdvert(now)
		m.report(from, Report{Kind: ReportMasterPriorityZero})
		return
	}
	rank := int(a.Priority) - int(m.priority)
	kind, cause := ReportHigherPriority, CauseHigherPriority
	if rank == 0 {
		rank = from.Source.Compare(m.source)
		kind, cause = ReportSamePriority, CauseSamePriority
	}
	report := Report{Theirs: int(a.Priority), Ours: int(m.priority)}
	switch {
	case rank == 0:
		m.contend(from, false)
		report.Kind = ReportSameAddress
		m.report(from, report)
	case rank < 0:
		m.overtake(a)
		if !m.spec.LowerPriorityNoAdvert {
			m.sendAdvert(now)
		}
		m.contend(from, true)
		report.Kind = ReportLowerPriority
		m.report(from, report)
		m.lower = true
		m.passOnMet(now, from)
		m.announceLower(now)
		m.tellLower(now)
		m.rivalSeen(now)
	default:
		if m.spec.HigherPrioritySendAdvert {
			m.sendAdvert(now)
		}
		report.Kind = kind
		m.report(from, report)
		m.learnInterval(a)
		m.master = from.Peer
		m.yield(now, cause)
	}
}

// learnInterval takes over the master's interval (RFC 9568 §6.4.2, Active_Adver_Interval). Version 2 has one interval
// for all routers.
func (m *Machine) learnInterval(a *wire.Advert) {
	if a.Version != 2 && a.Interval > 0 {
		m.interval = a.Interval
	}
}

// verify makes the checks that depend on the configuration and counts the advert (RFC 9568 §7.1, RFC 3768 §7.1). It
// returns the place of the sender of a valid one.
func (m *Machine) verify(ev *AdvertReceived) (*peer, bool) {
	a, src := &ev.Advert, ev.Source
	if a.Version != m.spec.Version {
		m.reject(wire.DropVersion, src, int(a.Version), int(m.spec.Version))
		return m.disagree(src, Mismatch{Kind: MismatchVersion, Theirs: int(a.Version), Ours: int(m.spec.Version), Refused: wire.DropVersion})
	}
	if r := m.authenticate(ev); r.reason != wire.DropNone {
		m.reject(r.reason, src, r.theirs, r.ours)
		if !r.configured() {
			return nil, false
		}
		return m.disagree(src, m.authMismatch(a, r))
	}
	theirs, ours := int(a.Interval/wire.Centisecond), int(m.spec.AdvertInterval/wire.Centisecond)
	if a.Version == 2 && a.Interval != m.spec.AdvertInterval {
		m.reject(wire.DropInterval, src, theirs/100, ours/100)
		return m.disagree(src, Mismatch{Kind: MismatchInterval, Theirs: theirs, Ours: ours, Refused: wire.DropInterval})
	}
	form, fits := m.checksumFits(a)
	switch {
	case !fits:
		return m.reject(wire.DropChecksum, src, int(form), int(m.spec.Checksum))
	case m.spec.OwnerIgnoresAdverts && m.priority == OwnerPriority:
		return m.reject(wire.DropOwner, src, 0, 0)
	}
	m.counters.AdvertsReceived++
	checked := m.spec.CheckUnicastSrc && m.spec.Unicast()
	from := m.peers.find(m.now, src, !checked || slices.Contains(m.spec.Peers, src))
	from.mismatches.end(MismatchVersion, MismatchAuth)
	if theirs == ours {
		from.mismatches.end(MismatchInterval)
	} else {
		from.mismatches.note(m.now, Mismatch{Kind: MismatchInterval, Theirs: theirs, Ours: ours})
		m.reportOnce(from, Report{Kind: ReportIntervalDiffers, Theirs: theirs, Ours: ours})
	}
	if form != m.spec.Checksum && a.Version != 2 {
		m.reportOnce(from, Report{Kind: ReportChecksumDiffers, Theirs: int(form), Ours: int(m.spec.Checksum)})
	}
	m.compareAddresses(a, from)
	if checked {
		i := slices.Index(m.spec.Peers, src)
		if i < 0 {
			return m.reject(wire.DropNotPeer, src, 0, 0)
		}
		if i < len(m.spec.PeerTTLs) && (a.TTL < m.spec.PeerTTLs[i].Min || a.TTL > m.spec.PeerTTLs[i].Max) {
			return m.reject(wire.DropTTL, src, int(a.TTL), 0)
		}
	}
	if a.Priority == 0 {
		m.counters.PriorityZeroReceived++
	}
	from.hear(m.now.Add(-ev.Waited), a)
	return from, true
}

// compareAddresses counts and reports an advertised list unlike ours. The advert is accepted all the same, as
// RFC 9568 §7.1 leaves open: refusing it would give two masters for the sake of a configuration error.
func (m *Machine) compareAddresses(a *wire.Advert, from *peer) {
	if slices.Equal(a.Addresses, m.vips) {
		from.mismatches.end(MismatchAddresses)
		return
	}
	if len(a.Addresses) == len(m.vips) {
		if m.spec.SkipCheckAdvAddr && m.state == Backup && from.Source == m.master.Source {
			return
		}
		absent := func(vip netip.Addr) bool { return !slices.Contains(a.Addresses, vip) }
		if !slices.ContainsFunc(m.vips, absent) {
			from.mismatches.end(MismatchAddresses)
			return
		}
	}
	m.counters.AddressListErrors++
	from.mismatches.note(m.now, m.compareLists(a.Addresses))
	m.reportOnce(from, Report{Kind: ReportAddressesDiffer, Theirs: len(a.Addresses), Ours: len(m.vips)})
}

// reject counts a refused packet and reports the first of its kind. It returns what verify does.
func (m *Machine) reject(reason wire.DropReason, src netip.Addr, theirs, ours int) (*peer, bool) {
	c := &m.counters
	switch reason {
	case wire.DropTruncated, wire.DropLength:
		c.LengthErrors++
	case wire.DropTTL:
		c.TTLErrors++
	case wire.DropVersion:
		c.VersionErrors++
	case wire.DropAuthTypeInvalid:
		c.InvalidAuthTypes++
	case wire.DropAuthTypeMismatch:
		c.AuthTypeMismatches++
	case wire.DropAuthFailure, wire.DropSPI, wire.DropSequence:
		c.AuthFailures++
	case wire.DropInterval:
		c.IntervalErrors++
	case wire.DropType:
		c.InvalidTypeErrors++
	case wire.DropChecksum:
		c.ChecksumErrors++
	case wire.DropAddressCount, wire.DropAddressList:
		c.AddressListErrors++
	case wire.DropTrailerMissing:
		c.TrailersMissing++
	case wire.DropTrailerMalformed:
		c.TrailersMalformed++
	case wire.DropKeyUnknown:
		c.KeysUnknown++
	case wire.DropHMAC:
		c.HMACFailures++
	case wire.DropStale:
		c.Stale++
	case wire.DropReplay:
		c.Replayed++
	case wire.DropNotPeer:
		c.NotPeers++
	case wire.DropOwner:
		c.OwnerIgnored++
	}
	from := m.peers.find(m.now, src, false)
	from.Rejected++
	from.Reason = reason
	m.reportOnce(from, Report{Kind: ReportRejected, Theirs: theirs, Ours: ours, Rejected: reason})
	return nil, false
}
