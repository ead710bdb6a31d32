package ipvs

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// changes writes the operations between two tables as an operator reads them.
func changes(have, want Table) []string {
	var out []string
	for _, op := range Diff(have, want) {
		out = append(out, op.String())
	}
	return out
}

func TestDiff(t *testing.T) {
	two := spec(withSorry, 1, 2)
	table := func(s VirtualServerSpec, h Health) Table {
		return Desired(Spec{VirtualServers: []VirtualServerSpec{s}}, h)
	}
	other := func(f func(*VirtualServerSpec)) Table {
		s := spec(withSorry, 1, 2)
		f(&s)
		return table(s, Health{})
	}
	up := table(two, Health{})
	sorry := table(two, health(two, -1, -1))
	const vs = "tcp 10.0.0.1:80"
	for _, c := range []struct {
		name       string
		have, want Table
		ops        []string
	}{
		{"nothing", up, up, nil},
		{"from nothing", nil, up, []string{"add " + vs + " wlc", "add " + vs + " -> 192.168.0.1:80 weight 1",
			"add " + vs + " -> 192.168.0.2:80 weight 2"}},
		{"to nothing takes one operation", up, nil, []string{"delete " + vs}},
		{"the sorry server is in before the last real server leaves", up, sorry, []string{
			"add " + vs + " -> 192.168.0.9:80 weight 1",
			"delete " + vs + " -> 192.168.0.1:80", "delete " + vs + " -> 192.168.0.2:80"}},
		{"the sorry server leaves after the first real server is back", sorry, up, []string{
			"add " + vs + " -> 192.168.0.1:80 weight 1", "add " + vs + " -> 192.168.0.2:80 weight 2",
			"delete " + vs + " -> 192.168.0.9:80"}},
		{"a scheduler is changed in place", up, other(func(s *VirtualServerSpec) { s.Services[0].Attrs.Scheduler = "rr" }),
			[]string{"set " + vs + " rr"}},
		{"a weight is changed in place", up, other(func(s *VirtualServerSpec) { s.Pool.Servers[0].Weight = 5 }),
			[]string{"set " + vs + " -> 192.168.0.1:80 weight 5"}},
		{"a threshold is changed in place", up, other(func(s *VirtualServerSpec) { s.Pool.Servers[0].UpperThreshold = 5 }),
			[]string{"set " + vs + " -> 192.168.0.1:80 weight 1"}},
		{"a method is changed in place", up, other(func(s *VirtualServerSpec) { s.Pool.Servers[0].Forwarding = confparse.DR }),
			[]string{"set " + vs + " -> 192.168.0.1:80 weight 1"}},
		{"another port is another destination", up, other(func(s *VirtualServerSpec) { s.Pool.Servers[0].Port = 81 }),
			[]string{"add " + vs + " -> 192.168.0.1:81 weight 1", "delete " + vs + " -> 192.168.0.1:80"}},
		{"another port of the service is another service", up, other(func(s *VirtualServerSpec) { s.Services[0].Key.Port = 81 }), []string{
			"add tcp 10.0.0.1:81 wlc", "add tcp 10.0.0.1:81 -> 192.168.0.1:80 weight 1",
			"add tcp 10.0.0.1:81 -> 192.168.0.2:80 weight 2", "delete " + vs}},
		{"the kernel's own flag is no difference", other(func(s *VirtualServerSpec) { s.Services[0].Attrs.Flags = Hashed }), up, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.ops, changes(c.have, c.want)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffIsMinimalOrderedAndDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := drawTable(t), drawTable(t)
		ops := Diff(have, want)
		if diff := cmp.Diff(ops, Diff(shuffled(have), shuffled(want)), comparable); diff != "" {
			t.Errorf("two runs differ:\n%s", diff)
		}
		type object struct {
			s ServiceKey
			d DestKey
		}
		seen := make(map[object]bool)
		for i, op := range ops {
			o := object{op.Service, op.Dest}
			if seen[o] {
				t.Errorf("two operations on %v", o)
			}
			seen[o] = true
			if i > 0 && ops[i-1].Kind > op.Kind {
				t.Errorf("%v after %v", op, ops[i-1])
			}
		}
		if again := Diff(want, want); len(again) != 0 {
			t.Errorf("a table differs from itself: %v", again)
		}
	})
}

func drawTable(t *rapid.T) Table {
	sp := drawSpec(t)
	return Desired(sp, drawHealth(t, sp))
}

// shuffled is the table in maps that were filled in another order.
func shuffled(t Table) Table {
	out := make(Table)
	keys := make([]ServiceKey, 0, len(t))
	for k := range t {
		keys = append(keys, k)
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, k := range keys {
		out[k] = Service{Attrs: t[k].Attrs, Dests: maps.Clone(t[k].Dests)}
	}
	return out
}

// New destinations go in as the configuration has them: hashing schedulers give another result for another order, and
// both directors of a pair must agree.
func TestPlanAddsDestinationsInFileOrder(t *testing.T) {
	s := spec(nil, 1, 1, 1)
	s.Pool.Servers[0], s.Pool.Servers[2] = s.Pool.Servers[2], s.Pool.Servers[0]
	var p plan
	p.service(s.Services[0].Key, Service{}, false, s.Services[0].Attrs, s.dests(pool.New(&s.Pool, s.health(Health{}, nil)), 0, nil))
	var got []string
	for _, op := range p.ops()[1:] {
		got = append(got, op.Dest.Addr().String())
	}
	if diff := cmp.Diff([]string{"192.168.0.3", "192.168.0.2", "192.168.0.1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkDiff1000x10Unchanged(b *testing.B) {
	have := make(Table)
	s := spec(nil, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	for i := range 1000 {
		s.Services[0].Key.Port = uint16(i + 1)
		have[s.Services[0].Key] = desired(s, Health{})
	}
	for b.Loop() {
		if ops := Diff(have, have); ops != nil {
			b.Fatal(ops)
		}
	}
}
