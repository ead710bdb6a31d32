package healthcheck

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"time"
	"unique"

	"vigil/confparse"
)

// Spec is the desired state of the health checks: every virtual server in configuration order, with its quorum and
// its real servers. It has no positions, every default is applied, and it is never changed once made.
type Spec struct {
	VirtualServers []VirtualServerSpec
}

// VirtualServerSpec is one virtual_server as far as its health goes.
type VirtualServerSpec struct {
	ID           confparse.VirtualServerID
	Quorum       uint32         // the live weight that makes the virtual server work; at most the sum of the weights
	Hysteresis   uint32         // below Quorum
	SorryServer  netip.AddrPort // sorry_server; invalid = none
	SorryInhibit bool           // sorry_server_inhibit: stays in the table with weight 0
	RealServers  []RealServerSpec
}

// RealServerSpec is one real_server with its checks, both in configuration order.
type RealServerSpec struct {
	ID      confparse.RealServerID
	Weight  int32
	Inhibit bool // inhibit_on_failure: a failure makes the weight 0 instead of taking the server out
	Checks  []CheckSpec
}

// CheckSpec is everything that decides what a check does and when. It is comparable: two equal values describe the
// same check, and a Manager probes it once however many real servers ask for it. What many checks have in common is
// stored once.
type CheckSpec struct {
	Kind   confparse.CheckerKind
	Alpha  bool // the server is down until this check has passed
	port   uint16
	addr   netip.Addr
	shared unique.Handle[profile]
}

// Target is the address the check connects to.
func (c CheckSpec) Target() netip.AddrPort { return netip.AddrPortFrom(c.addr, c.port) }

// profile is the part of a check that does not name its target, so that thousands of checks share one.
type profile struct {
	delayLoop        time.Duration
	delayBeforeRetry time.Duration
	warmup           time.Duration
	connectTimeout   time.Duration
	retry            uint32
	fwmark           uint32
	bindAddr         netip.Addr
	bindPort         uint16
	logAllFailures   bool
	bindInterface    string
	http             httpSpec // zero unless Kind is HTTPGet or SSLGet
}

// httpSpec is what HTTP_GET and SSL_GET have beyond a connection.
type httpSpec struct {
	protocol     confparse.HTTPProtocol
	fastRecovery bool
	count        int32 // urls
	urls         unique.Handle[urlNode]
}

// urlNode is one url of a list. The list is linked by handles because a slice would not be comparable.
type urlNode struct {
	url  urlSpec
	next unique.Handle[urlNode] // zero at the end
}

// urlSpec is one url block.
type urlSpec struct {
	path      string
	host      string // the Host header; "" = the target as IP:PORT
	digest    [16]byte
	hasDigest bool
	status    statusSet
}

// statusSet is the set of accepted HTTP status codes, bit n%64 of word n/64 standing for code n+100.
type statusSet [8]uint64

const (
	firstStatus = 100
	lastStatus  = 599
)

func (s *statusSet) add(first, last uint16) {
	for n := max(first, firstStatus); n <= min(last, lastStatus); n++ {
		s[(n-firstStatus)/64] |= 1 << ((n - firstStatus) % 64)
	}
}

func (s *statusSet) has(code int) bool {
	if code < firstStatus || code > lastStatus {
		return false
	}
	n := code - firstStatus
	return s[n/64]&(1<<(n%64)) != 0
}

// url returns the nth url of the list; n must be below count.
func (h *httpSpec) url(n int) urlSpec {
	node := h.urls.Value()
	for range n {
		node = node.next.Value()
	}
	return node.url
}

// sameCheck reports whether two checks of one real server ask the same question, so that a reload carries the answer
// over. Timing, alpha, http_protocol and fast_recovery are not part of the question.
func (c CheckSpec) sameCheck(d CheckSpec) bool {
	if c.Kind != d.Kind || c.addr != d.addr || c.port != d.port {
		return false
	}
	return c.shared == d.shared || c.shared.Value().question() == d.shared.Value().question()
}

func (p profile) question() profile {
	p.delayLoop, p.delayBeforeRetry, p.warmup, p.retry, p.logAllFailures = 0, 0, 0, 0, false
	p.http.protocol, p.http.fastRecovery = 0, false
	return p
}

// Equal reports whether s and o describe the same health checks.
func (s Spec) Equal(o Spec) bool {
	return slices.EqualFunc(s.VirtualServers, o.VirtualServers, VirtualServerSpec.Equal)
}

// Equal reports whether v and o are the same virtual server with the same real servers and checks in the same order.
func (v VirtualServerSpec) Equal(o VirtualServerSpec) bool {
	return v.ID == o.ID && v.Quorum == o.Quorum && v.Hysteresis == o.Hysteresis &&
		v.SorryServer == o.SorryServer && v.SorryInhibit == o.SorryInhibit &&
		slices.EqualFunc(v.RealServers, o.RealServers, func(a, b RealServerSpec) bool {
			return a.ID == b.ID && a.Weight == b.Weight && a.Inhibit == b.Inhibit && slices.Equal(a.Checks, b.Checks)
		})
}

