package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vigil/confparse"
)

// Pair returns what does not fit between the configurations of two directors, in the order of a's files and then b's.
// What only one file can say is Check's.
func Pair(a, b File) confparse.Diagnostics {
	p := &pair{a: &checker{f: a}, b: &checker{f: b}}
	p.instances()
	p.groups()
	p.services()
	p.syncDaemons()
	return append(Sort(p.a.found, a), Sort(p.b.found, b)...)
}

// pair compares a with b. A difference is reported at its place in a, with b's place next to it; what only b has, in b.
type pair struct {
	a, b *checker
}

func there(r confparse.Range) confparse.Place {
	return confparse.Place{Range: r, Note: "on the other director"}
}

// counterpart returns the instance of c that speaks to vi: the same virtual router, else the same name. A virtual
// router id may be used again on another link, where the name, and then the interface, decides.
func counterpart(c *confparse.Config, vi *confparse.VRRPInstance) *confparse.VRRPInstance {
	var found *confparse.VRRPInstance
	score := 0
	for _, other := range c.Instances {
		s := 0
		if other.VirtualRouterID == vi.VirtualRouterID && other.Family == vi.Family {
			s = 4
			if other.Interface == vi.Interface {
				s++
			}
		}
		if other.Name == vi.Name {
			s += 2
		}
		if s > score && (s >= 4 || other.Family == vi.Family) {
			found, score = other, s
		}
	}
	return found
}

func (p *pair) instances() {
	for _, vi := range p.a.f.Config.Instances {
		other := counterpart(p.b.f.Config, vi)
		if other == nil || counterpart(p.a.f.Config, other) != vi {
			p.a.report(PairMissing, vi.Range, fmt.Sprintf("(%s) the other director has no instance with virtual_router_id %d",
				vi.Name, vi.VirtualRouterID), "nobody takes over its addresses")
			continue
		}
		p.instance(vi, other)
	}
	for _, vi := range p.b.f.Config.Instances {
		other := counterpart(p.a.f.Config, vi)
		if other == nil || counterpart(p.b.f.Config, other) != vi {
			p.b.report(PairMissing, vi.Range, fmt.Sprintf("(%s) the other director has no instance with virtual_router_id %d",
				vi.Name, vi.VirtualRouterID), "nobody takes over its addresses")
		}
	}
}

// instance compares two instances that are meant to be one virtual router.
func (p *pair) instance(a, b *confparse.VRRPInstance) {
	differ := func(code confparse.Code, detail, format string, args ...any) {
		p.a.report(code, a.Range, fmt.Sprintf("(%s) ", a.Name)+fmt.Sprintf(format, args...), detail, there(b.Range))
	}
	if a.VirtualRouterID != b.VirtualRouterID {
		differ(PairVRID, "they do not hear each other: both become master", "virtual_router_id %d here, %d there",
			a.VirtualRouterID, b.VirtualRouterID)
		return
	}
	if a.Version != b.Version {
		differ(PairVersion, "each discards the other's adverts: both become master", "version %d here, %d there", a.Version, b.Version)
	}
	p.addresses(a, b)
	if a.AdvertInterval != b.AdvertInterval {
		if a.Version == 2 || b.Version == 2 {
			differ(PairInterval, "version 2 discards adverts of another interval: both become master", "advert_int %s here, %s there",
				a.AdvertInterval, b.AdvertInterval)
		} else {
			p.a.reportAs(confparse.Warning, PairInterval, a.Range, fmt.Sprintf("(%s) advert_int %s here, %s there", a.Name,
				a.AdvertInterval, b.AdvertInterval),
				"version 3 follows the master's interval, so how fast a dead master is noticed depends on who is master", there(b.Range))
		}
	}
	switch {
	case a.AuthType != b.AuthType:
		differ(PairAuthentication, "each discards the other's adverts: both become master", "auth_type %s here, %s there",
			authName(a.AuthType), authName(b.AuthType))
	case a.AuthPass != b.AuthPass:
		differ(PairAuthentication, "each discards the other's adverts: both become master; only the first 8 bytes count",
			"the passwords differ")
	case (a.HMAC == nil) != (b.HMAC == nil):
		differ(PairAuthentication, "", "only one director has auth_hmac")
	}
	if a.Version == 3 && b.Version == 3 && (a.ChecksumAsV2 != b.ChecksumAsV2 ||
		len(a.UnicastPeers) > 0 && a.OldUnicastChecksum != b.OldUnicastChecksum) {
		differ(PairChecksum, "the one without it discards the other's adverts: both become master",
			"v3_checksum_as_v2 or old_unicast_checksum is not the same on both")
	}
	p.transport(a, b)
	p.priorities(a, b)
}

func authName(t confparse.AuthType) string {
	switch t {
	case confparse.AuthPass:
		return "PASS"
	case confparse.AuthAH:
		return "AH"
	}
	return "none"
}

