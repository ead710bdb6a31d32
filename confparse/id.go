package confparse

import (
	"net/netip"
	"strconv"
	"strings"
)

// InstanceName is the name of a vrrp_instance, as written.
type InstanceName string

// GroupName is the name of a vrrp_sync_group, as written.
type GroupName string

// Family is an address family: IPv4 or IPv6. The zero value means "not known".
type Family uint8

// The address families, numbered as the IP version.
const (
	FamilyUnknown Family = 0
	IPv4          Family = 4
	IPv6          Family = 6
)

// FamilyOf returns the family of a valid address and FamilyUnknown of the zero Addr.
func FamilyOf(a netip.Addr) Family {
	switch {
	case a.Is4() || a.Is4In6():
		return IPv4
	case a.Is6():
		return IPv6
	}
	return FamilyUnknown
}

// String returns "IPv4", "IPv6" or "unknown".
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return "unknown"
}

// Protocol is a transport protocol number (RFC 5237, IANA): 6, 17 or 132; 0 on a fwmark service.
type Protocol uint8

// The protocols a virtual service can have.
const (
	ProtocolNone Protocol = 0
	TCP          Protocol = 6
	UDP          Protocol = 17
	SCTP         Protocol = 132
)

// String returns keepalived's word for p in logs: tcp, udp, sctp or none.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	}
	return "none"
}

// VirtualServerID identifies a virtual_server the way keepalived matches one across a reload: by address, by
// firewall mark, or by group name and ordinal among the users of that group. It is comparable and a map key.
type VirtualServerID struct {
	Family   Family
	Protocol Protocol   // 0 for a fwmark service
	Addr     netip.Addr // invalid for fwmark and group services
	Port     uint16
	Fwmark   uint32 // 0 when not a fwmark service
	Group    string // "" when not a group service
	Ordinal  int    // 0-based among the virtual servers that use Group
}

// String returns the name keepalived prints in logs, FIFO lines and mails: "[192.0.2.1]:tcp:80", "FWM 5" or "[GROUP]:0".
func (id VirtualServerID) String() string {
	switch {
	case id.Group != "":
		return "[" + id.Group + "]:" + strconv.Itoa(id.Ordinal)
	case id.Fwmark != 0:
		return "FWM " + strconv.FormatUint(uint64(id.Fwmark), 10)
	}
	return endpoint(id.Addr, id.Protocol, id.Port)
}

// Series returns the name under which a virtual server has a time series: String, and the family where there can be
// another virtual server of that name, as of a firewall mark ("FWM 5 IPv6").
func (id VirtualServerID) Series() string {
	if id.Group != "" || id.Fwmark == 0 {
		return id.String()
	}
	family := id.Family
	if family == FamilyUnknown {
		family = IPv4 // as in the kernel
	}
	return id.String() + " " + family.String()
}

// RealServerID identifies a real_server inside its virtual server, by address and port after the corrections of
// validation (DR and TUN take the virtual server's port).
type RealServerID struct {
	VS   VirtualServerID
	Addr netip.Addr
	Port uint16
}

// String returns the name keepalived prints: "[192.0.2.10]:tcp:80"; under a fwmark service "[192.0.2.10]:none:0".
func (id RealServerID) String() string { return endpoint(id.Addr, id.VS.Protocol, id.Port) }

// CheckerID identifies one checker of a real server: its kind and its ordinal among that server's checkers of the kind.
type CheckerID struct {
	RS      RealServerID
	Kind    CheckerKind
	Ordinal int
}

func endpoint(a netip.Addr, p Protocol, port uint16) string {
	var b strings.Builder
	b.WriteByte('[')
	if a.IsValid() {
		b.WriteString(a.String())
	}
	b.WriteString("]:")
	b.WriteString(p.String())
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(int(port)))
	return b.String()
}
