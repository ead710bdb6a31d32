package ipvs

import (
	"context"
	"errors"
)

// open opens the kernel unless that is done or there is nothing to do in it. What an earlier run that could not clean up
// has remembered as its own becomes ours to remove.
func (r *Reconciler) open(ctx context.Context) error {
	if r.kernel != nil {
		return nil
	}
	if !r.opened {
		owned, err := r.state.load()
		if err != nil {
			r.log.Warn("Cannot tell which IPVS services an earlier run left behind", "err", err)
		}
		for k := range owned {
			if r.entries[k] == nil {
				r.entries[k] = &entry{key: k}
			}
		}
	}
	if len(r.entries) == 0 {
		return nil // IPVS is not even looked at
	}
	k, err := r.opts.Open(ctx)
	if err != nil {
		if len(r.sequence) > 0 || !errors.Is(err, ErrUnavailable) {
			return err
		}
		for _, e := range r.entries {
			r.forget(e) // what was ours is gone with the module
		}
		return nil
	}
	r.opened = true
	if r.flush && !r.flushed {
		if err := k.Flush(ctx); err != nil {
			_ = k.Close()
			return err
		}
		r.flushed = true
		for _, e := range r.entries {
			r.know(e, absent, Service{})
		}
	}
	r.kernel = k
	r.timeouts.in, r.timeouts.changed = Timeouts{}, false // of a kernel that was not there before
	r.settings.kept = settingsKept{}
	r.metrics.kernel.Store(&k)
	for _, e := range r.entries {
		r.touch(e)
	}
	return nil
}

// lose drops a kernel whose IPVS was unloaded: nothing is known of any service until it has been opened again, which is
// tried at once and then with growing pauses.
func (r *Reconciler) lose(err error) {
	if r.kernel == nil {
		return
	}
	r.log.Error("The kernel's IPVS is gone, and all services with it", "err", err)
	r.metrics.kernel.Store(nil)
	_ = r.kernel.Close()
	r.kernel = nil
	for _, e := range r.entries {
		r.know(e, unknown, Service{})
		r.fail(e, nil)
	}
	r.opening = failure{}
	r.opening.fail(err)
	r.opening.next = r.opening.since
}

// remember writes down which services are ours, if that has changed, and tells the metrics.
func (r *Reconciler) remember() {
	if !r.unsaved {
		return
	}
	owned := make(map[ServiceKey]bool, len(r.entries))
	for k := range r.entries {
		owned[k] = true
	}
	r.metrics.owned.Store(&owned)
	if err := r.state.save(owned); err != nil {
		r.log.Warn("Cannot remember which IPVS services are ours", "err", err)
		return
	}
	r.unsaved = false
}
