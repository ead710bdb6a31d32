package lint

import (
	"fmt"
	"slices"
	"strings"

	"vigil/confparse"
)

// groups compares which instances change state together.
func (p *pair) groups() {
	seen := map[*confparse.SyncGroup]bool{}
	for _, g := range p.a.f.Config.SyncGroups {
		other := p.mirror(g)
		if other == nil {
			p.a.report(PairGroup, g.Range, fmt.Sprintf("(%s) the other director has no such sync group", g.Name),
				"after one instance fails, its companions stay behind there")
			continue
		}
		seen[other] = true
		p.split(g)
		here, missed := p.members(g), slices.Clone(other.Members)
		slices.Sort(here)
		slices.Sort(missed)
		if !slices.Equal(here, missed) {
			p.a.report(PairGroup, g.Range, fmt.Sprintf("(%s) the members of the sync group differ", g.Name),
				"addresses that belong together end up on different directors", there(other.Range))
		}
	}
	for _, g := range p.b.f.Config.SyncGroups {
		if !seen[g] {
			p.b.report(PairGroup, g.Range, fmt.Sprintf("(%s) the other director has no such sync group", g.Name),
				"after one instance fails, its companions stay behind there")
		}
	}
}

// members returns what g's members are called on the other director.
func (p *pair) members(g *confparse.SyncGroup) []confparse.InstanceName {
	var list []confparse.InstanceName
	for _, name := range g.Members {
		for _, vi := range p.a.f.Config.Instances {
			if other := counterpart(p.b.f.Config, vi); vi.Name == name && other != nil {
				name = other.Name
				break
			}
		}
		list = append(list, name)
	}
	return list
}

// mirror returns the group of b that shares a member with g.
func (p *pair) mirror(g *confparse.SyncGroup) *confparse.SyncGroup {
	for _, name := range p.members(g) {
		if other := groupOf(p.b.f.Config, name); other != nil {
			return other
		}
	}
	return nil
}

// services compares the virtual servers.
func (p *pair) services() {
	here, over := byID(p.a.f.Config), byID(p.b.f.Config)
	for _, vs := range p.a.f.Config.VirtualServers {
		other, ok := over[vs.ID]
		if !ok {
			p.a.noService(vs)
			continue
		}
		if what := differences(vs, other); len(what) > 0 {
			p.a.report(PairService, vs.Range, fmt.Sprintf("virtual server %s differs: %s", vs.ID, strings.Join(what, "; ")),
				"after a failover clients meet another service", there(other.Range))
		}
	}
	for _, vs := range p.b.f.Config.VirtualServers {
		if _, ok := here[vs.ID]; !ok {
			p.b.noService(vs)
		}
	}
}

func (c *checker) noService(vs *confparse.VirtualServer) {
	c.report(PairNoService, vs.Range, fmt.Sprintf("the other director has no virtual server %s", vs.ID),
		"after a failover to it the service is gone")
}

func byID(c *confparse.Config) map[confparse.VirtualServerID]*confparse.VirtualServer {
	m := make(map[confparse.VirtualServerID]*confparse.VirtualServer, len(c.VirtualServers))
	for _, vs := range c.VirtualServers {
		m[vs.ID] = vs
	}
	return m
}

// differences says in which respects that clients notice two services differ.
func differences(a, b *confparse.VirtualServer) (what []string) {
	if a.Scheduler != b.Scheduler {
		what = append(what, fmt.Sprintf("lb_algo %s here, %s there", a.Scheduler, b.Scheduler))
	}
	if a.PersistenceTimeout != b.PersistenceTimeout {
		what = append(what, fmt.Sprintf("persistence_timeout %s here, %s there", a.PersistenceTimeout, b.PersistenceTimeout))
	}
	what = append(what, missingServers("only here: ", a, b)...)
	what = append(what, missingServers("only there: ", b, a)...)
	for _, rs := range a.RealServers {
		i := slices.IndexFunc(b.RealServers, func(o *confparse.RealServer) bool { return o.ID == rs.ID })
		if i < 0 {
			continue
		}
		if o := b.RealServers[i]; o.Forwarding != rs.Forwarding {
			what = append(what, fmt.Sprintf("the forwarding of %s", rs.ID))
		} else if o.Weight != rs.Weight {
			what = append(what, fmt.Sprintf("weight %d of %s here, %d there", rs.Weight, rs.ID, o.Weight))
		}
	}
	return what
}

func missingServers(word string, in, from *confparse.VirtualServer) []string {
	var names []string
	for _, rs := range in.RealServers {
		if !slices.ContainsFunc(from.RealServers, func(o *confparse.RealServer) bool { return o.ID == rs.ID }) {
			names = append(names, rs.ID.String())
		}
	}
	if names == nil {
		return nil
	}
	return []string{word + strings.Join(names, ", ")}
}
