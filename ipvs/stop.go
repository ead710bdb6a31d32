package ipvs

import (
	"context"
	"slices"
	"time"

	"vigil/confparse"
)

const (
	stopTimeout    = 10 * time.Second
	firstStopPause = 10 * time.Millisecond // before removing again what could not be removed
)

// stop leaves the kernel as the options say. It has a time limit of its own, since Run's context has ended. What it
// cannot remove stays remembered.
func (r *Reconciler) stop() {
	if r.kernel == nil || r.opts.KeepOnStop {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	// Last added, first removed. The kernel keeps removed destinations for two minutes, the latest first, and looks
	// each new one up among them: a restart in this time finds every one at the head of the list.
	entries := make([]*entry, 0, len(r.entries))
	for _, e := range r.entries {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return inOrder(b, a) })
	for _, e := range entries {
		e.vs = nil
	}
	r.servers, r.order, r.round = nil, nil, nil
	if r.onStop == confparse.FlushOnStopAll {
		if err := r.kernel.Flush(ctx); err != nil {
			r.log.Error("Cannot flush the IPVS table, removing our own services", "err", err)
		} else {
			for _, e := range entries {
				r.know(e, absent, Service{})
			}
		}
	}
	for pause := firstStopPause; ; pause *= 2 {
		r.reconcile(ctx, entries)
		entries = slices.DeleteFunc(entries, func(e *entry) bool { return r.entries[e.key] == nil })
		if len(entries) == 0 || r.kernel == nil || !wait(ctx, pause) {
			break
		}
	}
	r.remember()
	r.publish()
}

// wait waits for d and reports whether ctx still lasts.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
