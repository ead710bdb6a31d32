package confparse

import (
	"net/netip"
	"time"
)

// RouteType is a route's type, numbered as rtnetlink's RTN_*.
type RouteType uint8

// RouteUnicast is the type of an ordinary route.
const RouteUnicast RouteType = 1

// Route is one line of virtual_routes or static_routes.
type Route struct {
	Range        Range
	Family       Family
	Type         RouteType
	Dest         netip.Prefix // 0.0.0.0/0 or ::/0 for default
	From         netip.Prefix // IPv6 source prefix; invalid = none
	Source       netip.Addr   // src
	Hop          NextHop
	Hops         []NextHop // nexthop …
	Table        uint32    // 254 = main
	Scope        uint8
	ScopeSet     bool
	Metric       uint32
	MetricSet    bool
	TOS          uint8
	Protocol     uint8 // 18
	Metrics      []RouteMetric
	Features     uint32
	Congestion   string // congctl
	Expires      time.Duration
	Preference   string // pref: low, medium, high or a number
	TTLPropagate Switch
	Position     string // add, prepend or append
	VRF          string
	NoTrack      bool
	TrackGroup   string
}

// NextHop is a gateway of a route.
type NextHop struct {
	Via       netip.Addr // may be of the other family
	Interface string
	OnLink    bool
	Weight    int    // 1..256
	Realms    uint32 // source<<16 | destination
	Encap     Encap
}

// Encap is a lightweight tunnel encapsulation.
type Encap struct {
	Kind     string // ip, ip6, mpls, ila or ""
	ID       uint64
	Dst, Src netip.Addr
	TOS, TTL uint8
	Flags    uint16
	Labels   []uint32 // mpls
	Locator  uint64   // ila
}

// RouteMetric is one of the numeric metrics of a route, such as mtu.
type RouteMetric struct {
	Name  string
	Value uint32
	Lock  bool
}

// RuleAction is what a policy rule does.
type RuleAction uint8

// The actions of rules.
const (
	RuleTable RuleAction = iota + 1
	RuleGoto
	RuleNop
	RuleBlackhole
	RuleUnreachable
	RuleProhibit
	RuleL3MDev
)

// Rule is one line of virtual_rules or static_rules.
type Rule struct {
	Range           Range
	Family          Family
	Not             bool
	From, To        netip.Prefix // invalid = any
	Preference      uint32
	Action          RuleAction
	Table           uint32
	Goto            uint32
	TOS             uint8
	Mark, MarkMask  uint32
	MarkSet         bool
	IIF, OIF        string
	Realms          uint32
	SuppressLength  int    // -1 = none
	SuppressGroup   uint32 // 0 = none
	TunnelID        uint64
	UIDLow, UIDHigh uint32
	UIDSet          bool
	IPProto         uint8
	SourcePorts     PortRange
	DestPorts       PortRange
	Protocol        uint8 // 18
	NoTrack         bool
	TrackGroup      string
}

// PortRange is an inclusive range; the zero value means any.
type PortRange struct{ First, Last uint16 }
