package lan

import (
	"net/netip"
	"time"
)

// PrepareQuiet implements Network. What cannot be had Quiet reports.
func (k *Kernel) PrepareQuiet() { _ = k.Do(k.quiet.Prepare) }

// Quiet implements Network.
func (k *Kernel) Quiet(addrs []netip.Addr, d time.Duration) error {
	return k.Do(func() error { return k.quiet.Set(addrs, d) })
}
