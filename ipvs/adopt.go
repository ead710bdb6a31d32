package ipvs

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// auditChunk is the number of services read back at a time, so that an audit never delays a change for long.
const auditChunk = 128

// adopt opens the kernel and reads our part of its table, unless that is done already: what the configuration names,
// and what an earlier run that could not clean up remembered as its own.
func (r *Reconciler) adopt(ctx context.Context) error {
	if r.applied != nil {
		return nil
	}
	owned, err := r.state.load()
	if err != nil {
		r.log.Warn("Cannot tell which IPVS services an earlier run left behind", "err", err)
	}
	if len(r.services) == 0 && len(owned) == 0 {
		return nil // IPVS is not even looked at
	}
	if err := r.open(ctx, owned); err != nil {
		if len(r.services) == 0 && errors.Is(err, ErrUnavailable) {
			return nil // what was ours is gone with the module
		}
		r.opening.fail(err)
		return err
	}
	r.opening = failure{}
	return nil
}

func (r *Reconciler) open(ctx context.Context, owned map[ServiceKey]bool) error {
	if r.kernel == nil {
		k, err := r.opts.Open(ctx)
		if err != nil {
			return err
		}
		r.kernel = k
		r.metrics.kernel.Store(&k)
	}
	if r.flush {
		if err := r.kernel.Flush(ctx); err != nil {
			return err
		}
		r.applied = make(Table)
		return nil
	}
	t, err := r.kernel.Read(ctx, func(k ServiceKey) bool { return r.services[k] != nil || owned[k] })
	if err != nil {
		return err
	}
	r.applied = t
	return nil
}

// remember writes down which services are ours, if that has changed, and tells the metrics.
func (r *Reconciler) remember() {
	if !r.unsaved {
		return
	}
	owned := make(map[ServiceKey]bool, len(r.services))
	for k := range r.services {
		owned[k] = true
	}
	for k := range r.applied {
		owned[k] = true
	}
	r.metrics.owned.Store(&owned)
	if err := r.state.save(owned); err != nil {
		r.log.Warn("Cannot remember which IPVS services are ours", "err", err)
		return
	}
	r.unsaved = false
}

func (r *Reconciler) auditing() bool {
	return r.opts.AuditPeriod > 0 && len(r.order) > 0 && r.applied != nil
}

// audit reads back the next few services when it is time, and repairs what is not as we wrote it.
func (r *Reconciler) audit(ctx context.Context) {
	if !r.auditing() || time.Now().Before(r.auditAt) {
		return
	}
	if r.audited >= len(r.order) {
		r.audited = 0
	}
	keys := r.order[r.audited:min(r.audited+auditChunk, len(r.order))]
	r.audited += len(keys)
	r.scheduleAudit()
	drifted, err := r.reread(ctx, keys)
	if err != nil {
		r.log.Warn("Cannot read back the IPVS table", "err", err)
		return
	}
	if len(drifted) == 0 {
		return
	}
	before := r.written
	r.reconcile(ctx, drifted)
	repaired := r.written - before
	r.drift += repaired
	r.metrics.drift.Add(float64(repaired))
	r.log.Warn("The IPVS table was changed behind our back", "services", len(drifted), "repairs", repaired)
}

func (r *Reconciler) scheduleAudit() {
	chunks := max((len(r.order)+auditChunk-1)/auditChunk, 1)
	r.auditAt = time.Now().Add(r.opts.AuditPeriod / time.Duration(chunks))
}

// reread corrects applied from the kernel for the given services, and returns those where it was wrong.
func (r *Reconciler) reread(ctx context.Context, keys []ServiceKey) ([]ServiceKey, error) {
	set := make(map[ServiceKey]bool, len(keys))
	for _, k := range keys {
		set[k] = true
	}
	t, err := r.kernel.Read(ctx, func(k ServiceKey) bool { return set[k] })
	if err != nil {
		return nil, err
	}
	var wrong []ServiceKey
	for _, k := range slices.SortedFunc(maps.Keys(set), compareServices) {
		have, had := r.applied[k]
		actual, exists := t[k]
		if had == exists && (!had || have.Equal(actual)) {
			continue
		}
		wrong = append(wrong, k)
		if exists {
			r.applied[k] = actual
		} else {
			delete(r.applied, k)
		}
	}
	return wrong, nil
}
