package firewall

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// endpoint is what an element of a move matches: an address that moves (port 0), or the source of answers.
type endpoint = netip.AddrPort

// element is an endpoint and the order that it is for.
type element struct {
	endpoint
	order *order
}

// order is a Move that waits for the kernel. Those that wait together become one transaction.
type order struct {
	ctx      context.Context
	move     Move
	elements []endpoint
	done     bool // under Handover.mu, like err
	err      error
}

// inTime reports whether the move may still begin; if not, that is its error.
func (o *order) inTime() bool {
	if o.err == nil {
		o.err = o.ctx.Err()
	}
	if o.err == nil && time.Until(o.move.Until) < time.Millisecond { // the kernel's unit; 0 would be for ever
		o.err = context.DeadlineExceeded
	}
	return o.err == nil
}

// elements are the endpoints of m, each once: nothing without a router of their family to pass it on to.
func (m Move) elements() []endpoint {
	var all []endpoint
	for _, a := range m.Addresses {
		all = append(all, netip.AddrPortFrom(a.Unmap(), 0))
	}
	if len(all) == 0 || !m.Previous.IsValid() {
		return nil
	}
	for _, s := range m.Servers {
		if s.Port() != 0 {
			all = append(all, netip.AddrPortFrom(s.Addr().Unmap(), s.Port()))
		}
	}
	all = slices.DeleteFunc(all, func(e endpoint) bool { return e.Addr().Is4() != m.Previous.Is4() })
	slices.SortFunc(all, endpoint.Compare)
	return slices.Compact(all)
}

// queue holds the orders that nobody has taken yet.
type queue struct {
	mu     sync.Mutex
	orders []*order
}

func (q *queue) add(o *order) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.orders = append(q.orders, o)
}

func (q *queue) take() []*order {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.orders
	q.orders = nil
	return all
}
