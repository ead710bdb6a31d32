package ipvs

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
)

// Spec is what a configuration asks of IPVS, with every default explicit and no position in it. It is not changed
// after construction.
type Spec struct {
	Services     []ServiceSpec // in the order they are programmed; no two have the same Key
	FlushAtStart bool          // lvs_flush
	FlushOnStop  confparse.LVSFlushOnStop
}

// ServiceSpec is one kernel service of a virtual server. A virtual server that stands for several services has one
// ServiceSpec for each, with the same ID.
type ServiceSpec struct {
	ID          confparse.VirtualServerID
	Key         ServiceKey
	Attrs       ServiceAttrs
	Sorry       SorryServerSpec  // the zero value: none
	RealServers []RealServerSpec // in file order; no two are the same destination
}

// SorryServerSpec is the sorry_server of a virtual server: the destination that serves, alone and with weight 1,
// while the quorum is lost.
type SorryServerSpec struct {
	Addr       netip.Addr // invalid: there is none
	Port       uint16
	Forwarding confparse.Forwarding
	Tunnel     Tunnel
	Inhibit    bool // sorry_server_inhibit: present with weight 0 while it does not serve
}

// RealServerSpec is one real_server. Addr and Port are those of its confparse.RealServerID.
type RealServerSpec struct {
	Addr             netip.Addr
	Port             uint16
	Forwarding       confparse.Forwarding
	Tunnel           Tunnel
	InhibitOnFailure bool  // inhibit_on_failure: weight 0 instead of removal while it is down
	Weight           int32 // as configured
	UpperThreshold   uint32
	LowerThreshold   uint32
}

// FromConfig derives the Spec of a configuration. Of several virtual servers with one kernel identity, and of several
// real servers of one virtual server with one destination, the first counts. c may not leave anything out as unchanged.
func FromConfig(c *confparse.Config) Spec {
	s, _ := Spec{}.Updated(c)
	return s
}

// Updated is FromConfig for a configuration that was loaded knowing the one s is of: virtual servers that are unchanged
// are taken from s. It returns false when s lacks one of them.
func (s Spec) Updated(c *confparse.Config) (next Spec, ok bool) {
	known := make(map[confparse.VirtualServerID]int, len(s.Services))
	for i := range s.Services {
		known[s.Services[i].ID] = i
	}
	next = Spec{FlushAtStart: c.Global.LVSFlush, FlushOnStop: c.Global.LVSFlushOnStop}
	services := make(map[ServiceKey]bool, len(c.VirtualServers))
	next.Services = make([]ServiceSpec, 0, len(c.VirtualServers))
	var seen destSet
	for _, vs := range c.VirtualServers {
		var service ServiceSpec
		if i, found := known[vs.ID]; !vs.Unchanged {
			if service, ok = serviceSpec(vs, &seen); !ok {
				continue
			}
		} else if found {
			service = s.Services[i]
		} else {
			return Spec{}, false
		}
		if services[service.Key] {
			continue
		}
		services[service.Key] = true
		next.Services = append(next.Services, service)
	}
	return next, true
}

// Equal reports whether both specs ask for the same.
func (s Spec) Equal(o Spec) bool {
	return s.FlushAtStart == o.FlushAtStart && s.FlushOnStop == o.FlushOnStop &&
		slices.EqualFunc(s.Services, o.Services, ServiceSpec.Equal)
}

// Equal reports whether both ask for the same service with the same servers in the same order.
func (s ServiceSpec) Equal(o ServiceSpec) bool {
	return s.ID == o.ID && s.Key == o.Key && s.Attrs == o.Attrs && s.Sorry == o.Sorry &&
		slices.Equal(s.RealServers, o.RealServers)
}

