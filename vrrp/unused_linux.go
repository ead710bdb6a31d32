package vrrp

import (
	"time"

	"vigil/vrrp/election"
)

const (
	// useLimit is how long an announcement waits for the kernel to use the address, at most. It takes longer than a moment only
	// where many change the kernel's network at once.
	useLimit = time.Second
	usePause = time.Millisecond
)

// unused are addresses to be announced that the kernel has taken and does not receive packets for yet. Who announced one would
// have clients send to a host that drops what comes.
type unused struct {
	w         *reconciler
	addresses map[election.Address]bool
	until     time.Time
}

// unused returns those of the pending addresses. IPv4 addresses are used at once.
func (w *reconciler) unused() *unused {
	u := &unused{w: w, addresses: make(map[election.Address]bool), until: time.Now().Add(useLimit)}
	w.mu.Lock()
	for _, e := range w.rounds.queue {
		if e.fresh && e.address.Prefix.Addr().Is6() {
			u.addresses[e.address] = true
		}
	}
	w.mu.Unlock()
	u.look()
	return u
}

func (u *unused) has(a election.Address) bool { return u.addresses[a] }

// look forgets those that are used by now, and those of which that cannot be known.
func (u *unused) look() {
	for a := range u.addresses {
		if l, err := u.w.link(a.Link); err == nil && l.Up && u.w.have[a] {
			if received, err := u.w.network.Receives(l.Index, a.Prefix.Addr()); err == nil && !received {
				continue
			}
		}
		delete(u.addresses, a)
	}
}

// wait waits a little and looks again; false when there is nothing to wait for. It gives up when its time is over, or when what
// was installed is to be something else.
func (u *unused) wait() bool {
	if len(u.addresses) == 0 {
		return false
	}
	if time.Now().After(u.until) || u.w.superseded() {
		clear(u.addresses)
		return true
	}
	time.Sleep(usePause)
	u.look()
	return true
}
