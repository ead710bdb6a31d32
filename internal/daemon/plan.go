package daemon

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/pool"
	"vigil/vrrp/election"
)

// Verb is what a Plan does to an object.
type Verb byte

// The verbs, as they are printed.
const (
	Add    Verb = '+'
	Remove Verb = '-'
	Change Verb = '~'
)

// Step is one line of a Plan.
type Step struct {
	Verb   Verb
	Object string // such as "vrrp_instance VI_1" or "real_server [192.0.2.10]:tcp:80 of [198.51.100.1]:tcp:80"
}

// Plan is the difference between two desired states in an operator's terms. It is empty exactly when applying the
// second on top of the first would do nothing.
type Plan struct{ Steps []Step }

// Diff returns what leads from old to new.
func Diff(old, new Desired) Plan {
	var p Plan
	p.instances(old.VRRP, new.VRRP)
	p.groups(old.VRRP, new.VRRP)
	p.services(old.IPVS, new.IPVS)
	if len(p.Steps) == 0 && !old.Checks.Equal(new.Checks) {
		p.add(Change, "health checks")
	}
	return p
}

// Empty reports that there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// Summary is one line that says how much the plan touches, such as "2 added, 1 changed".
func (p Plan) Summary() string {
	count := map[Verb]int{}
	for _, s := range p.Steps {
		count[s.Verb]++
	}
	var parts []string
	for _, v := range []struct {
		verb Verb
		word string
	}{{Add, "added"}, {Change, "changed"}, {Remove, "removed"}} {
		if n := count[v.verb]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.word))
		}
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}

// WriteTo prints the plan, a line for each step.
func (p Plan) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%c %s\n", s.Verb, s.Object)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (p *Plan) add(v Verb, format string, args ...any) {
	p.Steps = append(p.Steps, Step{Verb: v, Object: fmt.Sprintf(format, args...)})
}

func (p *Plan) instances(old, new election.Spec) {
	name := func(s election.InstanceSpec) confparse.InstanceName { return s.Name }
	oldNames, oldMap := byKey(old.Instances, name)
	newNames, newMap := byKey(new.Instances, name)
	added, removed, changed := diffMap(oldNames, oldMap, newNames, newMap, election.InstanceSpec.Equal)
	for _, step := range []struct {
		verb  Verb
		names []confparse.InstanceName
	}{{Add, added}, {Change, changed}, {Remove, removed}} {
		for _, n := range step.names {
			p.add(step.verb, "vrrp_instance %s", n)
		}
	}
}

func (p *Plan) groups(old, new election.Spec) {
	equal := func(a, b election.GroupSpec) bool { return slices.Equal(a.Members, b.Members) }
	name := func(g election.GroupSpec) confparse.GroupName { return g.Name }
	oldNames, oldMap := byKey(old.Groups, name)
	newNames, newMap := byKey(new.Groups, name)
	added, removed, changed := diffMap(oldNames, oldMap, newNames, newMap, equal)
	for _, step := range []struct {
		verb  Verb
		names []confparse.GroupName
	}{{Add, added}, {Change, changed}, {Remove, removed}} {
		for _, n := range step.names {
			p.add(step.verb, "vrrp_sync_group %s", n)
		}
	}
}

func (p *Plan) services(old, new ipvs.Spec) {
	before, after := trimCommon(old.VirtualServers, new.VirtualServers, ipvs.VirtualServerSpec.Equal)
	id := func(s ipvs.VirtualServerSpec) confparse.VirtualServerID { return s.ID }
	oldIDs, oldMap := byKey(before, id)
	newIDs, newMap := byKey(after, id)
	added, removed, changed := diffMap(oldIDs, oldMap, newIDs, newMap, ipvs.VirtualServerSpec.Equal)
	for _, id := range added {
		s := newMap[id]
		p.add(Add, "virtual_server %s", id)
		for _, r := range s.Pool.Servers {
			p.add(Add, "real_server %s of %s", realServer(s, r), id)
		}
	}
	for _, id := range changed {
		p.service(oldMap[id], newMap[id])
	}
	for _, id := range removed {
		p.add(Remove, "virtual_server %s", id)
	}
}

// service says what differs between two versions of one virtual server.
func (p *Plan) service(old, new ipvs.VirtualServerSpec) {
	settings := func(s ipvs.VirtualServerSpec) ipvs.VirtualServerSpec { s.Pool.Servers = nil; return s }
	itself := !settings(old).Equal(settings(new))
	if itself {
		p.add(Change, "virtual_server %s", new.ID)
	}
	oldKeys, oldMap := byKey(old.Pool.Servers, func(r pool.Server) netip.AddrPort { return r.Endpoint() })
	newKeys, newMap := byKey(new.Pool.Servers, func(r pool.Server) netip.AddrPort { return r.Endpoint() })
	added, removed, changed := diffMap(oldKeys, oldMap, newKeys, newMap, equal[pool.Server])
	for _, k := range added {
		p.add(Add, "real_server %s of %s", realServer(new, newMap[k]), new.ID)
	}
	for _, k := range changed {
		p.add(Change, "real_server %s of %s", realServer(new, newMap[k]), new.ID)
	}
	for _, k := range removed {
		p.add(Remove, "real_server %s of %s", realServer(old, oldMap[k]), old.ID)
	}
	if len(added)+len(removed)+len(changed) == 0 && !itself {
		p.add(Change, "order of the real servers of %s", new.ID)
	}
}

func realServer(s ipvs.VirtualServerSpec, r pool.Server) confparse.RealServerID {
	return confparse.RealServerID{VS: s.ID, Addr: r.Addr, Port: r.Port}
}

func equal[V comparable](a, b V) bool { return a == b }

// trimCommon returns a and b without what they have in common at both ends: of a large table a reload changes little.
func trimCommon[V any](a, b []V, same func(V, V) bool) (restA, restB []V) {
	for len(a) > 0 && len(b) > 0 && same(a[0], b[0]) {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && same(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// byKey indexes a list whose keys are unique.
func byKey[K comparable, V any](list []V, key func(V) K) ([]K, map[K]V) {
	keys, m := make([]K, 0, len(list)), make(map[K]V, len(list))
	for _, v := range list {
		k := key(v)
		keys, m[k] = append(keys, k), v
	}
	return keys, m
}

// diffMap compares two maps; the order slices decide the order of the results.
func diffMap[K comparable, V any](oldOrder []K, old map[K]V, newOrder []K, new map[K]V, equal func(a, b V) bool) (added, removed, changed []K) {
	for _, k := range newOrder {
		switch before, ok := old[k]; {
		case !ok:
			added = append(added, k)
		case !equal(before, new[k]):
			changed = append(changed, k)
		}
	}
	for _, k := range oldOrder {
		if _, ok := new[k]; !ok {
			removed = append(removed, k)
		}
	}
	return added, removed, changed
}
