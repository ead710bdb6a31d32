package lan

import (
	"errors"
	"net/netip"
	"sync"

	"vigil/internal/firewall"
	"vigil/internal/routing"
)

// Settings are what concerns the host as a whole.
type Settings struct {
	Filter firewall.FilterOptions
	// NoLocalIGMP has the host not report that it is in groups of 224.0.0.0/24, as long as we run (disable_local_igmp).
	NoLocalIGMP bool
}

// settings remembers what was changed, to put it back.
type settings struct {
	mu      sync.Mutex
	reports *bool // whether local groups were reported before; nil = not changed
}

// Configure implements Network.
func (k *Kernel) Configure(s Settings) error {
	if err := k.settings.localIGMP(k, !s.NoLocalIGMP); err != nil {
		return err
	}
	return k.Do(func() error { return k.filter.Configure(s.Filter) })
}

func (s *settings) localIGMP(k *Kernel, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on && s.reports != nil:
		before := *s.reports
		s.reports = nil
		return k.SetLocalIGMPReports(before)
	case !on && s.reports == nil:
		before, err := k.LocalIGMPReports()
		if err != nil {
			return err
		}
		s.reports = &before
		return k.SetLocalIGMPReports(false)
	}
	return nil
}

func (s *settings) restore(k *Kernel) error { return s.localIGMP(k, true) }

// NoAccept implements Network.
func (k *Kernel) NoAccept(addr netip.Addr, link string) error {
	return k.Do(func() error { return k.filter.Deny(firewall.Denied{Addr: addr, Link: link}) })
}

// PrepareNoAccept implements Network. What cannot be had NoAccept reports.
func (k *Kernel) PrepareNoAccept() { _ = k.Do(k.filter.Prepare) }

// Accept implements Network.
func (k *Kernel) Accept(addr netip.Addr, link string) error {
	return k.Do(func() error { return k.filter.Allow(firewall.Denied{Addr: addr, Link: link}) })
}

// RemoveLeft implements Network.
func (k *Kernel) RemoveLeft(routes []routing.Route, rules []routing.Rule) ([]string, error) {
	gone, err := k.Handle.RemoveLeft(routes, rules)
	return gone, errors.Join(err, k.Do(k.filter.Sweep))
}
