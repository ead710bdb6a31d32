package labkit

import (
	"net/netip"
	"sync"
	"time"

	"vigil/internal/testlan"
)

// reconfigurer gives a host an address and takes it away, again and again. One lock of the kernel guards the addresses and links of
// all namespaces: whoever changes them waits while others do, and so long a director may be late without its fault.
type reconfigurer struct {
	stop, ended chan struct{}

	mu    sync.Mutex
	spans []span
	err   error
}

// span is a time in which the kernel was at work.
type span struct{ from, to time.Time }

// scratchAddress is nobody's.
var scratchAddress = netip.MustParsePrefix("198.18.255.1/32")

// startReconfiguring changes the host's loopback interface every so often, until it is ended.
func startReconfiguring(h *testlan.Host, every time.Duration) *reconfigurer {
	r := &reconfigurer{stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
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

func (r *reconfigurer) once(h *testlan.Host) {
	from := time.Now()
	err := h.AddAddress("lo", scratchAddress)
	if err == nil {
		err = h.DeleteAddress("lo", scratchAddress)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = append(r.spans, span{from, time.Now()})
	if r.err == nil {
		r.err = err
	}
}

// end ends it and returns what went wrong first.
func (r *reconfigurer) end() error {
	close(r.stop)
	<-r.ended
	return r.err
}

// longest is the longest change of which a part was in a window of time.
func (r *reconfigurer) longest(from, to time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return longest(r.spans, from, to)
}

func longest(spans []span, from, to time.Time) (d time.Duration) {
	for _, s := range spans {
		if s.to.After(from) && s.from.Before(to) {
			d = max(d, s.to.Sub(s.from))
		}
	}
	return d
}
