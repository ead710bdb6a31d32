package ipvs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// service is a TCP service 10.0.0.1:80 with NAT servers 192.168.0.1, .2, … :80 of the given weights.
func spec(change func(*VirtualServerSpec), weights ...int32) VirtualServerSpec {
	k := v4Key("10.0.0.1:80")
	s := VirtualServerSpec{
		ID:       confparse.VirtualServerID{Family: k.Family, Protocol: k.Protocol, Addr: k.Addr, Port: k.Port},
		Services: []ServiceSpec{{Key: k, Attrs: ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff}}},
	}
	for _, w := range weights {
		s.Pool.Quorum = max(s.Pool.Quorum, uint32(min(w, 1)))
	}
	for i, w := range weights {
		s.Pool.Servers = append(s.Pool.Servers, pool.Server{
			Addr: addr(fmt.Sprintf("192.168.0.%d", i+1)), Port: 80, Weight: w,
		})
	}
	if change != nil {
		change(&s)
	}
	return s
}

func withSorry(s *VirtualServerSpec) {
	s.Pool.Sorry = pool.SorryServer{Addr: addr("192.168.0.9"), Port: 80}
}

func inhibit(s *VirtualServerSpec) {
	for i := range s.Pool.Servers {
		s.Pool.Servers[i].InhibitOnFailure = true
	}
}

// health is that of s's servers: a negative weight is down. Servers beyond the weights are not mentioned.
func health(s VirtualServerSpec, weights ...int32) Health {
	h := Health{RealServers: make(map[confparse.RealServerID]RealServerHealth)}
	for i, w := range weights {
		h.RealServers[s.serverID(i)] = RealServerHealth{Up: w >= 0, Weight: max(w, 0)}
	}
	return h
}

// desired is what the first service of s is to be.
func desired(s VirtualServerSpec, h Health) Service {
	return Desired(Spec{VirtualServers: []VirtualServerSpec{s}}, h)[s.Services[0].Key]
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
	quorum3 := func(s *VirtualServerSpec) { s.Pool.Quorum = 3 }
	sorryQuorum3 := func(s *VirtualServerSpec) { withSorry(s); quorum3(s) }
	both := func(s *VirtualServerSpec) { sorryQuorum3(s); inhibit(s) }
	sorryInhibit := func(s *VirtualServerSpec) { withSorry(s); s.Pool.Sorry.Inhibit = true }
	sorryIsReal := func(s *VirtualServerSpec) { s.Pool.Sorry = pool.SorryServer{Addr: addr("192.168.0.1"), Port: 80} }
	sorryIsInhibitedReal := func(s *VirtualServerSpec) { sorryIsReal(s); inhibit(s); s.Pool.Sorry.Inhibit = true }
	for _, c := range []struct {
		name   string
		change func(*VirtualServerSpec)
		health []int32 // of two servers with configured weights 1 and 2
		want   string
	}{
		{"unknown is up with the configured weight", nil, nil, ".1=1 .2=2"},
		{"a weight of the checkers", nil, []int32{7}, ".1=7 .2=2"},
		{"down is out", nil, []int32{-1}, ".2=2"},
		{"down with inhibit_on_failure is weight 0", inhibit, []int32{-1}, ".1=0 .2=2"},
		{"up with weight 0 stays", nil, []int32{0}, ".1=0 .2=2"},
		{"quorum lost without sorry server changes nothing", quorum3, []int32{-1}, ".2=2"},
		{"sorry server idle", withSorry, nil, ".1=1 .2=2"},
		{"sorry server serves alone", sorryQuorum3, []int32{-1, 2}, ".9=1"},
		{"suppressed servers with inhibit_on_failure", both, []int32{-1, 2}, ".1=0 .2=0 .9=1"},
		{"sorry_server_inhibit idle", sorryInhibit, nil, ".1=1 .2=2 .9=0"},
		{"sorry_server_inhibit serving", sorryInhibit, []int32{-1, -1}, ".9=1"},
		{"sorry server is a real server, idle", sorryIsReal, nil, ".1=1 .2=2"},
		{"sorry server is a real server, serving", sorryIsReal, []int32{-1, -1}, ".1=1"},
		{"sorry server is an inhibited real server that is down", sorryIsInhibitedReal, []int32{-1}, ".1=0 .2=2"},
		{"sorry server is an inhibited real server, serving", sorryIsInhibitedReal, []int32{-1, -1}, ".1=1 .2=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec(c.change, 1, 2)
			if got := weightsOf(desired(s, health(s, c.health...))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDesiredWeightBelowZeroCountsAsZero(t *testing.T) {
	s := spec(nil, 1)
	h := health(s, 1)
	for id := range h.RealServers {
		h.RealServers[id] = RealServerHealth{Up: true, Weight: -5}
	}
	if got := weightsOf(desired(s, h)); got != ".1=0" {
		t.Errorf("got %q", got)
	}
}

// TestDesiredIncremental: the table as a whole is the services one by one.
func TestDesiredIncremental(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sp := drawSpec(t)
		h := drawHealth(t, sp)
		whole := Desired(sp, h)
		if len(whole) != len(sp.VirtualServers) {
			t.Fatalf("%d services, want %d", len(whole), len(sp.VirtualServers))
		}
		for _, s := range sp.VirtualServers {
			key := s.Services[0].Key
			if !whole[key].Equal(desired(s, h)) {
				t.Errorf("%v differs", key)
			}
			// Whatever the health, every destination is a server of the configuration with a weight the kernel takes.
			for d, a := range whole[key].Dests {
				known := d == s.destKey(0, pool.Sorry)
				for i := range s.Pool.Servers {
					known = known || d == s.destKey(0, i)
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
		service := &s.Services[0]
		service.Key = v4Key(fmt.Sprintf("10.0.0.%d:80", i+1))
		s.ID.Addr = service.Key.Addr
		service.Attrs.Scheduler = rapid.SampledFrom([]string{"rr", "wlc", "sh"}).Draw(t, "scheduler")
		for j := range s.Pool.Servers {
			s.Pool.Servers[j].InhibitOnFailure = rapid.Bool().Draw(t, "inhibit")
			s.Pool.Servers[j].Forwarding = rapid.SampledFrom(
				[]confparse.Forwarding{confparse.NAT, confparse.TUN, confparse.DR}).Draw(t, "method")
		}
		if rapid.Bool().Draw(t, "sorry") {
			s.Pool.Sorry = pool.SorryServer{Addr: addr(fmt.Sprintf("192.168.0.%d", rapid.IntRange(1, 5).Draw(t, "sorry address"))),
				Port: 80, Inhibit: rapid.Bool().Draw(t, "sorry inhibit")}
		}
		out.VirtualServers = append(out.VirtualServers, s)
	}
	return out
}

// drawHealth draws the health of some servers of sp.
func drawHealth(t *rapid.T, sp Spec) Health {
	h := Health{RealServers: make(map[confparse.RealServerID]RealServerHealth)}
	for _, s := range sp.VirtualServers {
		for _, rs := range s.Pool.Servers {
			if rapid.Bool().Draw(t, "health known") {
				h.RealServers[confparse.RealServerID{VS: s.ID, Addr: rs.Addr, Port: rs.Port}] = RealServerHealth{
					Up: rapid.Bool().Draw(t, "up"), Weight: rapid.Int32Range(-1, 4).Draw(t, "weight"),
				}
			}
		}
	}
	return h
}
