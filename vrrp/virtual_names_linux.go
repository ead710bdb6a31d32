package vrrp

import (
	"slices"
	"strconv"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// virtualPlace is what there is one virtual link of.
type virtualPlace struct {
	kind   election.LinkKind
	parent string
	mac    [6]byte
}

func placeOf(v *election.VirtualLink) virtualPlace { return virtualPlace{v.Kind, v.Parent, v.MAC} }

// named is s with the names that its virtual links have, and its addresses on them. A name stays once it was chosen. A VMAC
// on an interface that is not Ethernet there cannot be: the router does without.
func (r *Runner) named(s election.InstanceSpec) election.InstanceSpec {
	if len(s.VirtualLinks()) == 0 {
		return s
	}
	impossible := func(v election.VirtualLink) bool {
		parent, ok := r.view.link(v.Parent)
		return ok && v.Kind == election.Macvlan && !parent.Ether
	}
	if impossible(s.VMAC) {
		if !r.virtual.unsuited[s.Name] {
			newInstanceLog(r.log, &s).infof("%v", lan.ErrNotEthernet)
		}
		r.virtual.unsuited[s.Name] = true
		s.VMAC = election.VirtualLink{}
	} else {
		delete(r.virtual.unsuited, s.Name)
	}
	s.AddressLinks = slices.DeleteFunc(slices.Clone(s.AddressLinks), impossible)
	if s.VMAC.Kind != election.NoLink {
		s.VMAC.Name = r.nameOf(&s, &s.VMAC)
	}
	for i := range s.AddressLinks {
		s.AddressLinks[i].Name = r.nameOf(&s, &s.AddressLinks[i])
	}
	s.Addresses, s.Excluded = onVirtual(&s, s.Addresses), onVirtual(&s, s.Excluded)
	return s
}

// onVirtual is a list of addresses with the names of the links that they go on.
func onVirtual(s *election.InstanceSpec, list []election.Address) []election.Address {
	links := s.VirtualLinks()
	list = slices.Clone(list)
	for i := range list {
		a := &list[i]
		if a.MAC == ([6]byte{}) {
			continue
		}
		here := func(v election.VirtualLink) bool {
			return v.Kind == election.Macvlan && v.Parent == a.Link && v.MAC == a.MAC
		}
		if j := slices.IndexFunc(links, here); j >= 0 {
			a.Link = links[j].Name
		} else {
			a.MAC = [6]byte{}
		}
	}
	return list
}

// nameOf returns the name of a virtual link of s: the one that is asked for; the one it has; that of an interface which is
// it already; or the first of its prefix and the VRID that is free.
func (r *Runner) nameOf(s *election.InstanceSpec, v *election.VirtualLink) string {
	p, place := r.places, placeOf(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.Name != "" {
		p.names[place] = v.Name
		return v.Name
	}
	taken := func(name string) bool {
		for other, n := range p.names {
			if n == name && other != place {
				return true
			}
		}
		return slices.ContainsFunc(r.wanted.Instances, func(o election.InstanceSpec) bool { return o.VMAC.Name == name })
	}
	if name, ok := p.names[place]; ok && !taken(name) {
		return name
	}
	if parent, ok := r.view.link(v.Parent); ok {
		for _, l := range r.view.links {
			if lan.VirtualLink(lanLink(v)).Is(l, parent.Index) && !taken(l.Name) {
				p.names[place] = l.Name
				return l.Name
			}
		}
	}
	family := confparse.IPv4
	if !v.IPv4 {
		family = confparse.IPv6
	}
	for name := range virtualNames(v.Prefix, s.VRID, family) {
		if _, exists := r.view.link(name); !exists && !taken(name) {
			p.names[place] = name
			return name
		}
	}
	return ""
}

// maxLinkName is IFNAMSIZ without its terminator.
const maxLinkName = 15

// virtualNames yields the names that a virtual link may get, the best one first: PREFIX.VRID, then PREFIX1.VRID and so on,
// for IPv6 PREFIX6.VRID before those.
func virtualNames(prefix string, vrid uint8, family confparse.Family) func(func(string) bool) {
	const many = 1000
	return func(yield func(string) bool) {
		end := "." + strconv.Itoa(int(vrid))
		name := func(number string) string {
			end := number + end
			return prefix[:min(len(prefix), maxLinkName-len(end))] + end
		}
		if !yield(name("")) || family == confparse.IPv6 && !yield(name("6")) {
			return
		}
		for i := 1; i < many; i++ {
			if i == 6 && family == confparse.IPv6 {
				continue
			}
			if !yield(name(strconv.Itoa(i))) {
				return
			}
		}
	}
}

// lanLink is v for the Network.
func lanLink(v *election.VirtualLink) lan.VirtualLink {
	return lan.VirtualLink{Kind: lan.LinkKind(v.Kind), Parent: v.Parent, Name: v.Name, Prefix: v.Prefix, MAC: v.MAC, Mode: v.Mode,
		Addr: v.Addr, Group: v.Group, IPv4: v.IPv4, IPv6: v.IPv6, LinkLocal: v.LinkLocal}
}
