package daemon

import (
	"fmt"
	"io"
	"strings"
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

func step(v Verb, format string, args ...any) Step {
	return Step{Verb: v, Object: fmt.Sprintf(format, args...)}
}

// Plan is the difference between two desired states in an operator's terms: the sum of what the parts say. It is empty
// exactly when the states are equal, and it is what decides whether a reload changes anything.
type Plan struct{ Steps []Step }

// planOf returns what leads from old to new.
func planOf(parts []part, old, new Desired) Plan {
	var p Plan
	for _, part := range parts {
		p.Steps = append(p.Steps, part.diff(old, new)...)
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

// difference is how two lists of keyed things differ.
type difference[K comparable, V any] struct {
	added, removed, changed []K
	reordered               bool // what is in both comes in another order
	old, new                map[K]V
}

// diffLists compares two lists whose keys are unique. What they have in common at both ends is passed over: of a large
// table a reload changes little.
func diffLists[K comparable, V any](old, new []V, key func(V) K, equal func(a, b V) bool) difference[K, V] {
	same := func(a, b V) bool { return key(a) == key(b) && equal(a, b) }
	for len(old) > 0 && len(new) > 0 && same(old[0], new[0]) {
		old, new = old[1:], new[1:]
	}
	for len(old) > 0 && len(new) > 0 && same(old[len(old)-1], new[len(new)-1]) {
		old, new = old[:len(old)-1], new[:len(new)-1]
	}
	d := difference[K, V]{old: make(map[K]V, len(old)), new: make(map[K]V, len(new))}
	for _, v := range old {
		d.old[key(v)] = v
	}
	var stay []K // those in both, in the new order
	for _, v := range new {
		k := key(v)
		d.new[k] = v
		switch before, ok := d.old[k]; {
		case !ok:
			d.added = append(d.added, k)
			continue
		case !equal(before, v):
			d.changed = append(d.changed, k)
		}
		stay = append(stay, k)
	}
	for _, v := range old {
		switch k := key(v); {
		case !has(d.new, k):
			d.removed = append(d.removed, k)
		case k != stay[0]:
			d.reordered = true
			stay = stay[1:]
		default:
			stay = stay[1:]
		}
	}
	return d
}

func has[K comparable, V any](m map[K]V, k K) bool {
	_, ok := m[k]
	return ok
}
