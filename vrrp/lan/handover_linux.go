package lan

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"vigil/internal/firewall"
)

// passOnPatience is how long addresses wait for the rules of a hand-over. Connections under way are worth less than the
// new ones that find nobody.
const passOnPatience = 50 * time.Millisecond

// Move is a planned change of master: what goes on at the previous one for the connections that it knows.
type Move = firewall.Move

// handover programs what passes connections on.
type handover struct {
	rules   firewall.Handover
	pending sync.WaitGroup // goroutines at work
}

func (h *handover) prepare(do func(func() error) error) {
	h.pending.Go(func() { _ = do(h.rules.Prepare) }) // PassOn reports what cannot be had
}

func (h *handover) close() error {
	err := h.rules.Close()
	h.pending.Wait()
	return err
}

// PreparePassOn implements Network.
func (k *Kernel) PreparePassOn(previous netip.Addr, within time.Duration) error {
	return k.Do(func() error { return k.handover.rules.Arm(previous, within) })
}

// PassOn implements Network. It fails when the rules do not act in time, and then they never do.
func (k *Kernel) PassOn(m Move) error {
	ctx, cancel := context.WithTimeout(context.Background(), passOnPatience)
	defer cancel()
	done := make(chan error, 1)
	k.handover.pending.Go(func() { done <- k.Do(func() error { return k.handover.rules.Begin(ctx, m) }) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("pass connections on to %s: not done within %v", m.Previous, passOnPatience)
	}
}
