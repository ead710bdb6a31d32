package ipvs

import (
	"iter"
	"math"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// Spec is what a configuration asks of IPVS, with every default explicit and no position in it. It is not changed
// after construction.
type Spec struct {
	// VirtualServers are in the order in which they are programmed; no two have the same ID. Of those with a Key in
	// common, which only groups make, the first one has the service.
	VirtualServers []VirtualServerSpec
	FlushAtStart   bool // lvs_flush
	FlushOnStop    confparse.LVSFlushOnStop
	Timeouts       Timeouts         // lvs_timeouts; 0 = as they are
	Settings       Settings         // on_server_down, sloppy_tcp, and what FNAT needs
	LocalAddresses []LocalAddresses // by name
	Firewall       Firewall
	Buffers        Buffers
	InitNotifies   bool // rs_init_notifies: servers that are up since they are configured are told of
}

// PoolSpec is the servers of a virtual server, and PoolServer one of them, under the names of this package: the rest of the
// program knows no other of this part.
type (
	PoolSpec   = pool.Spec
	PoolServer = pool.Server
)

// VirtualServerSpec is one virtual_server: the services that it is in the kernel, and the pool that they share.
type VirtualServerSpec struct {
	ID       confparse.VirtualServerID
	Services []ServiceSpec    // one, but for a virtual_server_group
	Marked   []MarkedEndpoint // what the firewall gives the mark of Services, with nftables_ipvs; else none
	FullNAT  FullNAT
	Pool     pool.Spec
	Omega    bool   // the end of the daemon is told as the end of its servers and quorum
	Suspend  bool   // ha_suspend: its servers are only checked while an address of Services is here
	Announce string // announce_on: the interface on which its addresses are while it has its quorum; "" = none
	Labels   Labels
}

// Addresses are those at which clients find the virtual server, some of them perhaps more than once; none by firewall mark.
func (s *VirtualServerSpec) Addresses() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for _, service := range s.Services {
			if a := service.Key.Addr; a.IsValid() && !yield(a) {
				return
			}
		}
		for _, e := range s.Marked {
			if !yield(e.Addr()) {
				return
			}
		}
	}
}

// Buffers are the receive buffers of netlink sockets: those through which the table is changed and read, and the one that tells
// which addresses are here. They are set when a socket is opened.
type Buffers struct {
	Command confparse.BufferSize // lvs_netlink_cmd_rcv_bufs
	Monitor confparse.BufferSize // lvs_netlink_monitor_rcv_bufs
}

// Labels are the names that a virtual server and its servers have for who watches them: snmp_name.
type Labels struct {
	Service string
	Servers []string // parallel to Pool.Servers; nil: none has one
}

// Equal reports whether both are the same names.
func (l Labels) Equal(o Labels) bool {
	return l.Service == o.Service && slices.Equal(l.Servers, o.Servers)
}

// labels are the names in a virtual server.
func labels(vs *confparse.VirtualServer) Labels {
	l := Labels{Service: vs.SNMPName}
	for i, rs := range vs.RealServers {
		if rs.SNMPName == "" {
			continue
		}
		if l.Servers == nil {
			l.Servers = make([]string, len(vs.RealServers))
		}
		l.Servers[i] = rs.SNMPName
	}
	return l
}

// ServiceSpec is one kernel service of a virtual server.
type ServiceSpec struct {
	Key   ServiceKey
	Attrs ServiceAttrs
}

// FromConfig derives the Spec of a configuration, which has no errors and leaves nothing out as unchanged.
func FromConfig(c *confparse.Config) Spec {
	s, _ := Spec{}.Updated(c)
	return s
}

