package labkit

import (
	"net/netip"
	"sync"
	"time"

	"vigil/internal/firewall"
	"vigil/internal/testlan"
)

// Reconfigurer gives a host an address and takes it away, and changes its nftables, again and again. Locks of the kernel guard what
// belongs to all namespaces: whoever changes it waits while others do, and so long a director may be late without its fault.
type Reconfigurer struct {
	stop, ended chan struct{}
	quiet       firewall.Quiet

	mu        sync.Mutex
	addresses []span
	nftables  []span
	address   time.Time // when the change of an address began that is under way
	err       error
}

// span is a time in which the kernel was at work.
type span struct{ from, to time.Time }

// scratchAddress is nobody's.
var scratchAddress = netip.MustParsePrefix("198.18.255.1/32")

// StartReconfiguring changes what the host has every so often, until it is ended.
func StartReconfiguring(h *testlan.Host, every time.Duration) *Reconfigurer {
	r := &Reconfigurer{stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		defer r.quiet.Close()
		r.err = h.Do(r.quiet.Prepare) // whose sockets stay in that namespace
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			r.once(h)
			select {
			case <-tick.C:
			case <-r.stop:
				return
			}
		}
	}()
	return r
}

func (r *Reconfigurer) once(h *testlan.Host) {
	begun := time.Now()
	r.mu.Lock()
	r.address = begun
	r.mu.Unlock()
	err := h.AddAddress("lo", scratchAddress)
	if err == nil {
		err = h.DeleteAddress("lo", scratchAddress)
	}
	between := time.Now()
	r.mu.Lock()
	r.address = time.Time{}
	r.addresses = append(r.addresses, span{begun, between})
	r.mu.Unlock()
	if err == nil {
		err = r.quiet.Set([]netip.Addr{scratchAddress.Addr()}, time.Second)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nftables = append(r.nftables, span{between, time.Now()})
	if r.err == nil {
		r.err = err
	}
}

// End ends it and returns what went wrong first.
func (r *Reconfigurer) End() error {
	close(r.stop)
	<-r.ended
	return r.err
}

// Longest are the longest changes of which a part was in a window of time. One of an address that is under way counts as far as
// it has come: a director that waited for the same lock may be through already.
func (r *Reconfigurer) Longest(from, to time.Time) (address, nftables time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	address, nftables = longest(r.addresses, from, to), longest(r.nftables, from, to)
	if !r.address.IsZero() {
		address = max(address, longest([]span{{r.address, time.Now()}}, from, to))
	}
	return address, nftables
}

func longest(spans []span, from, to time.Time) (d time.Duration) {
	for _, s := range spans {
		if s.to.After(from) && s.from.Before(to) {
			d = max(d, s.to.Sub(s.from))
		}
	}
	return d
}