// addresses compares the lists of virtual addresses. An advert names the advertised ones, and one that names others is
// discarded.
func (p *pair) addresses(a, b *confparse.VRRPInstance) {
	missing := func(from, in []confparse.VirtualAddress) (list []netip.Addr) {
		for _, v := range from {
			if !slices.ContainsFunc(in, func(w confparse.VirtualAddress) bool { return v.Prefix.Addr() == w.Prefix.Addr() }) {
				list = append(list, v.Prefix.Addr())
			}
		}
		return list
	}
	compare := func(code confparse.Code, va, vb []confparse.VirtualAddress, word, detail string) {
		here, missed := missing(va, vb), missing(vb, va)
		if len(here) == 0 && len(missed) == 0 {
			return
		}
		var parts []string
		if len(here) > 0 {
			parts = append(parts, "only here: "+joinAddrs(here))
		}
		if len(missed) > 0 {
			parts = append(parts, "only there: "+joinAddrs(missed))
		}
		p.a.report(code, a.Range, fmt.Sprintf("(%s) %s differs; %s", a.Name, word, strings.Join(parts, "; ")), detail, there(b.Range))
	}
	compare(PairAddresses, a.VirtualAddresses, b.VirtualAddresses, "virtual_ipaddress",
		"an advert with other addresses is discarded: both become master")
	compare(PairExcluded, a.ExcludedAddresses, b.ExcludedAddresses, "virtual_ipaddress_excluded",
		"after a failover the missing addresses are nowhere")
}

func joinAddrs(list []netip.Addr) string {
	var words []string
	for _, a := range list {
		words = append(words, a.String())
	}
	return strings.Join(words, ", ")
}

// transport compares where adverts go.
func (p *pair) transport(a, b *confparse.VRRPInstance) {
	unicast := func(vi *confparse.VRRPInstance) bool { return len(vi.UnicastPeers) > 0 }
	switch {
	case unicast(a) != unicast(b):
		word := func(vi *confparse.VRRPInstance) string {
			if unicast(vi) {
				return "unicast"
			}
			return "multicast"
		}
		p.a.report(PairTransport, a.Range, fmt.Sprintf("(%s) %s here, %s there", a.Name, word(a), word(b)),
			"they do not hear each other: both become master", there(b.Range))
	case !unicast(a):
		if a.MulticastGroup != b.MulticastGroup {
			p.a.report(PairTransport, a.Range, fmt.Sprintf("(%s) multicast group %s here, %s there", a.Name, a.MulticastGroup,
				b.MulticastGroup), "they do not hear each other: both become master", there(b.Range))
		}
	case a.UnicastSource.IsValid() && a.UnicastSource == b.UnicastSource:
		p.a.report(PairSource, a.Range, fmt.Sprintf("(%s) unicast_src_ip %s on both directors", a.Name, a.UnicastSource),
			"each director has an address of its own", there(b.Range))
	default:
		p.a.lists(a, b)
		p.b.lists(b, a)
	}
}

// lists reports a unicast_peer list without the other director's source address, when that is written.
func (c *checker) lists(vi, other *confparse.VRRPInstance) {
	if !other.UnicastSource.IsValid() || slices.ContainsFunc(vi.UnicastPeers, func(p confparse.UnicastPeer) bool {
		return p.Addr == other.UnicastSource
	}) {
		return
	}
	c.report(PairPeers, vi.Range, fmt.Sprintf("(%s) unicast_peer does not list %s, the other director's unicast_src_ip", vi.Name,
		other.UnicastSource), "it hears nothing from this one and becomes master as well", there(other.Range))
}

// priorities compares who is to be master, and whether what one director tracks makes the other one master.
func (p *pair) priorities(a, b *confparse.VRRPInstance) {
	ta, tb := trackersOf(p.a.f.Config, a), trackersOf(p.b.f.Config, b)
	ea, eb := normal(a, ta), normal(b, tb)
	switch {
	case ea == owner && eb == owner:
		p.a.reportAs(confparse.Error, PairTie, a.Range, fmt.Sprintf("(%s) priority 255 on both directors", a.Name),
			"255 is for the one that owns the addresses for good; two of them never agree", there(b.Range))
		return
	case ea == eb:
		p.a.report(PairTie, a.Range, fmt.Sprintf("(%s) both directors have priority %d when all is well", a.Name, ea),
			"whoever is first stays master, and when both are, the higher address wins; give one of them more", there(b.Range))
		return
	case ea > eb:
		p.takeover(p.a, a, ta, b, eb)
	default:
		p.takeover(p.b, b, tb, a, ea)
	}
}

// normal returns the priority of vi when all is well.
func normal(vi *confparse.VRRPInstance, trackers []tracker) int {
	if vi.Priority == owner {
		return owner
	}
	return effective(best(vi, trackers))
}

// takeover judges whether the backup takes over from the master, which c's file configures.
func (p *pair) takeover(c *checker, master *confparse.VRRPInstance, trackers []tracker, backup *confparse.VRRPInstance, priority int) {
	if backup.NoPreempt {
		if len(trackers) > 0 {
			c.report(PairWeight, trackers[0].at,
				fmt.Sprintf("(%s) no weight makes the other director take over: it has nopreempt", master.Name),
				"a director with nopreempt leaves a living master alone whatever its priority; "+
					"a weight of 0 means FAULT, which it does notice", there(backup.Range))
		}
		if !master.NoPreempt {
			c.report(PairNoPreempt, master.Range,
				fmt.Sprintf("(%s) only the director of lower priority has nopreempt", master.Name),
				"this one still takes the addresses back; nopreempt belongs on the director of higher priority", there(backup.Range))
		}
		return
	}
	c.tooSmall(PairWeight, master, trackers, priority, there(backup.Range))
}
