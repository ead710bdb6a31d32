package election

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/confparse"
)

// anyInstances are up to five instances with extreme values, whose addresses and identities may collide.
var anyInstances = rapid.Custom(func(t *rapid.T) Spec {
	var spec Spec
	members := make(map[confparse.GroupName][]confparse.InstanceName)
	for i := range rapid.IntRange(0, 5).Draw(t, "instances") {
		s := anySpec.Draw(t, "instance")
		s.Name = confparse.InstanceName(fmt.Sprint("VI_", i))
		s.VRID = uint8(rapid.IntRange(1, 4).Draw(t, "vrid"))
		s.Version = rapid.SampledFrom([]uint8{2, 3}).Draw(t, "version")
		s.AdvertInterval = rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond, time.Second, 40950 * time.Millisecond, 255 * time.Second}).
			Draw(t, "interval")
		s.Family, s.Peers = confparse.IPv4, nil
		s.Addresses = nil
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 0, 4, rapid.ID).Draw(t, "addresses") {
			s.Addresses = append(s.Addresses, Address{Prefix: netip.PrefixFrom(source(n), 32), Link: "eth0"})
		}
		s.Excluded = nil
		spec.Instances = append(spec.Instances, s)
		if g := rapid.SampledFrom([]confparse.GroupName{"", "G", "H"}).Draw(t, "group"); g != "" {
			members[g] = append(members[g], s.Name)
		}
	}
	for _, g := range []confparse.GroupName{"G", "H"} {
		if len(members[g]) > 0 {
			spec.Groups = append(spec.Groups, GroupSpec{Name: g, Members: members[g]})
		}
	}
	return spec
})

// executor carries out what an Engine wants, at once, and checks that it makes sense.
type executor struct {
	*Engine
	t       *rapid.T
	now     Instant
	delay   time.Duration
	routers map[Handle]*executed
	groups  map[confparse.GroupName]State // as last notified
	host    map[Resource]bool
	failing func(Resource) bool
}

// executed is what the executor knows of one router.
type executed struct {
	name  confparse.InstanceName
	state State
	told  State
	own   Own
	lacks []Failure // of own
	ended bool
}

// spot is what two resources have in common that are one on the host.
func spot(r Resource) Resource {
	a, ok := r.(Address)
	if !ok {
		return r
	}
	return Address{Prefix: a.Prefix, Link: a.Link}
}

func (x *executor) do(actions []InstanceAction) {
	var answers []func() []InstanceAction
	for _, a := range slices.Clone(actions) {
		r := x.routers[a.Handle]
		if r != nil && r.ended {
			x.t.Fatalf("%s: %T after Stopped", a.Name, a.Action)
		}
		switch act := a.Action.(type) {
		case Start:
			x.routers[a.Handle] = &executed{name: a.Name}
			answers = append(answers, func() []InstanceAction {
				return x.Engine.Step(x.now, a.Handle, Started{LinkUp: true, Source: routerB, Delay: x.delay})
			})
		case StateChanged:
			if act.From != r.state {
				x.t.Fatalf("%s: from %v, was %v", a.Name, act.From, r.state)
			}
			r.state = act.To
		case Own:
			failures := x.carryOut(a.Name, r, act)
			answers = append(answers, func() []InstanceAction {
				return x.Engine.Step(x.now, a.Handle, EffectDone{act.Generation, failures})
			})
		case Announce:
			if r.state != Master || r.own.Quiet {
				x.t.Fatalf("%s announces as %v, quiet: %t", a.Name, r.state, r.own.Quiet)
			}
			for _, address := range act.Addresses {
				if !slices.Contains(r.own.Resources, Resource(address)) {
					x.t.Fatalf("%s announces %v, which it does not want", a.Name, address.Prefix)
				}
			}
		case Notify:
			x.notified(r, act)
		case Stopped:
			r.ended = true
			if len(r.own.Resources) > 0 {
				x.t.Fatalf("%s has stopped with %v", a.Name, r.own.Resources)
			}
		}
	}
	x.check()
	for _, answer := range answers {
		x.do(answer())
	}
}

func (x *executor) carryOut(name confparse.InstanceName, r *executed, o Own) (failures []Failure) {
	if o.Generation != r.own.Generation+1 {
		x.t.Fatalf("%s: generation %d after %d", name, o.Generation, r.own.Generation)
	}
	r.own = o
	for _, res := range o.Remove {
		delete(x.host, spot(res))
	}
	for _, res := range o.Resources {
		switch {
		case x.failing(res) && !x.host[spot(res)]:
			failures = append(failures, Failure{res, errEffect})
		case !o.Quiet:
			x.host[spot(res)] = true
		}
	}
	r.lacks = failures
	return failures
}

func (x *executor) notified(r *executed, n Notify) {
	if n.Group != "" {
		if n.From != x.groups[n.Group] {
			x.t.Fatalf("group %s: told %v→%v, was %v", n.Group, n.From, n.To, x.groups[n.Group])
		}
		x.groups[n.Group] = n.To
		return
	}
	if n.Kind != NotifyTransition {
		if n.From != n.To || n.To != r.told || n.To != r.state || n.Kind == NotifyLowerMaster && n.To != Master {
			x.t.Fatalf("%s: %+v, told %v, is %v", r.name, n, r.told, r.state)
		}
		return
	}
	if n.From != r.told || n.To != r.state {
		x.t.Fatalf("%s: told %v→%v, was %v, is %v", r.name, n.From, n.To, r.told, r.state)
	}
	r.told = n.To
}

