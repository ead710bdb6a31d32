package ipvs

import (
	"cmp"
	"maps"
	"slices"
)

// Diff returns the operations that turn have into want, at most one for each service and each destination.
//
// What comes in comes before what goes out: services are added, destinations added, then services and destinations
// changed, destinations removed, and services removed. So the sorry server is in before the last real server leaves,
// and leaves after the first one is back. What exists in both is changed in place, which keeps its connections, and
// a service that goes takes its destinations along in one operation. The order is the same for equal tables.
func Diff(have, want Table) []Op {
	var p plan
	for _, k := range slices.SortedFunc(maps.Keys(want), compareServices) {
		w := want[k]
		dests := make([]dest, 0, len(w.Dests))
		for _, d := range slices.SortedFunc(maps.Keys(w.Dests), DestKey.Compare) {
			dests = append(dests, dest{d, w.Dests[d]})
		}
		h, ok := have[k]
		p.service(k, h, ok, w.Attrs, dests)
	}
	for _, k := range slices.SortedFunc(maps.Keys(have), compareServices) {
		if _, ok := want[k]; !ok {
			p.remove(k)
		}
	}
	return p.ops()
}

// plan collects operations by kind, so that the kinds come out in the order of their constants.
type plan [DelService + 1][]Op

func (p *plan) add(o Op) { p[o.Kind] = append(p[o.Kind], o) }

func (p *plan) len() int {
	n := 0
	for _, ops := range p {
		n += len(ops)
	}
	return n
}

func (p *plan) ops() []Op {
	if p.len() == 0 {
		return nil
	}
	return slices.Concat(p[:]...)
}

// remove plans the removal of a service.
func (p *plan) remove(k ServiceKey) { p.add(Op{Kind: DelService, Service: k}) }

// service plans the change of one service from have (which exists or not) to attrs and dests. New destinations are
// added in the order of dests.
func (p *plan) service(k ServiceKey, have Service, exists bool, attrs ServiceAttrs, dests []dest) {
	if !exists {
		p.add(Op{Kind: AddService, Service: k, Attrs: attrs})
	} else if !have.Attrs.Equal(attrs) {
		p.add(Op{Kind: SetService, Service: k, Attrs: attrs})
	}
	kept := 0
	for _, d := range dests {
		old, ok := have.Dests[d.key]
		if ok {
			kept++
		}
		switch {
		case !ok:
			p.add(Op{Kind: AddDest, Service: k, Dest: d.key, DestAttrs: d.attrs})
		case old != d.attrs:
			p.add(Op{Kind: SetDest, Service: k, Dest: d.key, DestAttrs: d.attrs})
		}
	}
	if kept == len(have.Dests) {
		return
	}
	wanted := make(map[DestKey]bool, len(dests))
	for _, d := range dests {
		wanted[d.key] = true
	}
	for _, d := range slices.SortedFunc(maps.Keys(have.Dests), DestKey.Compare) {
		if !wanted[d] {
			p.add(Op{Kind: DelDest, Service: k, Dest: d})
		}
	}
}

func compareServices(a, b ServiceKey) int {
	return cmp.Or(
		cmp.Compare(a.Fwmark, b.Fwmark),
		cmp.Compare(a.Family, b.Family),
		a.Addr.Compare(b.Addr),
		cmp.Compare(a.Port, b.Port),
		cmp.Compare(a.Protocol, b.Protocol),
	)
}

func (p *plan) clear() {
	for i := range p {
		p[i] = p[i][:0]
	}
}
