package daemon

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/ipvs"
	"vigil/ipvs/pool"
)

// suspendStopLimit is how long the watch of the addresses may take to end.
const suspendStopLimit = time.Second

// suspension follows which addresses are here, and tells the checks who is suspended.
type suspension struct {
	suspend func(map[confparse.VirtualServerID]bool)

	mu  sync.Mutex
	who pool.Suspension
	was map[confparse.VirtualServerID]bool
}

func newSuspension(suspend func(map[confparse.VirtualServerID]bool)) *suspension {
	return &suspension{suspend: suspend}
}

// want makes the virtual servers of s with ha_suspend those that are suspended while they are not here, and reports
// whether there are any.
func (s *suspension) want(spec ipvs.Spec) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted, any := make(map[confparse.VirtualServerID][]netip.Addr), false
	for _, vs := range spec.VirtualServers {
		if !vs.Suspend {
			continue
		}
		any = true
		wanted[vs.ID] = slices.AppendSeq(wanted[vs.ID], vs.Addresses())
	}
	s.who.Want(wanted)
	s.update()
	return any
}

// update says who is suspended now, if that has changed.
func (s *suspension) update() {
	if now := s.who.Suspended(); !maps.Equal(now, s.was) {
		s.was = now
		s.suspend(now)
	}
}

// blinded has nobody suspended: which addresses are here cannot be told.
func (s *suspension) blinded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who.Blind = true
	s.update()
}

// take takes note of a change of addresses.
func (s *suspension) take(ev netio.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch ev := ev.(type) {
	case netio.AddressChanged:
		s.who.Count(ev.Address.Prefix.Addr(), ev.Address.Index, true)
	case netio.AddressGone:
		s.who.Count(ev.Address.Prefix.Addr(), ev.Address.Index, false)
	case netio.Synced:
		s.who.Known = true
	}
	if s.who.Known {
		s.update()
	}
}

// run follows the addresses until ctx ends.
func (s *suspension) run(ctx context.Context, n Network) error {
	s.mu.Lock()
	s.who.Blind = false
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
