package healthcheck

import (
	"math"
	"net/netip"

	"vigil/confparse"
)

// virtualServer is a virtual server, which groups real servers, while it runs.
type virtualServer struct {
	id      confparse.VirtualServerID
	named   bool // scratch of Apply: its ID is in the new Spec
	kept    bool // scratch of Apply: it goes on as it is
	servers []realServer
}

// realServer is a real server while it runs. It is up exactly when none of its checks has failed.
type realServer struct {
	vs     *virtualServer
	addr   netip.Addr
	port   uint16
	base   int32  // the configured weight
	batch  uint32 // of the mailbox when it was put there, and its place in it
	place  int32
	failed int32 // how many of checks have failed
	checks []check
}

// check ties a real server to one of the probes it is judged by.
type check struct {
	probe  *probe
	weight Share // what it does to the weight of its server
	failed bool
}

// id returns the identity other parts know the server by.
func (rs *realServer) id() confparse.RealServerID {
	return confparse.RealServerID{VS: rs.vs.id, Addr: rs.addr, Port: rs.port}
}

// endpoint is what tells the servers of one pool apart.
func (rs *realServer) endpoint() netip.AddrPort { return netip.AddrPortFrom(rs.addr, rs.port) }

func (rs *realServer) up() bool { return rs.failed == 0 }

// weight is the weight of the server whether it is up or not: what is configured and what its checks add, within what
// the kernel can hold.
func (rs *realServer) weight() int32 {
	w := int64(rs.base)
	for _, c := range rs.checks {
		w += c.weight.of(rs.base)
	}
	return int32(max(0, min(w, math.MaxInt32)))
}

// weigh records what check i does to the weight and reports whether the weight has changed by it.
func (rs *realServer) weigh(i int, share Share) bool {
	was := rs.weight()
	rs.checks[i].weight = share
	return rs.weight() != was
}

// judge records the verdict of check i and reports whether the server went up or down by it: only the first check
// that fails and the last one that recovers do that.
func (rs *realServer) judge(i int, ok bool) bool {
	c := &rs.checks[i]
	if c.failed == !ok {
		return false
	}
	c.failed = !ok
	was := rs.up()
	if ok {
		rs.failed--
	} else {
		rs.failed++
	}
	return rs.up() != was
}

// recount computes what judge keeps up to date.
func (rs *realServer) recount() {
	rs.failed = 0
	for _, c := range rs.checks {
		if c.failed {
			rs.failed++
		}
	}
}

// matches reports whether the virtual server is what spec asks for, so that a reload need not touch it.
func (vs *virtualServer) matches(spec *VirtualServerSpec) bool {
	if vs.id != spec.ID || len(vs.servers) != len(spec.RealServers) {
		return false
	}
	for i := range vs.servers {
		if !vs.servers[i].matches(&spec.RealServers[i]) {
			return false
		}
	}
	return true
}

// matches reports whether the real server, in the right virtual server, is what spec asks for.
func (rs *realServer) matches(spec *RealServerSpec) bool {
	if rs.addr != spec.ID.Addr || rs.port != spec.ID.Port || rs.base != spec.Weight ||
		len(rs.checks) != len(spec.Checks) {
		return false
	}
	for i := range rs.checks {
		if rs.checks[i].probe.spec != spec.Checks[i] {
			return false
		}
	}
	return true
}

// finder finds in a list from before a reload what the reload names. Configurations change little, so what is asked
// for is nearly always the one after the last; only when it is not is an index made.
type finder[K comparable, T any] struct {
	list  []T
	key   func(*T) K
	next  int
	index map[K]int
}

// find returns the element of the list with the key, or nil.
func (f *finder[K, T]) find(key K) *T {
	if f.next < len(f.list) && f.key(&f.list[f.next]) == key {
		f.next++
		return &f.list[f.next-1]
	}
	if f.index == nil {
		f.index = make(map[K]int, len(f.list))
		for i := range f.list {
			f.index[f.key(&f.list[i])] = i
		}
	}
	i, ok := f.index[key]
	if !ok {
		return nil
	}
	f.next = i + 1
	return &f.list[i]
}

// finder finds the real servers of vs, which may be nil.
func (vs *virtualServer) finder() *finder[netip.AddrPort, realServer] {
	f := &finder[netip.AddrPort, realServer]{key: (*realServer).endpoint}
	if vs != nil {
		f.list = vs.servers
	}
	return f
}
