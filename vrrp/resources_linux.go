package vrrp

import (
	"errors"
	"slices"

	"vigil/internal/routing"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

var errResource = errors.New("unknown kind of resource")

// install puts a resource in place.
func (w *reconciler) install(p *lan.Placer, res election.Resource) error {
	switch res := res.(type) {
	case election.Address:
		index, err := p.Add(lan.Address(res))
		if err == nil {
			w.places.set(res, index)
		}
		return err
	case election.Route:
		return w.network.AddRoute(res.Route)
	case election.Rule:
		return w.network.AddRule(res.Rule)
	case election.Promote:
		return w.network.KeepSecondaries(res.Link, true)
	case election.NoAccept:
		return w.network.NoAccept(res.Addr, res.Link)
	}
	return errResource
}

// remove takes a resource away, and with it those that are the same thing to the kernel under other attributes.
func (w *reconciler) remove(p *lan.Placer, res election.Resource) error {
	delete(w.have, res)
	if a, ok := res.(election.Address); ok {
		for have := range w.have {
			if b, ok := have.(election.Address); ok && b.Prefix == a.Prefix && b.Link == a.Link {
				delete(w.have, have)
			}
		}
	}
	return uninstall(w.network, w.places, p, res)
}

// uninstall takes a resource out of the kernel.
func uninstall(n lan.Network, places *places, p *lan.Placer, res election.Resource) error {
	switch res := res.(type) {
	case election.Address:
		err := p.Remove(lan.Address(res), places.of(res))
		if err == nil {
			places.forget(res)
		}
		return err
	case election.Route:
		return n.DelRoute(res.Route)
	case election.Rule:
		return n.DelRule(res.Rule)
	case election.Promote:
		return n.KeepSecondaries(res.Link, false)
	case election.NoAccept:
		return n.Accept(res.Addr, res.Link)
	}
	return errResource
}

// verify reports those of the suspects that are installed as far as we are concerned and are not there. What cannot be
// found out now the next notification asks again.
func (w *reconciler) verify(suspects map[election.Resource]bool) {
	if gone, _ := w.lost(func(res election.Resource) bool { return suspects[res] }); len(gone) > 0 {
		w.report(result{generation: w.own.Generation, lost: gone})
	}
}

// lost returns those of what is installed as far as we are concerned that are not there, and takes them for not installed. The error
// says that some of it could not be found out.
func (w *reconciler) lost(among func(election.Resource) bool) (gone []election.Resource, unknown error) {
	var (
		addrs  []lan.Address
		routes []routing.Route
		rules  []routing.Rule
	)
	for _, res := range w.own.Resources {
		if !w.have[res] || !among(res) {
			continue
		}
		switch res := res.(type) {
		case election.Address:
			addrs = append(addrs, lan.Address(res))
		case election.Route:
			routes = append(routes, res.Route)
		case election.Rule:
			rules = append(rules, res.Rule)
		case election.NoAccept:
			if !w.network.NotAccepted(res.Addr, res.Link) {
				gone = append(gone, res)
			}
		}
	}
	noAddress, errAddresses := lan.Missing(w.network, addrs)
	for _, a := range noAddress {
		gone = append(gone, election.Address(a))
	}
	noRoute, errRoutes := w.network.MissingRoutes(routes)
	for _, r := range noRoute {
		gone = append(gone, election.Route{Route: r})
	}
	noRule, errRules := w.network.MissingRules(rules)
	for _, r := range noRule {
		gone = append(gone, election.Rule{Rule: r})
	}
	for _, res := range gone {
		delete(w.have, res)
	}
	return gone, errors.Join(errAddresses, errRoutes, errRules)
}

// look is the order to find out whether all of these are there. It is answered in any case.
type look struct {
	resources []election.Resource
}

// looked is the answer to a look.
type looked struct {
	*look
	lost    []election.Resource
	unknown error // of some it could not be found out
}

func (w *reconciler) look(l *look) {
	gone, err := w.lost(func(res election.Resource) bool { return slices.Contains(l.resources, res) })
	w.report(result{generation: w.own.Generation, looked: &looked{l, gone, err}})
}