// Updated is FromConfig for a configuration that was loaded knowing the one s is of: virtual servers that are unchanged
// are taken from s. It returns false when s lacks one of them.
func (s Spec) Updated(c *confparse.Config) (next Spec, ok bool) {
	known := make(map[confparse.VirtualServerID]int, len(s.VirtualServers))
	for i := range s.VirtualServers {
		known[s.VirtualServers[i].ID] = i
	}
	g := &c.Global
	next = Spec{FlushAtStart: g.LVSFlush, FlushOnStop: g.LVSFlushOnStop, InitNotifies: g.RSInitNotifies,
		Buffers:  Buffers{Command: g.LVSCommandBuffer, Monitor: g.LVSMonitorBuffer},
		Timeouts: Timeouts{TCP: seconds(g.LVSTimeouts.TCP), TCPFin: seconds(g.LVSTimeouts.TCPFin), UDP: seconds(g.LVSTimeouts.UDP)},
		Settings: tableSettings(g), LocalAddresses: localAddresses(c)}
	next.VirtualServers = make([]VirtualServerSpec, 0, len(c.VirtualServers))
	marks := newMarks(c, s)
	next.Firewall = marks.Firewall
	for _, vs := range c.VirtualServers {
		if !vs.Unchanged {
			if v, ok := virtualServerSpec(vs, c.Groups, marks); ok {
				next.VirtualServers = append(next.VirtualServers, v)
			}
		} else if i, found := known[vs.ID]; found {
			next.VirtualServers = append(next.VirtualServers, s.VirtualServers[i])
		} else {
			return Spec{}, false
		}
	}
	if slices.ContainsFunc(next.VirtualServers, func(vs VirtualServerSpec) bool { return len(vs.FullNAT.Servers) > 0 }) {
		next.Settings[conntrack] = "1"
	}
	return next, true
}

// Equal reports whether both specs ask for the same.
func (s Spec) Equal(o Spec) bool {
	return s.FlushAtStart == o.FlushAtStart && s.FlushOnStop == o.FlushOnStop && s.Timeouts == o.Timeouts && s.Settings == o.Settings &&
		slices.EqualFunc(s.LocalAddresses, o.LocalAddresses, LocalAddresses.Equal) && s.InitNotifies == o.InitNotifies && s.Buffers == o.Buffers && s.Firewall == o.Firewall &&
		slices.EqualFunc(s.VirtualServers, o.VirtualServers, VirtualServerSpec.Equal)
}

// Equal reports whether both ask for the same services with the same servers in the same order.
func (s VirtualServerSpec) Equal(o VirtualServerSpec) bool {
	return s.ID == o.ID && s.Omega == o.Omega && s.Suspend == o.Suspend && s.Announce == o.Announce && slices.Equal(s.Services, o.Services) &&
		slices.Equal(s.Marked, o.Marked) && s.FullNAT.Equal(o.FullNAT) && s.Labels.Equal(o.Labels) && s.Pool.Equal(&o.Pool)
}

// virtualServerSpec derives one virtual server. It returns false for one that is nothing in the kernel.
func virtualServerSpec(vs *confparse.VirtualServer, groups []*confparse.VirtualServerGroup, marks *marks) (VirtualServerSpec, bool) {
	services, marked := servicesOf(vs, groups, marks)
	if len(services) == 0 {
		return VirtualServerSpec{}, false
	}
	s := VirtualServerSpec{
		ID: vs.ID, Services: services, Marked: marked, FullNAT: fullNAT(vs), Omega: vs.Omega, Suspend: vs.HASuspend, Announce: vs.AnnounceOn, Labels: labels(vs),
		Pool: pool.Spec{
			Quorum: vs.Quorum, Hysteresis: vs.Hysteresis, FailoverThreshold: vs.FailoverThreshold,
			Notify: pool.NotifyOf(pool.Told{Up: confparse.ProgramOf(vs.QuorumUp), Down: confparse.ProgramOf(vs.QuorumDown), Mail: vs.Mail}),
			Guards: pool.Guards{PanicThreshold: vs.PanicThreshold, FlapFailures: vs.FlapFailures, FlapWithin: vs.FlapWithin,
				SlowStart: vs.SlowStart, Drain: vs.DrainOnRemove},
			Servers: make([]pool.Server, 0, len(vs.RealServers)),
		},
	}
	if ss := vs.SorryServer; ss != nil {
		s.Pool.Sorry = pool.SorryServer{
			Addr: ss.Addr, Port: ss.Port, Forwarding: inTable(ss.Forwarding), Inhibit: ss.Inhibit,
			Tunnel: ss.Tunnel,
		}
	}
	for _, rs := range vs.RealServers {
		s.Pool.Servers = append(s.Pool.Servers, pool.Server{
			Addr: rs.ID.Addr, Port: rs.ID.Port, Forwarding: inTable(rs.Forwarding), Weight: rs.Weight,
			Tunnel:           rs.Tunnel,
			Backup:           rs.Backup,
			Notify:           pool.NotifyOf(pool.Told{Up: confparse.ProgramOf(rs.NotifyUp), Down: confparse.ProgramOf(rs.NotifyDown), Mail: rs.Mail}),
			InhibitOnFailure: rs.InhibitOnFailure, UpperThreshold: rs.UpperThreshold, LowerThreshold: rs.LowerThreshold,
		})
	}
	return s, true
}

