package lint

import (
	"fmt"
	"net/netip"
	"time"

	"vigil/confparse"
)

// addressRange is what one line of a group, or a virtual server by itself, serves.
type addressRange struct {
	at          confparse.Range
	first, last netip.Addr
}

func (r addressRange) contains(a netip.Addr) bool {
	return a.Is4() == r.first.Is4() && r.first.Compare(a) <= 0 && a.Compare(r.last) <= 0
}

func (r addressRange) String() string {
	if r.first == r.last {
		return r.first.String()
	}
	return r.first.String() + "-" + r.last.String()
}

// addressesOf returns the addresses of a virtual server; one of firewall marks has none.
func (c *checker) addressesOf(vs *confparse.VirtualServer) []addressRange {
	if a := vs.ID.Addr; a.IsValid() {
		return []addressRange{{vs.Range, a, a}}
	}
	var list []addressRange
	for _, g := range c.f.Config.Groups {
		if vs.ID.Group == "" || g.Name != vs.ID.Group {
			continue
		}
		for _, e := range g.Entries {
			if e.First.IsValid() {
				last := e.Last
				if !last.IsValid() {
					last = e.First
				}
				list = append(list, addressRange{e.Range, e.First, last})
			}
		}
	}
	return list
}

// maxRange bounds how many addresses of a range are looked at.
const maxRange = 4096

// owners reports addresses of virtual servers that no instance brings up, once for all services of an address. A
// configuration without instances leaves its addresses to something else.
func (c *checker) owners() {
	if len(c.f.Config.Instances) == 0 {
		return
	}
	owned := map[netip.Addr]bool{}
	for _, vi := range c.f.Config.Instances {
		for _, a := range addressesOfInstance(vi) {
			owned[a] = true
		}
	}
	for _, a := range c.f.Config.StaticAddresses {
		owned[a.Prefix.Addr()] = true
	}
	type place struct {
		addr  netip.Addr
		group string
	}
	seen := map[place]bool{}
	for _, vs := range c.f.Config.VirtualServers {
		if p := (place{vs.ID.Addr, vs.ID.Group}); !seen[p] {
			seen[p] = true
			c.owner(vs, owned)
		}
	}
}

// owner reports each line of addresses of vs with one that is not owned.
func (c *checker) owner(vs *confparse.VirtualServer, owned map[netip.Addr]bool) {
	for _, r := range c.addressesOf(vs) {
		a := r.first
		for range maxRange {
			if !owned[a] {
				c.report(AddressOfNobody, r.at, fmt.Sprintf("no instance owns %s, which virtual server %s serves", a, vs.ID),
					"packets reach the service only if something else brings the address up and moves it; "+
						"else list it in a virtual_ipaddress")
				break
			}
			if a == r.last {
				break
			}
			a = a.Next()
		}
	}
}

// servers judges the real servers of a virtual server and their checks.
func (c *checker) servers(vs *confparse.VirtualServer) {
	weight := int32(0)
	asked := map[uint16]bool{}
	for _, rs := range vs.RealServers {
		weight += max(rs.Weight, 0)
		if len(rs.Checkers) == 0 {
			c.report(NoCheck, rs.Range, fmt.Sprintf("nothing checks real server %s", rs.ID),
				"it gets connections whether it answers or not; give it a checker")
		}
		if vs.ID.Addr.IsValid() && rs.ID.Addr == vs.ID.Addr {
			c.report(ServerIsService, rs.Range, fmt.Sprintf("real server %s has the address of its virtual server", rs.ID),
				"the director would send the packets to itself; for a service on the director use its own address or 127.0.0.1")
		}
		for _, ck := range rs.Checkers {
			c.overrun(vs, rs, ck)
			c.otherPort(rs, ck, asked)
			c.tlsPort(rs, ck)
		}
	}
	for _, s := range vs.Sources {
		if len(s.Each.Checkers) == 0 {
			c.report(NoCheck, s.Range, fmt.Sprintf("nothing checks the members of %s", s.From),
				"they get connections whether they answer or not; give the block a checker")
		}
	}
	if weight == 0 && len(vs.RealServers) > 0 && len(vs.Sources) == 0 && !dynamic(vs) {
		c.report(NoWeight, vs.Range, fmt.Sprintf("every real server of %s has weight 0", vs.ID),
			"a server of weight 0 keeps its connections and gets no new one; give one of them a weight")
	}
}

