package healthcheck

import (
	"net/netip"

	"vigil/confparse"
)

// virtualServer is a virtual server and its pool while it runs.
type virtualServer struct {
	id           confparse.VirtualServerID
	quorum       quorum
	sorry        netip.AddrPort // invalid = none
	sorryInhibit bool
	sorryActive  bool // it stands in for the pool
	dirty        bool // in Manager.changed
	kept         bool // scratch of Apply: also in the new Spec
	servers      []realServer
}

// realServer is a real server while it runs. It is up exactly when none of its checks has failed.
type realServer struct {
	vs      *virtualServer
	addr    netip.Addr
	port    uint16
	inhibit bool
	dirty   bool // in Manager.changed
	kept    bool // scratch of Apply: also in the new Spec
	weight  int32
	failed  int32 // how many of checks have failed
	checks  []check
}

// check ties a real server to one of the probes it is judged by.
type check struct {
	probe  *probe
	failed bool
}

// id returns the identity other parts know the server by.
func (rs *realServer) id() confparse.RealServerID {
	return confparse.RealServerID{VS: rs.vs.id, Addr: rs.addr, Port: rs.port}
}

func (rs *realServer) up() bool { return rs.failed == 0 }

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
	if rs.up() == was {
		return false
	}
	if rs.up() {
		rs.vs.quorum.sum += kernelWeight(int64(rs.weight))
	} else {
		rs.vs.quorum.sum -= kernelWeight(int64(rs.weight))
	}
	return true
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

// recount computes what judge of its servers keeps up to date.
func (vs *virtualServer) recount() {
	vs.quorum.sum = 0
	for i := range vs.servers {
		if rs := &vs.servers[i]; rs.up() {
			vs.quorum.sum += kernelWeight(int64(rs.weight))
		}
	}
}

// finder finds real servers of the pool before a reload. Pools change little, so the server asked for is nearly always
// the one after the last; only when it is not is an index made.
type finder struct {
	servers []realServer
	next    int
	index   map[netip.AddrPort]int
}

func (f *finder) find(addr netip.Addr, port uint16) *realServer {
	if f.next < len(f.servers) {
		if rs := &f.servers[f.next]; rs.addr == addr && rs.port == port {
			f.next++
			return rs
		}
	}
	if f.index == nil {
		f.index = make(map[netip.AddrPort]int, len(f.servers))
		for i := range f.servers {
			f.index[netip.AddrPortFrom(f.servers[i].addr, f.servers[i].port)] = i
		}
	}
	i, ok := f.index[netip.AddrPortFrom(addr, port)]
	if !ok {
		return nil
	}
	f.next = i + 1
	return &f.servers[i]
}
