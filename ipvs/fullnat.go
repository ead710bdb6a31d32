package ipvs

import (
	"cmp"
	"net/netip"
	"slices"

	"vigil/confparse"
)

// FullNAT is of which servers packets have a source address of the director as well (lvs_method FNAT). The zero value: of none.
type FullNAT struct {
	Servers []netip.AddrPort
	Local   string // laddr_group; "" = the address of the interface by which packets leave
}

// Equal reports whether both are the same.
func (f FullNAT) Equal(o FullNAT) bool {
	return f.Local == o.Local && slices.Equal(f.Servers, o.Servers)
}

// LocalAddresses is a laddr_group.
type LocalAddresses struct {
	Name  string
	Addrs []netip.Addr
}

// Equal reports whether both are the same.
func (l LocalAddresses) Equal(o LocalAddresses) bool {
	return l.Name == o.Name && slices.Equal(l.Addrs, o.Addrs)
}

// Flow is by what packets to a server are told that are to have a source address of the director's.
type Flow struct {
	Protocol        confparse.Protocol
	Virtual, Server netip.AddrPort
	Local           []netip.Addr // of the server's family; none: the address of the interface by which they leave
}

// Flows returns what the firewall has to do for FNAT, in the order of the virtual servers, none twice.
func (s *Spec) Flows() (list []Flow) {
	type key struct {
		protocol        confparse.Protocol
		virtual, server netip.AddrPort
	}
	seen := make(map[key]bool)
	for i := range s.VirtualServers {
		vs := &s.VirtualServers[i]
		if len(vs.FullNAT.Servers) == 0 {
			continue
		}
		local := s.local(vs.FullNAT.Local)
		add := func(protocol confparse.Protocol, virtual netip.AddrPort) {
			for _, server := range vs.FullNAT.Servers {
				if server.Port() == 0 { // of a group: it is the port that the packet came to
					server = netip.AddrPortFrom(server.Addr(), virtual.Port())
				}
				k := key{protocol, virtual, server}
				if seen[k] || server.Addr().Is4() != virtual.Addr().Is4() {
					continue
				}
				seen[k] = true
				list = append(list, Flow{protocol, virtual, server, ofFamily(local, server.Addr())})
			}
		}
		for _, e := range vs.Marked {
			add(e.Protocol, e.AddrPort)
		}
		for _, service := range vs.Services {
			if k := service.Key; k.Addr.IsValid() {
				add(k.Protocol, netip.AddrPortFrom(k.Addr, k.Port))
			}
		}
	}
	return list
}

// local returns the addresses of a laddr_group.
func (s *Spec) local(name string) []netip.Addr {
	for _, l := range s.LocalAddresses {
		if l.Name == name {
			return l.Addrs
		}
	}
	return nil
}

// ofFamily returns those that are of the family of like.
func ofFamily(all []netip.Addr, like netip.Addr) (list []netip.Addr) {
	for _, a := range all {
		if a.Is4() == like.Is4() {
			list = append(list, a)
		}
	}
	return list
}

// localAddresses are those of a configuration, by name.
func localAddresses(c *confparse.Config) (list []LocalAddresses) {
	for _, l := range c.LocalAddresses {
		list = append(list, LocalAddresses{l.Name, l.Addrs})
	}
	slices.SortFunc(list, func(a, b LocalAddresses) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// fullNAT are the FNAT servers of a virtual server.
func fullNAT(vs *confparse.VirtualServer) FullNAT {
	var f FullNAT
	add := func(method confparse.Forwarding, a netip.Addr, port uint16) {
		if method == confparse.FNAT {
			f.Servers = append(f.Servers, netip.AddrPortFrom(a, port))
		}
	}
	for _, rs := range vs.RealServers {
		add(rs.Forwarding, rs.ID.Addr, rs.ID.Port)
	}
	if ss := vs.SorryServer; ss != nil {
		add(ss.Forwarding, ss.Addr, ss.Port)
	}
	if len(f.Servers) > 0 {
		f.Local = vs.LocalAddresses
	}
	return f
}

// inTable is a forwarding method as the kernel's table has it.
func inTable(f confparse.Forwarding) confparse.Forwarding {
	if f == confparse.FNAT {
		return confparse.NAT
	}
	return f
}
