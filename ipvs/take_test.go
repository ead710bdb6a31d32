package ipvs

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/fuzzing"
	"vigil/ipvs/pool"
)

// specOf is a Spec of the given virtual servers.
func specOf(vs ...VirtualServerSpec) Spec { return Spec{VirtualServers: vs} }

// touched returns the keys of what was touched since the last call.
func touched(r *Reconciler) map[ServiceKey]bool {
	out := make(map[ServiceKey]bool)
	for _, e := range r.takeDirty() {
		out[e.key] = true
	}
	return out
}

// group is a virtual server of several services, which share its pool.
func group(keys ...ServiceKey) VirtualServerSpec {
	vs := spec(nil, 1)
	attrs := vs.Services[0].Attrs
	vs.ID = confparse.VirtualServerID{Group: "web"}
	vs.Services = nil
	for _, k := range keys {
		vs.Services = append(vs.Services, ServiceSpec{Key: k, Attrs: attrs})
	}
	return vs
}

// One virtual server may stand for several services; its servers and its quorum are those of all of them.
func TestChangeOfHealthReachesEveryServiceOfTheVirtualServer(t *testing.T) {
	a, b := v4Key("10.0.0.1:80"), ServiceKey{Family: confparse.IPv4, Fwmark: 7}
	vs, other := group(a, b), spec(nil, 1)
	other.Services[0].Key.Port, other.ID.Port = 82, 82
	r := NewReconciler(Options{})
	r.setSpec(specOf(vs, other), Health{})
	touched(r)
	r.changeHealth(changed(vs, -1))
	if diff := cmp.Diff(map[ServiceKey]bool{a: true, b: true}, touched(r), comparable); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.changeHealth(changed(vs, -1)); len(r.dirty) != 0 {
		t.Error("no news concerns somebody")
	}
	if p := r.servers[vs.ID].pool; p.Live() != 0 || p.QuorumUp() {
		t.Errorf("live weight %d, quorum %v: the servers count once however many services have them", p.Live(), p.QuorumUp())
	}
}

// A group that a reload leaves as it is keeps all of its services.
func TestUnchangedGroupKeepsItsServices(t *testing.T) {
	vs := group(v4Key("10.0.0.1:80"), v4Key("10.0.0.2:80"), ServiceKey{Family: confparse.IPv4, Fwmark: 7})
	next, ok := specOf(vs).Updated(&confparse.Config{VirtualServers: []*confparse.VirtualServer{{ID: vs.ID, Unchanged: true}}})
	if !ok || !next.Equal(specOf(vs)) || len(next.VirtualServers[0].Services) != 3 {
		t.Fatalf("%v, %+v", ok, next)
	}
	r := NewReconciler(Options{})
	r.setSpec(specOf(vs), Health{})
	touched(r)
	r.setSpec(next, Health{})
	if len(r.sequence) != 3 || len(r.dirty) != 0 {
		t.Errorf("%d services, %d touched", len(r.sequence), len(r.dirty))
	}
}

