package daemon

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/ipvs"
)

// suspendStopLimit is how long the watch of the addresses may take to end.
const suspendStopLimit = time.Second

// suspension follows which addresses are here, for virtual servers with ha_suspend: while none of theirs is, another
// director serves, and their servers are not checked. Until it is known which are here, they are.
type suspension struct {
	suspend func(map[confparse.VirtualServerID]bool)

	mu     sync.Mutex
	known  bool
	blind  bool                        // it will never be known
	here   map[netip.Addr]map[int]bool // by interface
	wanted map[confparse.VirtualServerID][]netip.Addr
	was    map[confparse.VirtualServerID]bool
}

func newSuspension(suspend func(map[confparse.VirtualServerID]bool)) *suspension {
	return &suspension{suspend: suspend, here: make(map[netip.Addr]map[int]bool)}
}

// want makes the virtual servers of s with ha_suspend those that are suspended while they are not here, and reports
// whether there are any.
func (s *suspension) want(spec ipvs.Spec) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = nil
	for _, vs := range spec.VirtualServers {
		if !vs.Suspend {
			continue
		}
		if s.wanted == nil {
			s.wanted = make(map[confparse.VirtualServerID][]netip.Addr)
		}
		for _, service := range vs.Services {
			if service.Key.Addr.IsValid() {
				s.wanted[vs.ID] = append(s.wanted[vs.ID], service.Key.Addr)
			}
		}
		for _, e := range vs.Marked {
			s.wanted[vs.ID] = append(s.wanted[vs.ID], e.Addr())
		}
	}
	s.update()
	return s.wanted != nil
}

// update says who is suspended now, and of whom that is not known yet, if that has changed.
func (s *suspension) update() {
	now := make(map[confparse.VirtualServerID]bool)
	for id, addresses := range s.wanted {
		if !s.blind && !(s.known && s.anyHere(addresses)) {
			now[id] = s.known
		}
	}
	if !maps.Equal(now, s.was) {
		s.was = now
		s.suspend(now)
	}
}

// blinded has nobody suspended: which addresses are here cannot be told.
func (s *suspension) blinded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = true
	s.update()
}

func (s *suspension) anyHere(addresses []netip.Addr) bool {
	for _, a := range addresses {
		if len(s.here[a]) > 0 {
			return true
		}
	}
	return len(addresses) == 0 // of firewall marks alone
}

// take takes note of a change of addresses.
func (s *suspension) take(ev netio.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch ev := ev.(type) {
	case netio.AddressChanged:
		s.count(ev.Address, true)
	case netio.AddressGone:
		s.count(ev.Address, false)
	case netio.Synced:
		s.known = true
	}
	if s.known {
		s.update()
	}
}

// count takes note of whether an address is on an interface.
func (s *suspension) count(a netio.Address, is bool) {
	at := a.Prefix.Addr()
	switch {
	case !is:
		if delete(s.here[at], a.Index); len(s.here[at]) == 0 {
			delete(s.here, at)
		}
	case s.here[at] == nil:
		s.here[at] = map[int]bool{a.Index: true}
	default:
		s.here[at][a.Index] = true
	}
}

// run follows the addresses until ctx ends.
func (s *suspension) run(ctx context.Context, n Network) error {
	s.mu.Lock()
	s.blind = false
	s.mu.Unlock()
	events := make(chan netio.Event, 64)
	done := make(chan error, 1)
	go func() { done <- n.Watch(ctx, events) }()
	for {
		select {
		case ev := <-events:
			s.take(ev)
		case err := <-done:
			return err
		}
	}
}