// dynamic reports whether a checker of vs can raise a weight.
func dynamic(vs *confparse.VirtualServer) bool {
	for _, rs := range vs.RealServers {
		for _, ck := range rs.Checkers {
			switch d := ck.Detail.(type) {
			case *confparse.MiscDetail:
				if d.Dynamic {
					return true
				}
			case *confparse.FileDetail:
				if d.Weight != 0 {
					return true
				}
			}
		}
	}
	return false
}

// overrun reports checks that may take longer than the time to the next. A program's runs are counted from start to
// start, so that a slow one leaves no pause; those of a connection from the end of the last one, so that a slow one
// makes a dead server be noticed later than delay_loop says.
func (c *checker) overrun(vs *confparse.VirtualServer, rs *confparse.RealServer, ck *confparse.Checker) {
	if d, ok := ck.Detail.(*confparse.MiscDetail); ok {
		if d.Timeout > ck.DelayLoop {
			c.report(CheckOverrun, ck.Range,
				fmt.Sprintf("%s of %s may run for %s, but the next run is due after %s", ck.Kind, rs.ID, d.Timeout, ck.DelayLoop),
				"make misc_timeout at most delay_loop")
		}
		return
	}
	if ck.Connect.Timeout <= ck.DelayLoop || ck.DelayLoop <= 0 {
		return
	}
	attempts := time.Duration(ck.Retry) + 1
	late := ck.DelayLoop + attempts*ck.Connect.Timeout + (attempts-1)*ck.DelayBeforeRetry
	c.report(CheckOverrun, ck.Range,
		fmt.Sprintf("%s of %s waits %s for an answer, longer than the %s between checks", ck.Kind, rs.ID, ck.Connect.Timeout, ck.DelayLoop),
		fmt.Sprintf("a silent server is taken out after %s at the latest: %s + %d × %s + %d × %s; make connect_timeout at most delay_loop",
			late, ck.DelayLoop, attempts, ck.Connect.Timeout, attempts-1, ck.DelayBeforeRetry))
}

// otherPort reports a check that says nothing of the port that serves. asked are the ports reported already: the servers of
// one service are mostly asked alike.
func (c *checker) otherPort(rs *confparse.RealServer, ck *confparse.Checker, asked map[uint16]bool) {
	switch ck.Kind {
	case confparse.TCPCheck, confparse.HTTPGet, confparse.SSLGet, confparse.SMTPCheck, confparse.UDPCheck, confparse.DNSCheck:
	default:
		return
	}
	if rs.ID.Port == 0 || ck.Connect.Port == 0 || ck.Connect.Port == rs.ID.Port || asked[ck.Connect.Port] {
		return
	}
	asked[ck.Connect.Port] = true
	c.report(OtherPort, ck.Range, fmt.Sprintf("%s of %s asks port %d, not the port that serves", ck.Kind, rs.ID, ck.Connect.Port),
		"the server stays in while that port answers, even if the service does not; meant for a health port, else drop connect_port")
}

// tlsPort reports HTTP_GET and SSL_GET with the port of the other: the server answers with an error, and is down for good.
func (c *checker) tlsPort(rs *confparse.RealServer, ck *confparse.Checker) {
	const plain, secure = 80, 443
	switch port := ck.Connect.Port; {
	case ck.Kind == confparse.HTTPGet && port == secure:
		c.report(WrongForTLS, ck.Range, fmt.Sprintf("HTTP_GET of %s speaks plain HTTP to port %d", rs.ID, secure),
			"a server that expects TLS refuses it; use SSL_GET, or another connect_port")
	case ck.Kind == confparse.SSLGet && port == plain:
		c.report(WrongForTLS, ck.Range, fmt.Sprintf("SSL_GET of %s speaks TLS to port %d", rs.ID, plain),
			"a server that expects plain HTTP refuses it; use HTTP_GET, or another connect_port")
	}
}