// TestSpecTouchesOnlyWhatDiffers: a new Spec concerns the services that it wants otherwise than they were wanted, be it
// for the configuration or for the health of their servers.
func TestSpecTouchesOnlyWhatDiffers(t *testing.T) {
	second := func(change func(*VirtualServerSpec)) VirtualServerSpec {
		s := spec(nil, 1, 2)
		s.Services[0].Key.Port, s.ID.Port = 81, 81
		if change != nil {
			change(&s)
		}
		return s
	}
	a, b := spec(nil, 1, 2), second(nil)
	keyA, keyB := a.Services[0].Key, b.Services[0].Key
	down := health(b, -1)
	onlyB, none := map[ServiceKey]bool{keyB: true}, map[ServiceKey]bool{}
	for _, c := range []struct {
		name   string
		change []HealthChange // before the new Spec
		next   []VirtualServerSpec
		health Health
		want   map[ServiceKey]bool
	}{
		{"nothing", nil, []VirtualServerSpec{a, b}, Health{}, none},
		{"the order of the services", nil, []VirtualServerSpec{b, a}, Health{}, none},
		{"a server less", nil, []VirtualServerSpec{a, second(func(s *VirtualServerSpec) {
			s.Pool.Servers = s.Pool.Servers[:1]
		})}, Health{}, onlyB},
		{"another name", nil, []VirtualServerSpec{a, second(func(s *VirtualServerSpec) {
			s.ID = confparse.VirtualServerID{Group: "other"}
		})}, Health{}, onlyB},
		{"another scheduler", nil, []VirtualServerSpec{a, second(func(s *VirtualServerSpec) {
			s.Services[0].Attrs.Scheduler = "rr"
		})}, Health{}, onlyB},
		{"another quorum", nil, []VirtualServerSpec{a, second(func(s *VirtualServerSpec) { s.Pool.Quorum = 3 })},
			Health{}, onlyB},
		{"a server down", nil, []VirtualServerSpec{a, b}, down, onlyB},
		{"a server down as before", changed(b, -1), []VirtualServerSpec{a, b}, down, none},
		{"a server that was down", changed(b, -1), []VirtualServerSpec{a, b}, Health{}, onlyB},
		{"a service less", nil, []VirtualServerSpec{a}, Health{}, onlyB},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReconciler(Options{})
			r.setSpec(specOf(a, b), Health{})
			if diff := cmp.Diff(map[ServiceKey]bool{keyA: true, keyB: true}, touched(r), comparable); diff != "" {
				t.Errorf("the first Spec (-want +got):\n%s", diff)
			}
			r.changeHealth(c.change)
			touched(r)
			r.setSpec(specOf(c.next...), c.health)
			if diff := cmp.Diff(c.want, touched(r), comparable); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Whatever was kept of the Spec before, what is wanted is what the new one says.
			for i := range c.next {
				s := &c.next[i]
				e, vs := r.entries[s.Services[0].Key], r.servers[s.ID]
				want := pool.New(&s.Pool, s.health(c.health, nil))
				if vs.spec != s || !slices.Contains(vs.entries, e) || e.vs != vs || e.pos != i {
					t.Fatalf("%v: %+v", s.ID, e)
				}
				if diff := cmp.Diff(s.dests(want, 0, nil), s.dests(vs.pool, 0, nil), comparable, cmp.AllowUnexported(dest{})); diff != "" {
					t.Errorf("%v (-want +got):\n%s", s.ID, diff)
				}
			}
		})
	}
}

// TestManyChangesCostTheSameInOnePool: 10,000 servers that change together cost in one pool what they cost in 100 pools.
func TestManyChangesCostTheSameInOnePool(t *testing.T) {
	const servers = 10_000
	build := func(pools int) (Spec, []HealthChange) {
		var all []VirtualServerSpec
		var down []HealthChange
		for i := range pools {
			vs := spec(nil)
			vs.Services[0].Key.Port, vs.ID.Port, vs.Pool.Quorum = uint16(i+1), uint16(i+1), 1
			for j := range servers / pools {
				vs.Pool.Servers = append(vs.Pool.Servers, pool.Server{Addr: addr("10.9.0.1"), Port: uint16(j + 1), Weight: 1})
				down = append(down, HealthChange{Server: vs.serverID(j)})
			}
			all = append(all, vs)
		}
		return specOf(all...), down
	}
	cost := func(s Spec, down []HealthChange) time.Duration {
		r := NewReconciler(Options{})
		r.setSpec(s, Health{})
		took := fuzzing.Cost(t, func() { r.changeHealth(down) })
		for _, vs := range r.servers {
			if vs.pool.QuorumUp() || vs.pool.Live() != 0 {
				t.Fatalf("live weight %d after all went down", vs.pool.Live())
			}
		}
		return took
	}
	one, downInOne := build(1)
	many, downInMany := build(100)
	inOne, inMany := time.Hour, time.Hour
	for range 7 { // in turn, so that what else runs meets both
		inOne, inMany = min(inOne, cost(one, downInOne)), min(inMany, cost(many, downInMany))
	}
	t.Logf("in one pool %v, in 100 pools %v", inOne, inMany)
	if inOne > 10*inMany {
		t.Errorf("in one pool %v, in 100 pools %v", inOne, inMany)
	}
}
