package vrrp

import (
	"sync"
	"sync/atomic"

	"vigil/vrrp/election"
)

// board is where Run puts up the snapshots of the virtual routers for everybody to read. Putting up one costs the same
// however many there are; a reader gets all of them as they were at one moment.
type board struct {
	mu      sync.Mutex
	entries []boardEntry // configuration order
	places  map[election.Handle]int
	groups  []election.GroupStatus
	dropped uint64
}

type boardEntry struct {
	status    *InstanceStatus // never changed
	announced *atomic.Uint64
}

// replace puts up everything.
func (b *board) replace(entries []boardEntry, places map[election.Handle]int, groups []election.GroupStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries, b.places, b.groups = entries, places, groups
}

// update puts up one virtual router, if it has a place.
func (b *board) update(h election.Handle, s *InstanceStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, ok := b.places[h]; ok {
		b.entries[i].status = s
	}
}

func (b *board) setDropped(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped = n
}

// snapshot returns what is up.
func (b *board) snapshot() Status {
	b.mu.Lock()
	entries := append([]boardEntry(nil), b.entries...)
	s := Status{Groups: b.groups, PacketsDropped: b.dropped}
	b.mu.Unlock()
	s.Instances = make([]InstanceStatus, len(entries))
	for i, e := range entries {
		s.Instances[i] = *e.status
		s.Instances[i].Announcements = e.announced.Load()
	}
	return s
}

// touch says that Status has changed a little.
func (r *Runner) touch() {
	if r.publishAt == election.Never {
		r.publishAt = r.now().Add(publishDelay)
	}
}

// publish puts up what has changed since the last time.
func (r *Runner) publish() {
	r.publishAt = election.Never
	stepped := r.engine.TakeStepped()
	if r.renew {
		r.renew = false
		r.publishAll()
	} else {
		for _, h := range stepped {
			m, ok := r.engine.StatusOf(h)
			if in := r.instances[h]; ok && in != nil {
				r.board.update(h, in.status(m, r.epoch))
			}
		}
	}
	r.board.setDropped(r.dropped.Load())
}

func (r *Runner) publishAll() {
	machines, groups := r.engine.Status()
	entries := make([]boardEntry, 0, len(machines))
	places := make(map[election.Handle]int, len(machines))
	for _, m := range machines {
		if in := r.instances[m.Handle]; in != nil {
			places[m.Handle] = len(entries)
			entries = append(entries, boardEntry{in.status(m, r.epoch), &in.worker.announced})
		}
	}
	r.board.replace(entries, places, groups)
}
