package lan

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vigil/internal/firewall"
)

// passOnPatience is how long addresses wait for the rules of a hand-over. Connections under way are worth less than the
// new ones that find nobody.
const passOnPatience = 50 * time.Millisecond

// Move is a planned change of master: what goes on at the previous one for the connections that it knows.
type Move = firewall.Move

// handoverRules is firewall.Handover, whose methods take as long as nftables does.
type handoverRules interface {
	Prepare() error
	Arm(previous netip.Addr, within time.Duration) error
	Begin(ctx context.Context, m Move) error
	Close() error
}

// handover programs what passes connections on, on goroutines of its own.
type handover struct {
	rules   handoverRules
	do      func(func() error) error // enters the network namespace
	arming  [2]atomic.Bool           // for IPv4 and IPv6: under way
	pending sync.WaitGroup           // goroutines at work
}

func (h *handover) prepare() {
	h.pending.Go(func() { _ = h.do(h.rules.Prepare) }) // PassOn reports what cannot be had
}

func (h *handover) close() error {
	err := h.rules.Close()
	h.pending.Wait()
	return err
}

// PreparePassOn implements Network. There is one table for all of a family, so once at a time is enough.
func (k *Kernel) PreparePassOn(previous netip.Addr, within time.Duration) {
	h := &k.handover
	arming := &h.arming[0]
	if previous.Is6() {
		arming = &h.arming[1]
	}
	if arming.Swap(true) {
		return
	}
	h.pending.Go(func() {
		defer arming.Store(false)
		_ = h.do(func() error { return h.rules.Arm(previous, within) }) // PassOn reports what cannot be had
	})
}

// PassOn implements Network. It fails when the rules do not act in time, and then they never do.
func (k *Kernel) PassOn(m Move) error {
	h := &k.handover
	ctx, cancel := context.WithTimeout(context.Background(), passOnPatience)
	defer cancel()
	done := make(chan error, 1)
	h.pending.Go(func() { done <- h.do(func() error { return h.rules.Begin(ctx, m) }) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("pass connections on to %s: %w within %v", m.Previous, errNotDone, passOnPatience)
	}
}
