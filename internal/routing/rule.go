package routing

import (
	"fmt"
	"net/netip"
	"strings"
)

// The actions of rules (FR_ACT_*).
const (
	ActionTable       = 1
	ActionGoto        = 2
	ActionNop         = 3
	ActionBlackhole   = 6
	ActionUnreachable = 7
	ActionProhibit    = 8
)

// Rule is a policy rule: which packets, and what is done with them.
type Rule struct {
	IPv6           bool
	Not            bool
	From, To       netip.Prefix // invalid = any
	Preference     uint32
	Action         uint8
	L3MDev         bool // the table of the packet's VRF; with ActionTable
	Table          uint32
	Goto           uint32
	TOS            uint8
	Mark, MarkMask uint32
	MarkSet        bool
	IIF, OIF       string
	Realms         uint32
	SuppressLength int32 // -1 = none
	SuppressGroup  int32 // -1 = none
	TunnelID       uint64
	UIDs           Range
	UIDSet         bool
	IPProto        uint8 // 0 = any
	SourcePorts    Range // 0 to 0 = any
	DestPorts      Range
	Protocol       uint8 // RTPROT_*
}

// Range is an inclusive range of numbers.
type Range struct{ First, Last uint32 }

// String returns the rule in a few words, such as "rule 100 from 10.0.0.0/8 table 7".
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %d", r.Preference)
	if r.Not {
		b.WriteString(" not")
	}
	any := "0.0.0.0/0"
	if r.IPv6 {
		any = "::/0"
	}
	switch {
	case r.From.IsValid():
		fmt.Fprintf(&b, " from %s", r.From)
	default:
		fmt.Fprintf(&b, " from %s", any)
	}
	if r.To.IsValid() {
		fmt.Fprintf(&b, " to %s", r.To)
	}
	if r.IIF != "" {
		fmt.Fprintf(&b, " iif %s", r.IIF)
	}
	switch r.Action {
	case ActionTable:
		if r.L3MDev {
			b.WriteString(" l3mdev")
		} else {
			fmt.Fprintf(&b, " table %d", r.Table)
		}
	case ActionGoto:
		fmt.Fprintf(&b, " goto %d", r.Goto)
	default:
		b.WriteString(" " + map[uint8]string{ActionNop: "nop", ActionBlackhole: "blackhole",
			ActionUnreachable: "unreachable", ActionProhibit: "prohibit"}[r.Action])
	}
	return b.String()
}
