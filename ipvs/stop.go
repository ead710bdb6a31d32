package ipvs

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"vigil/confparse"
)

const (
	stopTimeout    = 10 * time.Second
	deniedTimeout  = 500 * time.Millisecond // when it is a right that is missing: one that is lost seldom comes back
	firstStopPause = 10 * time.Millisecond  // before removing again what could not be removed
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
	if r.onStop == confparse.FlushOnStopOff {
		r.narrateServers("Shutting down", serversOf(r.listed))
	}
	defer r.tellOmega(r.listed)
	r.servers, r.listed, r.leaving, r.sequence, r.round = nil, nil, nil, nil, nil
	r.restoreTimeouts(ctx)
	r.restoreSettings(ctx, false)
	defer r.restoreSettings(ctx, true)
	if r.onStop == confparse.FlushOnStopAll && r.kernel != nil { // which may be lost by now
		if err := r.kernel.Flush(ctx); err != nil {
			r.log.Error("Cannot flush the IPVS table, removing our own services", "err", err)
		} else {
			for _, e := range entries {
				r.know(e, absent, Service{})
			}
		}
	}
	begun := time.Now()
	for pause := firstStopPause; ; pause *= 2 {
		r.reconcile(ctx, entries)
		entries = slices.DeleteFunc(entries, func(e *entry) bool { return r.entries[e.key] == nil })
		if len(entries) == 0 || r.kernel == nil || denied(entries) && time.Since(begun) >= deniedTimeout || !wait(ctx, pause) {
			break
		}
	}
	if len(entries) > 0 {
		r.log.Error("IPVS services stay behind; the next start removes those that it does not want", "services", len(entries),
			"err", whyLeft(entries))
	}
	r.remember()
	r.publish()
}

// denied reports whether it is nothing but a missing right that keeps the services from being removed.
func denied(entries []*entry) bool {
	return !slices.ContainsFunc(entries, func(e *entry) bool { return e.failure == nil || !errors.Is(e.failure.err, fs.ErrPermission) })
}

// whyLeft is the first reason for which services could not be removed; nil when there was no time to find one.
func whyLeft(entries []*entry) error {
	for _, e := range entries {
		if e.failure != nil {
			return e.failure.err
		}
	}
	return nil
}

// tellOmega tells of the end of the virtual servers that want that.
func (r *Reconciler) tellOmega(all []*virtualServer) {
	for _, vs := range all {
		if vs.spec.Omega {
			r.tellEnd(vs, true)
		}
	}
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
