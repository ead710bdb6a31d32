package ipvs

import (
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse"
)

// Table is the content of an IPVS table, or a part of it: services and their destinations.
type Table map[ServiceKey]Service

// Service is one virtual service with its destinations.
type Service struct {
	Attrs ServiceAttrs
	Dests map[DestKey]DestAttrs
}

// ServiceKey is what the kernel identifies a virtual service by: family, protocol, address and port, or family and
// firewall mark. A non-zero Fwmark makes it a firewall-mark service; the other address fields are zero then.
type ServiceKey struct {
	Addr     netip.Addr
	Fwmark   uint32
	Port     uint16
	Family   confparse.Family
	Protocol confparse.Protocol
}

// ServiceAttrs is what can be changed about a service while it exists.
type ServiceAttrs struct {
	Scheduler string
	PE        string // persistence engine; "" = none
	Flags     Flags
	Timeout   uint32 // of persistence, seconds
	Netmask   uint32 // persistence granularity: IPv4 the mask (255.255.255.0 = 0xffffff00), IPv6 the prefix length
}

// Flags are the kernel's IP_VS_SVC_F_* bits.
type Flags uint32

// The flags with a meaning of their own; the scheduler's bits are confparse.SchedulerFlags. Hashed is set by the
// kernel alone and is masked wherever flags are read or compared.
const (
	Persistent Flags = 0x0001
	Hashed     Flags = 0x0002
	OnePacket  Flags = 0x0004
)

// DestKey is what the kernel identifies a destination of a service by. The family is the address's: it differs from
// the service's only for tunnels.
type DestKey = netip.AddrPort

// DestAttrs is what can be changed about a destination while it exists.
type DestAttrs struct {
	Weight         int32 // 0 = no new connections
	UpperThreshold uint32
	LowerThreshold uint32
	Forwarding     confparse.Forwarding
	Tunnel         confparse.Tunnel // meaningful with Forwarding TUN
}

// Equal reports whether a and b have the same attributes, the kernel's own Hashed bit aside.
func (a ServiceAttrs) Equal(b ServiceAttrs) bool {
	a.Flags &^= Hashed
	b.Flags &^= Hashed
	return a == b
}

// Equal reports whether both tables have the same services with the same destinations.
func (t Table) Equal(o Table) bool { return maps.EqualFunc(t, o, Service.Equal) }

// Equal reports whether both services have the same attributes and destinations.
func (s Service) Equal(o Service) bool { return s.Attrs.Equal(o.Attrs) && maps.Equal(s.Dests, o.Dests) }

// String returns the key as ipvsadm's listing and the state file write it: "tcp 192.0.2.1:80",
// "udp [2001:db8::1]:53" or "fwmark 5 IPv4".
func (k ServiceKey) String() string {
	if k.Fwmark != 0 {
		return "fwmark " + strconv.FormatUint(uint64(k.Fwmark), 10) + " " + k.Family.String()
	}
	return k.Protocol.String() + " " + netip.AddrPortFrom(k.Addr, k.Port).String()
}

// MarshalText is String.
func (k ServiceKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (k *ServiceKey) UnmarshalText(b []byte) error {
	word, rest, _ := strings.Cut(string(b), " ")
	if word == "fwmark" {
		mark, family, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(mark, 10, 32)
		if err != nil || n == 0 {
			return fmt.Errorf("service key %q: bad firewall mark", b)
		}
		switch family {
		case confparse.IPv4.String():
			*k = ServiceKey{Family: confparse.IPv4, Fwmark: uint32(n)}
		case confparse.IPv6.String():
			*k = ServiceKey{Family: confparse.IPv6, Fwmark: uint32(n)}
		default:
			return fmt.Errorf("service key %q: bad family", b)
		}
		return nil
	}
	for _, p := range []confparse.Protocol{confparse.TCP, confparse.UDP, confparse.SCTP} {
		if word != p.String() {
			continue
		}
		ap, err := netip.ParseAddrPort(rest)
		if err != nil {
			return fmt.Errorf("service key %q: %w", b, err)
		}
		*k = addressKey(p, ap)
		return nil
	}
	return fmt.Errorf("service key %q: unknown protocol", b)
}

func addressKey(p confparse.Protocol, ap netip.AddrPort) ServiceKey {
	return ServiceKey{Family: wireFamily(ap.Addr()), Protocol: p, Addr: ap.Addr(), Port: ap.Port()}
}

// wireFamily is the family the kernel knows a by. An IPv4-mapped address is an IPv6 address to it.
func wireFamily(a netip.Addr) confparse.Family {
	switch {
	case a.Is4():
		return confparse.IPv4
	case a.Is6():
		return confparse.IPv6
	}
	return confparse.FamilyUnknown
}
