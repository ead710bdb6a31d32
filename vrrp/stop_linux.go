package vrrp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// releaseTime is what removing the addresses may take when their time has come. Netlink answers in milliseconds, but one lock
// guards the links of all namespaces: on a busy machine that was removing hundreds of them it answered after 7 s. To give up sooner
// helps nobody, for the release by force waits for the same lock.
const releaseTime = 15 * time.Second

// StopLimit is the longest time in which a Runner that was told to stop has handed over and released the addresses of s.
func StopLimit(s election.Spec) time.Duration { return s.StopLimit() + releaseTime }

// Release removes the virtual addresses and links of s that are still in place, without a hand-over. It is for the end of a process
// whose Runner did not stop in time or ended with an error: an address must never stay behind on a host that no longer
// answers for it. It waits for nothing but the Network, and may be called while Run hangs.
func (r *Runner) Release(s election.Spec) error {
	var errs []error
	place := lan.NewPlacer(r.network, nil)
	for _, in := range s.Instances {
		in = r.places.named(in)
		for _, res := range slices.Backward(in.Resources()) {
			if err := uninstall(r.network, r.places, place, res); err != nil {
				errs = append(errs, fmt.Errorf("release what %s has: %w", in.Name, err))
			}
		}
		for _, l := range in.VirtualLinks() {
			if l.Name != "" {
				errs = append(errs, r.network.RemoveLink(l.Name))
			}
		}
	}
	for _, x := range slices.Backward(s.Statics) {
		if err := uninstall(r.network, r.places, place, x.Resource); err != nil {
			errs = append(errs, fmt.Errorf("release what is static: %w", err))
		}
	}
	return errors.Join(errs...)
}