// serverID is how the rest of the program knows server i of the virtual server.
func (s *VirtualServerSpec) serverID(i int) confparse.RealServerID {
	rs := &s.Pool.Servers[i]
	return confparse.RealServerID{VS: s.ID, Addr: rs.Addr, Port: rs.Port}
}

// servicesOf returns the services of a virtual server: one or, of a group, one for each address, in the order of the
// entries, and then one for each firewall mark; or, with nftables_ipvs, one for each family, and the endpoints with its mark.
func servicesOf(vs *confparse.VirtualServer, groups []*confparse.VirtualServerGroup, marks *marks) (services []ServiceSpec, marked []MarkedEndpoint) {
	add := func(k ServiceKey) {
		services = append(services, ServiceSpec{Key: k, Attrs: serviceAttrs(vs, k.Family)})
	}
	switch id := vs.ID; {
	case id.Fwmark != 0:
		add(markKey(id.Fwmark, id.Family))
	case id.Addr.IsValid():
		add(addressKey(id.Protocol, netip.AddrPortFrom(id.Addr, id.Port)))
	default:
		at := slices.IndexFunc(groups, func(g *confparse.VirtualServerGroup) bool { return g.Name == id.Group })
		if at < 0 {
			return nil, nil
		}
		if g := groups[at]; marks.marked(g) {
			mark := marks.of(id)
			marked = endpoints(g, id.Protocol, mark)
			for _, f := range []confparse.Family{confparse.IPv4, confparse.IPv6} {
				if slices.ContainsFunc(g.Entries, func(e confparse.GroupEntry) bool { return e.Family == f }) {
					add(markKey(mark, f))
				}
			}
			return services, marked
		}
		for _, e := range groups[at].Entries {
			for a := range e.Addresses() {
				add(addressKey(id.Protocol, netip.AddrPortFrom(a, e.Port)))
			}
		}
		for _, e := range groups[at].Entries {
			if e.Fwmark != 0 {
				add(markKey(e.Fwmark, e.FamilyIn(id)))
			}
		}
	}
	return services, nil
}

// markKey is a service by firewall mark.
func markKey(mark uint32, f confparse.Family) ServiceKey { return ServiceKey{Family: f, Fwmark: mark} }

func serviceAttrs(vs *confparse.VirtualServer, family confparse.Family) ServiceAttrs {
	a := ServiceAttrs{
		Scheduler: vs.Scheduler,
		Flags:     Flags(vs.SchedulerFlags) &^ Hashed,
		Timeout:   seconds(vs.PersistenceTimeout),
		Netmask:   vs.GranularityFor(family),
		PE:        vs.PersistenceEngine,
	}
	if vs.OnePacket {
		a.Flags |= OnePacket
	}
	if a.Timeout != 0 {
		a.Flags |= Persistent
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