// serviceSpec derives one service. seen is scratch space.
func serviceSpec(vs *confparse.VirtualServer, seen *destSet) (ServiceSpec, bool) {
	key, ok := serviceKey(vs.ID)
	if !ok {
		return ServiceSpec{}, false
	}
	s := ServiceSpec{ID: vs.ID, Key: key, Attrs: serviceAttrs(vs, key.Family)}
	if ss := vs.SorryServer; ss != nil && ss.Addr.IsValid() {
		s.Sorry = SorryServerSpec{Addr: ss.Addr.Unmap(), Port: ss.Port, Forwarding: ss.Forwarding, Inhibit: ss.Inhibit}
	}
	s.RealServers = make([]RealServerSpec, 0, len(vs.RealServers))
	seen.few, seen.many = seen.few[:0], nil
	for _, rs := range vs.RealServers {
		r := RealServerSpec{
			Addr: rs.ID.Addr.Unmap(), Port: rs.ID.Port, Forwarding: rs.Forwarding, Weight: rs.Weight,
			InhibitOnFailure: rs.InhibitOnFailure,
			// keepalived accepts 32 bits, the kernel 31; more connections than that there cannot be.
			UpperThreshold: min(rs.UpperThreshold, math.MaxInt32), LowerThreshold: min(rs.LowerThreshold, math.MaxInt32),
		}
		d := key.dest(r.Addr, r.Port, r.Forwarding)
		if !r.Addr.IsValid() || !seen.add(d) {
			continue
		}
		s.RealServers = append(s.RealServers, r)
	}
	return s, true
}

// fewDests is up to how many destinations a look at each is faster than a map.
const fewDests = 16

// destSet is a set of destinations: a list while they are few, which they nearly always are.
type destSet struct {
	few  []DestKey
	many map[DestKey]bool
}

// add reports whether d is new.
func (s *destSet) add(d DestKey) bool {
	if s.many == nil {
		if slices.Contains(s.few, d) {
			return false
		}
		if len(s.few) < fewDests {
			s.few = append(s.few, d)
			return true
		}
		s.many = make(map[DestKey]bool)
		for _, f := range s.few {
			s.many[f] = true
		}
	}
	known := s.many[d]
	s.many[d] = true
	return !known
}

func serviceKey(id confparse.VirtualServerID) (ServiceKey, bool) {
	if id.Fwmark != 0 {
		family := id.Family
		if family == confparse.FamilyUnknown {
			family = confparse.IPv4
		}
		return ServiceKey{Family: family, Fwmark: id.Fwmark}, true
	}
	if !id.Addr.IsValid() {
		return ServiceKey{}, false
	}
	return addressKey(id.Protocol, netip.AddrPortFrom(id.Addr.Unmap(), id.Port)), true
}

func serviceAttrs(vs *confparse.VirtualServer, family confparse.Family) ServiceAttrs {
	a := ServiceAttrs{
		Scheduler: vs.Scheduler,
		Flags:     Flags(vs.SchedulerFlags) &^ Hashed,
		Timeout:   seconds(vs.PersistenceTimeout),
		Netmask:   vs.PersistenceGranularity,
	}
	if vs.OnePacket {
		a.Flags |= OnePacket
	}
	if a.Timeout != 0 {
		a.Flags |= Persistent
		a.PE = vs.PersistenceEngine // without a timeout keepalived does not send it
	}
	// The kernel wants a netmask on every service and refuses an IPv6 prefix length of 0.
	if a.Netmask == 0 {
		a.Netmask = math.MaxUint32
		if family == confparse.IPv6 {
			a.Netmask = 128
		}
	}
	return a
}

// seconds rounds up, so that a short timeout does not become "no persistence".
func seconds(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min((d-1)/time.Second+1, math.MaxUint32))
}

// dest returns the destination that a server is under the service. NAT translates ports; DR and TUN deliver the packet
// as it came, so the port is the service's, and 0 under a firewall mark.
func (k ServiceKey) dest(a netip.Addr, port uint16, f confparse.Forwarding) DestKey {
	if f != confparse.NAT {
		port = k.Port
	}
	return netip.AddrPortFrom(a, port)
}
