package healthcheck

import (
	"net/netip"
	"slices"
	"time"
	"unique"

	"vigil/confparse"
)

// Spec is the desired state of the health checks: every virtual server in configuration order, with its real servers. It has no positions and is never changed once made.
type Spec struct {
	VirtualServers []VirtualServerSpec
	TLS            TLSFiles // of every check over TLS
}

// VirtualServerSpec is one virtual_server as far as its health goes.
type VirtualServerSpec struct {
	ID          confparse.VirtualServerID
	RealServers []RealServerSpec
}

// RealServerSpec is one real_server with its checks, both in configuration order.
type RealServerSpec struct {
	ID     confparse.RealServerID
	Weight int32
	Checks []CheckSpec
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

// Target is the address the check connects to. Its port is 0 where the question needs none.
func (c CheckSpec) Target() netip.AddrPort { return netip.AddrPortFrom(c.addr, c.port) }

// subject is whom the check asks, for people: its target, or what it has instead of one.
func (c CheckSpec) subject() string {
	if s, ok := c.shared.Value().asks.(subject); ok {
		return s.subject()
	}
	if c.port == 0 {
		return c.addr.String()
	}
	return c.Target().String()
}

// checker returns what makes one attempt of the check with what there is. step is the position in a question of several
// steps.
func (c CheckSpec) checker(with means, step int) Checker {
	p := c.shared.Value()
	with.via = p.via
	with.via.target = c.Target()
	return p.asks.attempt(with, step)
}

func (c CheckSpec) policy() policy {
	p := c.shared.Value()
	rules := p.asks.policy(p.timing)
	rules.alpha = c.Alpha
	return rules
}

// sameCheck reports whether two checks of one real server ask the same question of the same target over the same way,
// so that a reload carries the answer over. Timing and alpha are not part of it.
func (c CheckSpec) sameCheck(d CheckSpec) bool {
	if c.Kind != d.Kind || c.addr != d.addr || c.port != d.port {
		return false
	}
	if c.shared == d.shared {
		return true
	}
	p, q := c.shared.Value(), d.shared.Value()
	return p.via == q.via && p.asks.same(q.asks)
}

// profile is the part of a check that does not name its target, so that thousands of checks share one.
type profile struct {
	timing timing
	via    dial // without a target
	asks   question
}

// timing is when a check is made.
type timing struct {
	delayLoop        time.Duration
	delayBeforeRetry time.Duration
	warmup           time.Duration
	retry            uint32
	rise             uint32
	logAllFailures   bool
}

// policy is that of a check of one step.
func (t timing) policy() policy {
	return policy{delayLoop: t.delayLoop, delayBeforeRetry: t.delayBeforeRetry, retry: t.retry, rise: t.rise}
}

// Equal reports whether s and o describe the same health checks.
func (s Spec) Equal(o Spec) bool {
	return s.TLS == o.TLS && slices.EqualFunc(s.VirtualServers, o.VirtualServers, VirtualServerSpec.Equal)
}

// Equal reports whether v and o are the same virtual server with the same real servers and checks in the same order.
func (v VirtualServerSpec) Equal(o VirtualServerSpec) bool {
	return v.ID == o.ID &&
		slices.EqualFunc(v.RealServers, o.RealServers, func(a, b RealServerSpec) bool {
			return a.ID == b.ID && a.Weight == b.Weight && slices.Equal(a.Checks, b.Checks)
		})
}

// FromConfig copies the health checks of a configuration. Checkers of a kind that is not acted on are left out, so
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
	next = Spec{TLS: tlsFiles(c.TLS), VirtualServers: make([]VirtualServerSpec, 0, len(c.VirtualServers))}
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
	v := VirtualServerSpec{ID: vs.ID}
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
			if k := kinds[ck.Kind]; k != nil {
				all = append(all, ps.checkSpec(k, ck))
			}
		}
		v.RealServers = append(v.RealServers, RealServerSpec{
			ID: rs.ID, Weight: rs.Weight, Checks: all[from:len(all):len(all)],
		})
	}
	return v
}

func (ps *profiles) checkSpec(k *kind, ck *confparse.Checker) CheckSpec {
	c := CheckSpec{Kind: ck.Kind, Alpha: ck.Alpha, addr: ck.Connect.Addr, port: ck.Connect.Port}
	p := profile{
		timing: timing{
			delayLoop:        ck.DelayLoop,
			delayBeforeRetry: ck.DelayBeforeRetry,
			warmup:           ck.Warmup,
			retry:            ck.Retry,
			rise:             ck.Rise,
			logAllFailures:   ck.LogAllFailures,
		},
		via: dial{
			timeout:       ck.Connect.Timeout,
			bindAddr:      ck.Connect.BindAddr,
			bindPort:      ck.Connect.BindPort,
			bindInterface: ck.Connect.BindInterface,
			fwmark:        ck.Connect.Fwmark,
		},
		asks: k.ask(ck),
	}
	c.shared = ps.of(&p)
	return c
}
