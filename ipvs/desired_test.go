package ipvs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigil/confparse"
)

// service is a TCP service 10.0.0.1:80 with NAT servers 192.168.0.1, .2, … :80 of the given weights.
func spec(change func(*ServiceSpec), weights ...int32) ServiceSpec {
	k := v4Key("10.0.0.1:80")
	s := ServiceSpec{
		ID:  confparse.VirtualServerID{Family: k.Family, Protocol: k.Protocol, Addr: k.Addr, Port: k.Port},
		Key: k, Attrs: ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff},
	}
	for i, w := range weights {
		s.RealServers = append(s.RealServers, RealServerSpec{
			Addr: addr(fmt.Sprintf("192.168.0.%d", i+1)), Port: 80, Weight: w,
		})
	}
	if change != nil {
		change(&s)
	}
	return s
}

func withSorry(s *ServiceSpec) { s.Sorry = SorryServerSpec{Addr: addr("192.168.0.9"), Port: 80} }

func inhibit(s *ServiceSpec) {
	for i := range s.RealServers {
		s.RealServers[i].InhibitOnFailure = true
	}
}

// health is that of s's servers: a negative weight is down. Servers beyond the weights are not mentioned.
func health(s ServiceSpec, quorumUp bool, weights ...int32) Health {
	h := Health{
		QuorumUp:    map[confparse.VirtualServerID]bool{s.ID: quorumUp},
		RealServers: make(map[confparse.RealServerID]RealServerHealth),
	}
	for i, w := range weights {
		id := confparse.RealServerID{VS: s.ID, Addr: s.RealServers[i].Addr, Port: s.RealServers[i].Port}
		h.RealServers[id] = RealServerHealth{Up: w >= 0, Weight: max(w, 0)}
	}
	return h
}

