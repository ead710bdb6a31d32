package vrrp

import (
	"errors"

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
	var (
		addrs  []lan.Address
		routes []routing.Route
		rules  []routing.Rule
	)
	for _, res := range w.own.Resources {
		if !suspects[res] || !w.have[res] {
			continue
		}
		switch res := res.(type) {
		case election.Address:
			addrs = append(addrs, lan.Address(res))
		case election.Route:
			routes = append(routes, res.Route)
		case election.Rule:
			rules = append(rules, res.Rule)
		}
	}
	var gone []election.Resource
	lost := func(res election.Resource) {
		delete(w.have, res)
		gone = append(gone, res)
	}
	if missing, err := lan.Missing(w.network, addrs); err == nil {
		for _, a := range missing {
			lost(election.Address(a))
		}
	}
	if missing, err := w.network.MissingRoutes(routes); err == nil {
		for _, r := range missing {
			lost(election.Route{Route: r})
		}
	}
	if missing, err := w.network.MissingRules(rules); err == nil {
		for _, r := range missing {
			lost(election.Rule{Rule: r})
		}
	}
	if len(gone) > 0 {
		w.report(result{generation: w.own.Generation, lost: gone})
	}
}