// check compares the host with what the routers want: everything, and nothing else.
func (x *executor) check() {
	wanted := make(map[Resource]bool)
	for _, r := range x.routers {
		for _, res := range r.own.Resources {
			wanted[spot(res)] = true
			if !x.host[spot(res)] && !fails(r.lacks, res) {
				x.t.Fatalf("%s wants %v, which is not there", r.name, res)
			}
		}
	}
	for res := range x.host {
		if !wanted[res] {
			x.t.Fatalf("%v is there, and nobody wants it", res)
		}
	}
	if d, ok := x.Engine.Deadline(); ok && d == Never {
		x.t.Fatal("a deadline that never comes")
	}
}

// event lets something happen to a random router.
func (x *executor) event(t *rapid.T) {
	handles := make([]Handle, 0, len(x.routers))
	for h := range x.routers {
		handles = append(handles, h)
	}
	slices.Sort(handles)
	h := rapid.SampledFrom(append(handles, 4711)).Draw(t, "router")
	switch rapid.IntRange(0, 9).Draw(t, "event") {
	case 0:
		x.do(x.Engine.Step(x.now, h, LinkChanged{Up: rapid.Bool().Draw(t, "up")}))
	case 1:
		x.do(x.Engine.Step(x.now, h, SourceChanged{anyAddr.Draw(t, "source")}))
	case 2:
		x.do(x.Engine.Track(x.now, anyTracker.Draw(t, "tracker"), rapid.IntRange(-2, 2).Draw(t, "value")))
	case 3:
		bad := source(rapid.IntRange(0, 6).Draw(t, "bad"))
		x.failing = func(r Resource) bool {
			a, ok := r.(Address)
			return ok && a.Prefix.Addr() == bad
		}
	case 4:
		if rapid.IntRange(0, 4).Draw(t, "stop") == 0 {
			x.do(x.Engine.Step(x.now, h, Stop{AtOnce: rapid.Bool().Draw(t, "at once")}))
		}
	case 5:
		if r := x.routers[h]; r != nil && r.state == Master && len(r.own.Resources) > 0 {
			lost := r.own.Resources[0]
			x.do(x.Engine.Step(x.now, h, ResourcesLost{[]Resource{lost}}))
		}
	default:
		ev := anyAdvert.Draw(t, "advert")
		if r := x.Engine.routers[h]; r != nil {
			s := r.spec
			ev.Advert.Version, ev.Advert.VRID, ev.Advert.AuthType = s.Version, s.VRID, s.AuthType
			ev.Advert.Interval = max(s.AdvertInterval, 10*time.Millisecond)
		}
		x.do(x.Engine.Step(x.now, h, ev))
	}
}

// wake wakes the Engine; what it starts meanwhile may be due at the same moment once more.
func (x *executor) wake() {
	for range 3 {
		x.do(x.Engine.Wake(x.now))
		if d, ok := x.Engine.Deadline(); !ok || d > x.now {
			return
		}
	}
	x.t.Fatalf("still due after Wake at %v", x.now)
}

// TestReloadsUnderTraffic: whatever specs follow each other, with adverts, failures and faults in between, the host always
// has exactly what the routers want, transitions are told in order, and in the end everything stops within its limit.
func TestReloadsUnderTraffic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := &executor{Engine: NewEngine(), t: t, routers: make(map[Handle]*executed), host: make(map[Resource]bool),
			groups: make(map[confparse.GroupName]State), failing: func(Resource) bool { return false },
			delay: rapid.SampledFrom([]time.Duration{0, 0, 3 * time.Second}).Draw(t, "startup delay")}
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				x.do(x.Engine.Apply(x.now, anyInstances.Draw(t, "spec")))
			case 1:
				x.now = x.now.Add(rapid.SampledFrom([]time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second}).Draw(t, "pause"))
				x.wake()
			case 2, 3:
				if d, ok := x.Engine.Deadline(); ok {
					x.now = max(x.now, d)
					x.wake()
				}
			default:
				x.event(t)
			}
		}
		x.stop()
	})
}

// stop ends everything, within the limit or at once.
func (x *executor) stop() {
	x.do(x.Engine.Stop(x.now))
	end := x.now.Add(x.Engine.StopLimit())
	if rapid.Bool().Draw(x.t, "at once") {
		x.do(x.Engine.StopAtOnce(x.now))
		end = x.now
	}
	for d, ok := x.Engine.Deadline(); ok && d <= end; d, ok = x.Engine.Deadline() {
		x.now = d
		x.wake()
	}
	if !x.Engine.Idle() || len(x.host) > 0 {
		x.t.Fatalf("idle: %t, still there: %v", x.Engine.Idle(), x.host)
	}
	for g, state := range x.groups {
		if state != Init {
			x.t.Fatalf("group %s was last told to be %v", g, state)
		}
	}
	for _, r := range x.routers {
		if r.told != Init && r.told != r.state {
			x.t.Fatalf("%s was last told to be %v, is %v", r.name, r.told, r.state)
		}
	}
}
