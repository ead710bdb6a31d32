package vrrp

import (
	"slices"

	"vigil/internal/netio"
	"vigil/internal/routing"
)

func (h *host) AddRoute(r routing.Route) error {
	if err := h.ask("add route", r.Dest.Addr()); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.routes, r) {
		h.routes = append(h.routes, r)
	}
	return nil
}

func (h *host) DelRoute(r routing.Route) error {
	if err := h.ask("del route", r.Dest.Addr()); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.routes, r) {
		h.routes = slices.DeleteFunc(h.routes, func(o routing.Route) bool { return o == r })
		h.tell(netio.RouteGone{Dest: r.Dest.Masked()})
	}
	return nil
}

func (h *host) MissingRoutes(list []routing.Route) (missing []routing.Route, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(list) > 0 && h.unreadable != nil {
		return nil, h.unreadable
	}
	for _, r := range list {
		if !slices.Contains(h.routes, r) {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

func (h *host) AddRule(r routing.Rule) error {
	if err := h.ask("add rule", r.From.Addr()); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.rules, r) {
		h.rules = append(h.rules, r)
	}
	return nil
}

func (h *host) DelRule(r routing.Rule) error {
	if err := h.ask("del rule", r.From.Addr()); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.rules, r) {
		h.rules = slices.DeleteFunc(h.rules, func(o routing.Rule) bool { return o == r })
		h.tell(netio.RuleGone{Preference: r.Preference, IPv6: r.IPv6})
	}
	return nil
}

func (h *host) MissingRules(list []routing.Rule) (missing []routing.Rule, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range list {
		if !slices.Contains(h.rules, r) {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// RemoveLeft implements lan.Network. Rules are told apart by their preference.
func (h *host) RemoveLeft(routes []routing.Route, rules []routing.Rule) (gone []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.routes = slices.DeleteFunc(h.routes, func(r routing.Route) bool {
		left := !slices.Contains(routes, r)
		if left {
			gone = append(gone, "route "+r.String())
		}
		return left
	})
	return gone, nil
}