// FromConfig derives the health checks from a configuration. Checkers of a kind without a probe here are left out, so
// their real server counts as having one checker less. c may not leave anything out as unchanged.
func FromConfig(c *confparse.Config) Spec {
	s, _ := Spec{}.Updated(c)
	return s
}

// Updated derives the health checks from a configuration that was loaded knowing the one s is of: virtual servers that
// are unchanged are taken from s. It returns false when s lacks one of them.
func (s Spec) Updated(c *confparse.Config) (next Spec, ok bool) {
	known := make(map[confparse.VirtualServerID]int, len(s.VirtualServers))
	for i := range s.VirtualServers {
		known[s.VirtualServers[i].ID] = i
	}
	next = Spec{VirtualServers: make([]VirtualServerSpec, 0, len(c.VirtualServers))}
	var profiles profiles
	for _, vs := range c.VirtualServers {
		if !vs.Unchanged {
			next.VirtualServers = append(next.VirtualServers, profiles.virtualServerSpec(vs))
			continue
		}
		i, found := known[vs.ID]
		if !found {
			return Spec{}, false
		}
		next.VirtualServers = append(next.VirtualServers, s.VirtualServers[i])
	}
	return next, true
}

// profiles makes the handles of profiles. Most checks have the profile of the one before, and to find it among all of
// the process takes much longer than to see that.
type profiles struct {
	last   profile
	handle unique.Handle[profile] // of last
}

func (ps *profiles) of(p *profile) unique.Handle[profile] {
	if ps.handle == (unique.Handle[profile]{}) || *p != ps.last {
		ps.last, ps.handle = *p, unique.Make(*p)
	}
	return ps.handle
}

func (ps *profiles) virtualServerSpec(vs *confparse.VirtualServer) VirtualServerSpec {
	v := VirtualServerSpec{ID: vs.ID, Quorum: vs.Quorum, Hysteresis: vs.Hysteresis}
	if ss := vs.SorryServer; ss != nil {
		v.SorryServer, v.SorryInhibit = netip.AddrPortFrom(ss.Addr, ss.Port), ss.Inhibit
	}
	checks := 0
	for _, rs := range vs.RealServers {
		checks += len(rs.Checkers)
	}
	// One backing array for the checks of a virtual server: each real server has its own window of it.
	all := make([]CheckSpec, 0, checks)
	v.RealServers = make([]RealServerSpec, 0, len(vs.RealServers))
	for _, rs := range vs.RealServers {
		from := len(all)
		for _, ck := range rs.Checkers {
			if probed(ck.Kind) {
				all = append(all, ps.checkSpec(ck))
			}
		}
		v.RealServers = append(v.RealServers, RealServerSpec{
			ID: rs.ID, Weight: rs.Weight, Inhibit: rs.InhibitOnFailure, Checks: all[from:len(all):len(all)],
		})
	}
	return v
}

// probed reports whether this package has a probe of the kind.
func probed(k confparse.CheckerKind) bool {
	return k == confparse.TCPCheck || k == confparse.HTTPGet || k == confparse.SSLGet
}

func (ps *profiles) checkSpec(ck *confparse.Checker) CheckSpec {
	c := CheckSpec{Kind: ck.Kind, Alpha: ck.Alpha, addr: ck.Connect.Addr, port: ck.Connect.Port}
	p := profile{
		delayLoop:        ck.DelayLoop,
		delayBeforeRetry: ck.DelayBeforeRetry,
		warmup:           ck.Warmup,
		connectTimeout:   ck.Connect.Timeout,
		retry:            ck.Retry,
		fwmark:           ck.Connect.Fwmark,
		bindAddr:         ck.Connect.BindAddr,
		logAllFailures:   ck.LogAllFailures,
		bindPort:         ck.Connect.BindPort,
		bindInterface:    ck.Connect.BindInterface,
	}
	if ck.HTTP != nil && ck.Kind != confparse.TCPCheck {
		p.http = newHTTPSpec(ck.HTTP)
	}
	c.shared = ps.of(&p)
	return c
}

func newHTTPSpec(h *confparse.HTTPCheck) httpSpec {
	s := httpSpec{protocol: h.Protocol, fastRecovery: h.FastRecovery, count: int32(len(h.URLs))}
	for _, u := range slices.Backward(h.URLs) {
		node := urlNode{url: urlSpec{path: u.Path, host: u.VirtualHost}, next: s.urls}
		if node.url.host == "" {
			node.url.host = h.VirtualHost
		}
		if n, err := hex.Decode(node.url.digest[:], []byte(u.Digest[:min(len(u.Digest), 32)])); err == nil && n == 16 {
			node.url.hasDigest = true
		} else {
			node.url.digest = [16]byte{}
		}
		for _, r := range u.StatusCodes {
			node.url.status.add(r.First, r.Last)
		}
		s.urls = unique.Make(node)
	}
	return s
}
