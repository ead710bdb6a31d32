package lan

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vigil/internal/firewall"
)

// passOnPatience is how long addresses wait for the rules of a hand-over. Connections under way are worth less than the
// new ones that find nobody.
const passOnPatience = 50 * time.Millisecond

// Move is a planned change of master: what goes on at the previous one for the connections that it knows.
type Move = firewall.Move

// newMove describes the hand-over of addresses from the previous master, whose adverts come in on the interface via. It
// lasts for d.
func NewMove(n Network, previous netip.Addr, d time.Duration, addrs []Address, via string) (Move, error) {
	l, err := n.Link(via)
	if err != nil {
		return Move{}, err
	}
	m := Move{Links: []int{l.Index}, Previous: previous, Via: l.Index, For: d}
	for _, addr := range addrs {
		m.Addresses = append(m.Addresses, addr.Prefix.Addr())
		l, err := n.Link(addr.Link)
		if err != nil {
			return Move{}, err
		}
		if !slices.Contains(m.Links, l.Index) {
			m.Links = append(m.Links, l.Index)
		}
	}
	return m, nil
}

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
func (k *Kernel) PreparePassOn(m Move, within time.Duration) error {
	return k.Do(func() error { return k.handover.rules.Arm(m, within) })
}

// PassOn implements Network. It fails when the rules cannot be had in time.
func (k *Kernel) PassOn(m Move) error {
	done := make(chan error, 1)
	k.handover.pending.Go(func() { done <- k.Do(func() error { return k.handover.rules.Begin(m) }) })
	patience := time.NewTimer(passOnPatience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return fmt.Errorf("pass connections on to %s: not done within %v", m.Previous, passOnPatience)
	}
}
