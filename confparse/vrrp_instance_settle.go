package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse/diag"
)

// settleVRRP settles what depends on the whole configuration: defaults that instances inherit, corrections
// keepalived makes, and whether instances and groups fit together.
func (d *decoder) settleVRRP() {
	for _, vi := range d.order {
		d.settleFamily(vi)
		d.settleIdentity(vi)
		d.settleAnswers(vi)
		d.settleStrict(vi)
		d.settlePreemption(vi)
		d.settleAuthentication(vi)
		d.settleHMAC(vi)
		d.settleVMAC(vi)
		d.settleTransport(vi)
		d.settleGARP(vi)
		d.settleTracking(vi)
		d.cfg.Instances = append(d.cfg.Instances, vi.VRRPInstance)
	}
	d.settleGroups()
	d.dropUnrunnable()
	d.duplicateVRIDs()
}

// settleFamily finds the address family from the first virtual address, source, peer or group, and drops what does
// not fit it.
func (d *decoder) settleFamily(vi *instanceScratch) {
	candidates := make([]netip.Addr, 0, 5)
	if len(vi.VirtualAddresses) > 0 {
		candidates = append(candidates, vi.VirtualAddresses[0].Prefix.Addr())
	}
	candidates = append(candidates, vi.MulticastSource, vi.UnicastSource)
	if len(vi.UnicastPeers) > 0 {
		candidates = append(candidates, vi.UnicastPeers[0].Addr)
	}
	candidates = append(candidates, vi.MulticastGroup)
	vi.Family = IPv4
	if vi.nativeIPv6 {
		vi.Family = IPv6
	}
	for _, a := range candidates {
		if a.IsValid() && !vi.nativeIPv6 {
			vi.Family = FamilyOf(a)
			break
		}
	}
	fits := func(a netip.Addr, at Range, what string) bool {
		if FamilyOf(a) == vi.Family {
			return true
		}
		d.report(vi.node, at, diag.CodeFamilyMismatch,
			fmt.Sprintf("(%s) %s %s is not %s like the instance - ignoring", vi.Name, what, a, vi.Family), "")
		return false
	}
	vi.VirtualAddresses = slices.DeleteFunc(vi.VirtualAddresses, func(a VirtualAddress) bool {
		return !fits(a.Prefix.Addr(), a.Range, "address")
	})
	vi.UnicastPeers = slices.DeleteFunc(vi.UnicastPeers, func(p UnicastPeer) bool {
		return !fits(p.Addr, p.Range, "unicast peer")
	})
	for _, a := range []*netip.Addr{&vi.MulticastSource, &vi.UnicastSource, &vi.MulticastGroup} {
		if a.IsValid() && !fits(*a, vi.Range, "address") {
			*a = netip.Addr{}
		}
	}
}

// settleIdentity fills version, priority, state and what has no default.
func (d *decoder) settleIdentity(vi *instanceScratch) {
	vi.Strict = vi.strict.or(d.gs.strict)
	d.settleVersion(vi)
	switch {
	case vi.wantMaster:
		vi.State = StateMaster
	case vi.wantBackup:
		vi.State = StateBackup
	}
	prio := uint8(100)
	if vi.State == StateMaster {
		prio = 255
	}
	vi.Priority = vi.priority.or(prio)
	vi.DownTimerAdverts = vi.downTimer.or(d.gs.downTimer.or(3))
	vi.SkipCheckAdvAddr = vi.skipCheck.or(d.gs.skipCheck)
	vi.ChecksumAsV2 = vi.checksumAsV2.or(d.cfg.Global.ChecksumAsV2)
	if !vi.extraSet {
		vi.ExtraGARP, vi.ExtraGARPAll = d.cfg.Global.ExtraGARP, d.cfg.Global.ExtraGARPAll
	}
	if vi.VirtualRouterID == 0 {
		d.about(orNode(vi.badVRID, vi.node), diag.CodeNoVRID, fmt.Sprintf("(%s) the virtual router id must be set", vi.Name), "")
	}
	d.settleNoInterface(vi)
	d.settleNoAddress(vi)
	d.settleCapacity(vi)
	d.settleInterval(vi)
}

