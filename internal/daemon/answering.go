package daemon

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"vigil/confparse"
	"vigil/ipvs"
)

// answering knows, for each address of TCP services, the servers that answer through this host: those behind address
// translation. Virtual routers ask for them when their addresses move. Its methods may be called from any goroutine.
type answering struct {
	index atomic.Pointer[func() serversByAddress]
}

type serversByAddress map[netip.Addr][]netip.AddrPort

// set replaces what is known. The work is done at the first question, for there may never be one.
func (a *answering) set(spec ipvs.Spec) {
	index := sync.OnceValue(func() serversByAddress { return answersThrough(spec) })
	a.index.Store(&index)
}

func (a *answering) servers(vip netip.Addr) []netip.AddrPort {
	if index := a.index.Load(); index != nil {
		return (*index)()[vip]
	}
	return nil
}

// answersThrough leaves services of firewall marks out: their addresses are not known.
func answersThrough(spec ipvs.Spec) serversByAddress {
	by := make(serversByAddress)
	for _, vs := range spec.VirtualServers {
		through := translated(vs.Pool)
		for _, s := range vs.Services {
			if s.Key.Protocol == confparse.TCP && s.Key.Addr.IsValid() && len(through) > 0 {
				by[s.Key.Addr] = append(by[s.Key.Addr], through...)
			}
		}
	}
	return by
}

// translated are the servers of a pool behind address translation.
func translated(p ipvs.PoolSpec) (all []netip.AddrPort) {
	for i := range p.Servers {
		if s := &p.Servers[i]; s.Forwarding == confparse.NAT {
			all = append(all, s.Endpoint())
		}
	}
	if s := p.Sorry; s.Exists() && s.Forwarding == confparse.NAT {
		all = append(all, netip.AddrPortFrom(s.Addr, s.Port))
	}
	return all
}
