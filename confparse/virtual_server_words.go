package confparse

import (
	"fmt"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// defaultPersistence is what a bare persistence_timeout means, and what a service without a port gets.
const defaultPersistence = 360 * time.Second

func (d *decoder) ipFamily(s string, vs *serverScratch) {
	f := FamilyUnknown
	switch s {
	case "inet":
		f = IPv4
	case "inet6":
		f = IPv6
	}
	if f == FamilyUnknown || vs.family != FamilyUnknown && vs.family != f {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeFamilyMismatch,
			fmt.Sprintf("Virtual server specified family %s, but address family is %s - ignoring", s, vs.family),
			"use inet or inet6")
		return
	}
	vs.family = f
}

func (d *decoder) protocol(s string, vs *serverScratch) {
	switch strings.ToUpper(s) {
	case "TCP":
		vs.ID.Protocol = TCP
	case "UDP":
		vs.ID.Protocol = UDP
	case "SCTP":
		vs.ID.Protocol = SCTP
	default:
		vs.badProtocol = true
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Unknown protocol %s - ignoring", s),
			"use TCP, UDP or SCTP; without one it is UDP")
		return
	}
	vs.protocolSet, vs.protocolAt = true, d.n
}

func (d *decoder) persistenceTimeout(n *Node, vs *serverScratch) {
	if len(n.Args) == 0 {
		vs.PersistenceTimeout = defaultPersistence
		return
	}
	if v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 2678400)); ok {
		vs.PersistenceTimeout = time.Duration(v) * time.Second
	}
}

// granularity reads a dotted mask, or a prefix length for IPv6.
func (d *decoder) granularity(s string, vs *serverScratch) {
	n := d.n
	if strings.Contains(s, ".") {
		a, ok := parseAddr(s)
		if !ok || !a.Is4() || vs.family == IPv6 {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("Invalid IPv4 persistence_granularity '%s'", s), "")
			return
		}
		raw := a.As4()
		vs.PersistenceGranularity = uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
		vs.family = IPv4
	} else {
		if vs.family == IPv4 {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("Invalid IPv4 persistence_granularity '%s'", s), "write a mask such as 255.255.255.0")
			return
		}
		v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 128))
		if !ok {
			return
		}
		vs.PersistenceGranularity = uint32(v)
		vs.family = IPv6
	}
	vs.granularity = true
	if vs.PersistenceTimeout == 0 {
		vs.PersistenceTimeout = defaultPersistence
	}
}

// maxEngineName is IP_VS_PENAME_MAXLEN without its terminator.
const maxEngineName = 15

func (d *decoder) persistenceEngine(s string, vs *serverScratch) {
	if len(s) > maxEngineName {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeNameTruncated, fmt.Sprintf(
			"persistence_engine name '%s' too long - truncating", s), fmt.Sprintf("at most %d characters", maxEngineName))
		s = s[:maxEngineName]
	}
	vs.PersistenceEngine = s
}
