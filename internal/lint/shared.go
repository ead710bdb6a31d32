package lint

import (
	"cmp"
	"fmt"
	"slices"

	"vigil/confparse"
)

// kernelService is a stretch of what a virtual server makes the kernel serve.
type kernelService struct {
	addressRange
	protocol confparse.Protocol
	port     uint16
	mark     uint32
	family   confparse.Family // of a mark
	vs       *confparse.VirtualServer
}

// compare sorts services so that those which overlap are neighbours, and tells kinds that never do apart.
func (s kernelService) compare(o kernelService) int {
	return cmp.Or(s.kind(o), s.first.Compare(o.first))
}

func (s kernelService) kind(o kernelService) int {
	return cmp.Or(cmp.Compare(s.mark, o.mark), cmp.Compare(s.family, o.family), cmp.Compare(s.protocol, o.protocol),
		cmp.Compare(s.port, o.port), cmp.Compare(s.first.BitLen(), o.first.BitLen()))
}

// sharedServices reports services that two virtual servers, or two lines of a group, both bring. The reader finds two
// virtual servers of one name; those of groups only meet in the kernel.
func (c *checker) sharedServices() {
	var all []kernelService
	for _, vs := range c.f.Config.VirtualServers {
		all = append(all, c.kernelServices(vs)...)
	}
	slices.SortStableFunc(all, kernelService.compare)
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if a.kind(b) != 0 || b.mark == 0 && b.first.Compare(a.last) > 0 {
			continue
		}
		name := fmt.Sprintf("firewall mark %d", b.mark)
		if b.mark == 0 {
			name = fmt.Sprintf("%s port %d", b.first, b.port)
		}
		c.report(SharedService, b.at, fmt.Sprintf("virtual servers %s and %s both serve %s", a.vs.ID, b.vs.ID, name),
			"the kernel has one service for both, and loses it when either goes", confparse.Place{Range: a.at, Note: "the other one"})
		if b.mark == 0 && a.last.Compare(b.last) > 0 {
			all[i].last, all[i].vs, all[i].at = a.last, a.vs, a.at // the longer one may reach the next as well
		}
	}
}

// kernelServices returns what vs serves.
func (c *checker) kernelServices(vs *confparse.VirtualServer) (list []kernelService) {
	if vs.ID.Group == "" {
		return []kernelService{{addressRange{vs.Range, vs.ID.Addr, vs.ID.Addr}, vs.ID.Protocol, vs.ID.Port, vs.ID.Fwmark,
			vs.ID.Family, vs}}
	}
	for _, g := range c.f.Config.Groups {
		if g.Name != vs.ID.Group {
			continue
		}
		for _, e := range g.Entries {
			s := kernelService{addressRange{e.Range, e.First, e.Last}, vs.ID.Protocol, e.Port, e.Fwmark, e.Family, vs}
			switch {
			case e.Fwmark != 0:
				s.protocol = confparse.ProtocolNone
				s.family = e.FamilyIn(vs.ID)
			case e.Last.IsValid():
				s.family = confparse.FamilyOf(e.First)
			default:
				s.family, s.last = confparse.FamilyOf(e.First), e.First
			}
			list = append(list, s)
		}
	}
	return list
}
