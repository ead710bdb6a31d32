package lan

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// quietPatience is how long a hand-over waits for nftables. A neighbour that asks in the meantime is put right by the new
// master's next announcements; a release that comes late is worse.
const quietPatience = 50 * time.Millisecond

// quietRules is firewall.Quiet, whose methods take as long as nftables does.
type quietRules interface {
	Prepare() error
	Set(addrs []netip.Addr, d time.Duration) error
	Cover(link string, parent [6]byte)
	Uncover(link string)
	Close() error
}

// quieting programs what makes addresses quiet, on a goroutine of its own. What comes while that is at work is done
// together afterwards: many routers wait no longer than one, and for each address the last word counts.
type quieting struct {
	rules quietRules
	do    func(func() error) error // enters the network namespace

	mu      sync.Mutex
	wanted  map[netip.Addr]time.Time // until when; zero: no longer
	waiting []chan<- error           // each has room
	prepare bool
	working bool
	worker  sync.WaitGroup
}

// set notes until when addresses shall be quiet, and tells done, if there is one, when they are.
func (q *quieting) set(addrs []netip.Addr, until time.Time, done chan<- error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wanted == nil {
		q.wanted = make(map[netip.Addr]time.Time)
	}
	for _, a := range addrs {
		q.wanted[a] = until
	}
	if done != nil {
		q.waiting = append(q.waiting, done)
	}
	q.start()
}

// start has the goroutine see to what was noted. q.mu is held.
func (q *quieting) start() {
	if !q.working {
		q.working = true
		q.worker.Go(func() {
			for q.next() {
			}
		})
	}
}

// next does what was noted meanwhile; false when there was nothing. What begins goes first: for that somebody waits.
func (q *quieting) next() bool {
	q.mu.Lock()
	wanted, waiting, prepare := q.wanted, q.waiting, q.prepare
	q.wanted, q.waiting, q.prepare = nil, nil, false
	q.working = prepare || len(wanted) > 0 || len(waiting) > 0
	more := q.working
	q.mu.Unlock()
	if !more {
		return false
	}
	var begin, end []netip.Addr
	var longest time.Duration
	for a, until := range wanted {
		if left := time.Until(until); left > 0 { // or it is over before it has begun
			begin, longest = append(begin, a), max(longest, left)
		} else if until.IsZero() {
			end = append(end, a)
		}
	}
	err := q.program(begin, longest)
	for _, done := range waiting {
		done <- err
	}
	_ = q.program(end, 0) // it ends by itself in any case
	if prepare {
		_ = q.do(q.rules.Prepare) // what cannot be had Quiet reports
	}
	return true
}

func (q *quieting) program(addrs []netip.Addr, d time.Duration) error {
	if len(addrs) == 0 {
		return nil
	}
	return q.do(func() error { return q.rules.Set(addrs, d) })
}

func (q *quieting) close() error {
	q.worker.Wait()
	return q.do(q.rules.Close)
}

// PrepareQuiet implements Network.
func (k *Kernel) PrepareQuiet() {
	q := &k.quiet
	q.mu.Lock()
	defer q.mu.Unlock()
	q.prepare = true
	q.start()
}

// Quiet implements Network. It fails when the rules do not act in time; then they do so late, and end in time.
func (k *Kernel) Quiet(addrs []netip.Addr, d time.Duration) error {
	if len(addrs) == 0 {
		return nil
	}
	if d == 0 {
		k.quiet.set(addrs, time.Time{}, nil)
		return nil
	}
	done := make(chan error, 1)
	k.quiet.set(addrs, time.Now().Add(d), done)
	patience := time.NewTimer(quietPatience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return fmt.Errorf("make %d addresses quiet: %w within %v", len(addrs), errNotDone, quietPatience)
	}
}

// errNotDone is the error of what nftables takes too long for.
var errNotDone = errors.New("not done")
