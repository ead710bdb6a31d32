package lan

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vigil/internal/firewall"
)

// quietPatience is how long a hand-over waits for nftables. A neighbour that asks in the meantime is put right by the new
// master's next announcements; a release that comes late is worse.
const quietPatience = 50 * time.Millisecond

// quieting programs what makes addresses quiet, on goroutines of its own: nftables may take its time.
type quieting struct {
	rules     firewall.Quiet
	preparing atomic.Bool
	pending   sync.WaitGroup
}

func (q *quieting) close(do func(func() error) error) error {
	q.pending.Wait()
	return do(q.rules.Close)
}

// PrepareQuiet implements Network. It does not wait; what cannot be had Quiet reports.
func (k *Kernel) PrepareQuiet() {
	q := &k.quiet
	if q.preparing.Swap(true) {
		return
	}
	q.pending.Go(func() {
		defer q.preparing.Store(false)
		_ = k.Do(q.rules.Prepare)
	})
}

// Quiet implements Network. It fails when the rules do not act in time; then they do so late, and end in time.
func (k *Kernel) Quiet(addrs []netip.Addr, d time.Duration) error {
	done := make(chan error, 1)
	k.quiet.pending.Go(func() { done <- k.Do(func() error { return k.quiet.rules.Set(addrs, d) }) })
	patience := time.NewTimer(quietPatience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return fmt.Errorf("make %d addresses quiet: not done within %v", len(addrs), quietPatience)
	}
}