// weightsOf writes destinations as ".1=1 .9=1".
func weightsOf(s Service) string {
	var out []string
	for d, a := range s.Dests {
		b := d.Addr().As4()
		out = append(out, fmt.Sprintf(".%d=%d", b[3], a.Weight))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestDesired(t *testing.T) {
	both := func(s *ServiceSpec) { withSorry(s); inhibit(s) }
	sorryInhibit := func(s *ServiceSpec) { withSorry(s); s.Sorry.Inhibit = true }
	sorryIsReal := func(s *ServiceSpec) { s.Sorry = SorryServerSpec{Addr: addr("192.168.0.1"), Port: 80} }
	sorryIsInhibitedReal := func(s *ServiceSpec) { sorryIsReal(s); inhibit(s); s.Sorry.Inhibit = true }
	for _, c := range []struct {
		name   string
		change func(*ServiceSpec)
		quorum bool
		health []int32 // of two servers with configured weights 1 and 2
		want   string
	}{
		{"unknown is up with the configured weight", nil, true, nil, ".1=1 .2=2"},
		{"a weight of the checkers", nil, true, []int32{7}, ".1=7 .2=2"},
		{"down is out", nil, true, []int32{-1}, ".2=2"},
		{"down with inhibit_on_failure is weight 0", inhibit, true, []int32{-1}, ".1=0 .2=2"},
		{"up with weight 0 stays", nil, true, []int32{0}, ".1=0 .2=2"},
		{"quorum lost without sorry server changes nothing", nil, false, []int32{-1}, ".2=2"},
		{"sorry server idle", withSorry, true, nil, ".1=1 .2=2"},
		{"sorry server serves alone", withSorry, false, []int32{-1, 2}, ".9=1"},
		{"suppressed servers with inhibit_on_failure", both, false, []int32{-1, 2}, ".1=0 .2=0 .9=1"},
		{"sorry_server_inhibit idle", sorryInhibit, true, nil, ".1=1 .2=2 .9=0"},
		{"sorry_server_inhibit serving", sorryInhibit, false, nil, ".9=1"},
		{"sorry server is a real server, idle", sorryIsReal, true, nil, ".1=1 .2=2"},
		{"sorry server is a real server, serving", sorryIsReal, false, nil, ".1=1"},
		{"sorry server is an inhibited real server that is down", sorryIsInhibitedReal, true, []int32{-1}, ".1=0 .2=2"},
		{"sorry server is an inhibited real server, serving", sorryIsInhibitedReal, false, nil, ".1=1 .2=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec(c.change, 1, 2)
			got := weightsOf(s.Desired(health(s, c.quorum, c.health...)))
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDesiredWeightBelowZeroCountsAsZero(t *testing.T) {
	s := spec(nil, 1)
	h := health(s, true, 1)
	for id := range h.RealServers {
		h.RealServers[id] = RealServerHealth{Up: true, Weight: -5}
	}
	if got := weightsOf(s.Desired(h)); got != ".1=0" {
		t.Errorf("got %q", got)
	}
}

// TestDesiredIncremental: the table as a whole is the services one by one.
func TestDesiredIncremental(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sp, h := drawSpec(t), Health{}
		h.merge(drawHealth(t, sp))
		whole := Desired(sp, h)
		if len(whole) != len(sp.Services) {
			t.Fatalf("%d services, want %d", len(whole), len(sp.Services))
		}
		for _, s := range sp.Services {
			if !whole[s.Key].Equal(s.Desired(h)) {
				t.Errorf("%v differs", s.Key)
			}
			// Whatever the health, every destination is a server of the configuration with a weight the kernel takes.
			for d, a := range whole[s.Key].Dests {
				known := d == s.Key.dest(s.Sorry.Addr, s.Sorry.Port, s.Sorry.Forwarding)
				for _, rs := range s.RealServers {
					known = known || d == s.Key.dest(rs.Addr, rs.Port, rs.Forwarding)
				}
				if !known || a.Weight < 0 {
					t.Errorf("destination %v %+v", d, a)
				}
			}
		}
	})
}

// drawSpec draws up to four services whose servers, sorry server included, come from a pool of four addresses.
func drawSpec(t *rapid.T) Spec {
	var out Spec
	for i := range rapid.IntRange(0, 4).Draw(t, "services") {
		var weights []int32
		for range rapid.IntRange(0, 4).Draw(t, "servers") {
			weights = append(weights, rapid.Int32Range(0, 3).Draw(t, "weight"))
		}
		s := spec(nil, weights...)
		s.Key = v4Key(fmt.Sprintf("10.0.0.%d:80", i+1))
		s.ID.Addr = s.Key.Addr
		s.Attrs.Scheduler = rapid.SampledFrom([]string{"rr", "wlc", "sh"}).Draw(t, "scheduler")
		for j := range s.RealServers {
			s.RealServers[j].InhibitOnFailure = rapid.Bool().Draw(t, "inhibit")
			s.RealServers[j].Forwarding = rapid.SampledFrom(
				[]confparse.Forwarding{confparse.NAT, confparse.TUN, confparse.DR}).Draw(t, "method")
		}
		if rapid.Bool().Draw(t, "sorry") {
			s.Sorry = SorryServerSpec{Addr: addr(fmt.Sprintf("192.168.0.%d", rapid.IntRange(1, 5).Draw(t, "sorry address"))),
				Port: 80, Inhibit: rapid.Bool().Draw(t, "sorry inhibit")}
		}
		out.Services = append(out.Services, s)
	}
	return out
}

// drawHealth draws the health of some servers of sp.
func drawHealth(t *rapid.T, sp Spec) Health {
	h := Health{
		QuorumUp:    make(map[confparse.VirtualServerID]bool),
		RealServers: make(map[confparse.RealServerID]RealServerHealth),
	}
	for _, s := range sp.Services {
		if rapid.Bool().Draw(t, "quorum known") {
			h.QuorumUp[s.ID] = rapid.Bool().Draw(t, "quorum")
		}
		for _, rs := range s.RealServers {
			if rapid.Bool().Draw(t, "health known") {
				h.RealServers[confparse.RealServerID{VS: s.ID, Addr: rs.Addr, Port: rs.Port}] = RealServerHealth{
					Up: rapid.Bool().Draw(t, "up"), Weight: rapid.Int32Range(-1, 4).Draw(t, "weight"),
				}
			}
		}
	}
	return h
}

// TestDestSet: a destination is new once, however many there are, also when the set is used again.
func TestDestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set destSet
		for range 2 {
			set.few, set.many = set.few[:0], nil
			seen := map[uint16]bool{}
			for _, port := range rapid.SliceOfN(rapid.Uint16Range(1, 40), 0, 80).Draw(t, "ports") {
				if got := set.add(netip.AddrPortFrom(addr("10.0.0.2"), port)); got == seen[port] {
					t.Fatalf("port %d: new %v", port, got)
				}
				seen[port] = true
			}
		}
	})
}
