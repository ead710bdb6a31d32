// Package routing holds routes and policy rules as values: what a router puts into the kernel's tables besides addresses.
// All of them are comparable, and equal ones are the same. Interfaces are named, not numbered.
package routing

import (
	"fmt"
	"net/netip"
	"strings"
)

// Numbers of rtnetlink, which the kernel and everybody who prints routes share.
const (
	TypeUnicast   = 1
	TableMain     = 254
	ProtocolOwn   = 18 // RTPROT_KEEPALIVED: what is ours
	FeatureECN    = 1
	metricsByCode = 18 // RTAX_MAX + 1
)

// Route is one entry of a routing table.
type Route struct {
	Dest             netip.Prefix // its family is the route's
	From             netip.Prefix // IPv6: only packets from there; invalid = any
	Type             uint8        // RTN_*
	Table            uint32
	VRF              string // the table is that of this VRF; "" = Table
	TOS              uint8
	Metric           uint32 // priority; used with MetricSet
	MetricSet        bool
	Protocol         uint8 // RTPROT_*
	Scope            uint8 // RT_SCOPE_*
	Source           netip.Addr
	Hop              NextHop // of a route without Hops
	Hops             Hops    // of a multipath route
	Metrics          Metrics
	Congestion       string // algorithm of TCP
	CongestionLocked bool
	Expires          uint32 // seconds; 0 = never. IPv6 only
	Preference       Preference
	Propagate        Propagate
	Position         Position
}

// Preference is the router preference of an IPv6 route (RFC 4191), as the kernel has it, plus one; 0 = not given.
type Preference uint8

// Propagate says whether the TTL of IP is carried over into MPLS.
type Propagate uint8

// The values of Propagate.
const (
	PropagateUnset Propagate = iota
	PropagateOn
	PropagateOff
)

// Position is where a route goes among those of the same destination, TOS and metric.
type Position uint8

// The positions.
const (
	Prepend Position = iota // before them
	Append                  // after them
	Only                    // nowhere, if there is one
)

// Metrics are the numeric metrics by the kernel's code (RTAX_*).
type Metrics struct {
	Values [metricsByCode]uint32
	Set    uint32 // a bit for each one that is given
	Locked uint32 // a bit for each one that the kernel must not change
}

// Put gives a metric. One that was given already is replaced.
func (m *Metrics) Put(code int, value uint32, lock bool) {
	m.Values[code] = value
	m.Set |= 1 << code
	m.Locked &^= 1 << code
	if lock {
		m.Locked |= 1 << code
	}
}

// NextHop is where packets go.
type NextHop struct {
	Via    netip.Addr // may be of the other family; invalid = the destination is on the link
	Link   string     // interface; "" = the kernel finds it
	OnLink bool       // Via is reachable on Link, whatever the tables say
	Weight int        // 1 to 256, of Hops
	Realms uint32     // source<<16 | destination
	Encap  Encap
}

// Hops is a list of next hops that can be compared: nil is the empty one.
type Hops interface{ rest() Hops }

// Hop is a Hops with a first element.
type Hop struct {
	NextHop
	Rest Hops
}

func (h Hop) rest() Hops { return h.Rest }

// HopsOf returns the list of the next hops.
func HopsOf(list ...NextHop) Hops {
	var all Hops
	for i := len(list) - 1; i >= 0; i-- {
		all = Hop{list[i], all}
	}
	return all
}

// List returns the elements of h.
func List(h Hops) (list []NextHop) {
	for h != nil {
		list = append(list, h.(Hop).NextHop)
		h = h.rest()
	}
	return list
}

// EncapKind is a kind of lightweight tunnel (LWTUNNEL_ENCAP_*).
type EncapKind uint8

// The kinds.
const (
	EncapNone EncapKind = iota
	EncapMPLS
	EncapIP
	EncapILA
	EncapIP6
)

// Encap is what packets are put into on their way to a next hop.
type Encap struct {
	Kind     EncapKind
	ID       uint64
	Dst, Src netip.Addr
	TOS, TTL uint8
	Flags    uint16
	Labels   string // MPLS: a label stack, outermost first, in numbers with slashes between them
	Locator  uint64 // ILA
}

// Links returns the names of the interfaces that r needs.
func (r Route) Links() []string {
	var names []string
	for _, h := range append(List(r.Hops), r.Hop) {
		if h.Link != "" {
			names = append(names, h.Link)
		}
	}
	if r.VRF != "" {
		names = append(names, r.VRF)
	}
	return names
}

// String returns the route in a few words, such as "10.0.0.0/8 via 192.0.2.9 dev eth0 table 100".
func (r Route) String() string {
	var b strings.Builder
	if name, ok := typeNames[r.Type]; ok {
		b.WriteString(name + " ")
	}
	b.WriteString(r.Dest.String())
	for _, h := range append(List(r.Hops), r.Hop) {
		if h.Via.IsValid() {
			fmt.Fprintf(&b, " via %s", h.Via)
		}
		if h.Link != "" {
			fmt.Fprintf(&b, " dev %s", h.Link)
		}
	}
	switch {
	case r.VRF != "":
		fmt.Fprintf(&b, " vrf %s", r.VRF)
	case r.Table != TableMain:
		fmt.Fprintf(&b, " table %d", r.Table)
	}
	if r.MetricSet {
		fmt.Fprintf(&b, " metric %d", r.Metric)
	}
	return b.String()
}

// typeNames are the types that a route is not expected to have.
var typeNames = map[uint8]string{2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable",
	8: "prohibit", 9: "throw", 10: "nat"}