// settleVersion fills the version of the protocol.
func (d *decoder) settleVersion(vi *instanceScratch) {
	def := d.cfg.Global.VRRPVersion
	if vi.Family == IPv6 {
		def = 3
	}
	vi.Version = vi.version.or(def)
	if vi.Strict && vi.Family == IPv6 && vi.Version == 2 {
		d.strictly(vi, "(%s) cannot use IPv6 with VRRP version 2; setting version 3", "")
		vi.Version = 3
	}
}

// settleNoAddress reports an instance that has no address to advertise, which only version 2 knows, and strict mode not even
// there.
func (d *decoder) settleNoAddress(vi *instanceScratch) {
	switch {
	case len(vi.VirtualAddresses) > 0:
	case vi.Strict:
		d.about(vi.node, diag.CodeVIPRequired, fmt.Sprintf("(%s) No VIP specified; at least one is required", vi.Name),
			"strict mode knows no router without one")
	case vi.NoVirtualAddress:
	case vi.Version == 3:
		d.about(vi.node, diag.CodeVIPRequired, fmt.Sprintf("(%s) No VIP specified; at least one is required", vi.Name),
			"an advert of version 3 has one; no_virtual_ipaddress says that it is meant, from keepalived 2.2.8 on")
	default:
		d.about(vi.node, diag.CodeNoVIP, fmt.Sprintf("(%s) No VIP specified; at least one is sensible", vi.Name), "")
	}
}

// settleCapacity moves addresses that an advert has no room for to those that are not announced in it.
func (d *decoder) settleCapacity(vi *instanceScratch) {
	mtu := AssumedMTU
	if ask := d.env.System.MTU; ask != nil {
		if known, ok := ask(vi.Interface); ok {
			mtu = known
		}
	}
	form := AdvertForm{Family: vi.Family, Version: vi.Version, AH: vi.AuthType == AuthAH, Signed: vi.HMAC.Signs()}
	limit, n := form.Capacity(mtu), len(vi.VirtualAddresses)
	if n <= limit {
		return
	}
	d.report(vi.node, vi.VirtualAddresses[limit].Range, diag.CodeTooManyVIPs, fmt.Sprintf("(%s) Number of VIPs (%d) exceeds "+
		"maximum/space available in packet (max %d addresses) - excess moved to eVIPs", vi.Name, n, limit),
		"from here on they belong in virtual_ipaddress_excluded")
	vi.ExcludedAddresses = append(slices.Clone(vi.VirtualAddresses[limit:]), vi.ExcludedAddresses...)
	vi.VirtualAddresses = vi.VirtualAddresses[:limit:limit]
}

// settleInterval rounds the advertisement interval to what the protocol version can carry: whole seconds in VRRPv2
// (RFC 3768 §5.3.7), centiseconds up to 40.95 s in VRRPv3 (RFC 9568 §5.2.7).
func (d *decoder) settleInterval(vi *instanceScratch) {
	want := vi.AdvertInterval
	unit, limit := 10*time.Millisecond, 4095*10*time.Millisecond
	if vi.Version == 2 {
		unit, limit = time.Second, 255*time.Second
	}
	got := max((want+unit/2)/unit*unit, unit)
	got = min(got, limit)
	vi.AdvertInterval = got
	if got != want && vi.advertAt != nil {
		summary := fmt.Sprintf("VRRPv%d advertisement interval %.6fs must be ", vi.Version, want.Seconds())
		switch {
		case want > limit:
			summary = fmt.Sprintf("VRRPv3 advertisement interval %.2fs is out of range. Must be less than 40.96s. "+
				"Setting to 40.95s", want.Seconds())
		case vi.Version == 2:
			summary += "an integer. rounding"
		default:
			summary += "in units of 10ms - rounding"
		}
		d.about(vi.advertAt, diag.CodeIntervalRounded, fmt.Sprintf("(%s) %s", vi.Name, summary),
			fmt.Sprintf("%s s is used: VRRP version %d has steps of %s s, at most %s s", micros(got.Microseconds()),
				vi.Version, micros(unit.Microseconds()), micros(limit.Microseconds())))
	}
}

// settleAnswers fills in how an instance answers others and what it accepts, which strict mode decides where nothing is
// said.
func (d *decoder) settleAnswers(vi *instanceScratch) {
	vi.LowerPriorityNoAdvert = vi.lowerNoAdvert.or(d.gs.lowerNoAdvert.or(vi.Strict))
	// Unlike keepalived, on by default: a master of a higher priority that has not heard us does not know that the
	// neighbours believe us, and would not announce itself again.
	vi.HigherPrioritySendAdvert = vi.higherSend.or(d.gs.higherSend.or(true))
	vi.Accept = vi.accept.or(!vi.Strict || vi.Priority == 255)
	vi.OwnerIgnoreAdverts = vi.ownerIgnore.or(d.cfg.Global.OwnerIgnoreAdverts) || vi.Strict && vi.Priority == 255
}

// settlePreemption clears what contradicts the initial state.
func (d *decoder) settlePreemption(vi *instanceScratch) {
	if vi.NoPreempt && vi.State == StateMaster {
		d.about(vi.noPreemptAt, diag.CodeNoPreemptMaster,
			fmt.Sprintf("(%s) Warning - nopreempt will not work with initial state MASTER - clearing", vi.Name),
			"write state BACKUP on both directors")
		vi.NoPreempt = false
	}
	if vi.NoPreempt && vi.Priority == 255 {
		d.about(vi.noPreemptAt, diag.CodeNoPreemptMaster,
			fmt.Sprintf("(%s) nopreempt is incompatible with priority 255 - clearing", vi.Name), "")
		vi.NoPreempt = false
	}
	if vi.PreemptDelay == 0 {
		return
	}
	why := ""
	switch {
	case vi.State == StateMaster || vi.State == StateUnset && vi.Priority == 255:
		why = "initial state MASTER"
	case vi.NoPreempt:
		why = "nopreempt"
	case vi.Priority == 255: // an address owner never waits (RFC 9568 §6.1)
		vi.PreemptDelay = 0
		return
	default:
		return
	}
	d.about(vi.preemptDelayAt, diag.CodePreemptDelay,
		fmt.Sprintf("(%s) Warning - preempt delay will not work with %s - clearing", vi.Name, why), "")
	vi.PreemptDelay = 0
}

// settleTransport fills the multicast group and undoes unicast settings that have no peer.
func (d *decoder) settleTransport(vi *instanceScratch) {
	if !vi.MulticastGroup.IsValid() {
		vi.MulticastGroup = d.cfg.Global.VRRPMulticast4
		if vi.Family == IPv6 {
			vi.MulticastGroup = d.cfg.Global.VRRPMulticast6
		}
	}
	if len(vi.UnicastPeers) > 0 {
		return
	}
	if vi.unicast {
		if !vi.unreachable() {
			d.about(vi.node, diag.CodeUnicastNoPeer, fmt.Sprintf("(%s) A unicast keyword has been specified without any "+
				"unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration.",
				vi.Name), "")
		}
		if vi.UnicastSource.IsValid() && !vi.MulticastSource.IsValid() {
			vi.MulticastSource = vi.UnicastSource
		}
		vi.UnicastSource = netip.Addr{}
	}
	if vi.ttlAt != nil {
		d.untilEnd(vi.ttlAt, vi.node, diag.CodeUnicastNoPeer, fmt.Sprintf(
			"(%s): Cannot use unicast_ttl without unicast peers - resetting", vi.Name), "multicast adverts always have 255 (RFC 9568 §5.1.1.3)")
		vi.UnicastTTL = 255
	}
}
