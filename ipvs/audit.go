package ipvs

import (
	"context"
	"errors"
	"time"
)

// auditChunk is the number of services read back at a time, so that an audit never delays a change for long.
const auditChunk = 128

func (r *Reconciler) auditing() bool {
	return r.opts.AuditPeriod > 0 && len(r.sequence) > 0 && r.kernel != nil
}

// audit reads back the next few services when it is time, and repairs what is not as we wrote it. A round goes through
// all services that there are at its beginning, whatever comes in between, so that each has its turn.
func (r *Reconciler) audit(ctx context.Context) {
	if !r.auditing() {
		r.auditAt = time.Time{}
		return
	}
	now := time.Now()
	if r.auditAt.IsZero() {
		r.auditAt = now.Add(r.auditPause())
	}
	if now.Before(r.auditAt) || ctx.Err() != nil {
		return
	}
	if len(r.round) == 0 {
		r.round = r.sequence
	}
	r.setTimeouts(ctx)
	r.setSettings(ctx, true)
	part := r.round[:min(auditChunk, len(r.round))]
	r.round = r.round[len(part):]
	r.auditAt = now.Add(r.auditPause())
	drifted, err := r.compare(ctx, part)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("Cannot read back the IPVS table", "err", err)
	}
	if errors.Is(err, ErrLost) {
		r.lose(err)
	} else if len(drifted) > 0 {
		before := r.written
		r.reconcile(ctx, drifted)
		repaired := r.written - before
		r.drift += repaired
		r.metrics.drift.Add(float64(repaired))
		r.log.Warn("The IPVS table was changed behind our back", "services", len(drifted), "repairs", repaired)
	}
	r.publish()
}

// auditPause is the time between two parts.
func (r *Reconciler) auditPause() time.Duration {
	return r.opts.AuditPeriod / time.Duration((len(r.sequence)+auditChunk-1)/auditChunk)
}

// compare reads back services that are in the kernel as far as we know, corrects what is known of them, and returns those
// that were changed by others.
func (r *Reconciler) compare(ctx context.Context, entries []*entry) (drifted []*entry, err error) {
	var keys []ServiceKey
	for _, e := range entries {
		if e.state == present && r.entries[e.key] == e {
			keys = append(keys, e.key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	t, err := r.kernel.Read(ctx, keys)
	for _, k := range keys {
		e := r.entries[k]
		actual, exists := t[k]
		switch {
		case !exists && err != nil, exists && e.have.Equal(actual):
		case !exists:
			r.know(e, absent, Service{})
			drifted = append(drifted, e)
		default:
			r.keepWeights(e, actual)
			r.know(e, present, actual)
			drifted = append(drifted, e)
		}
	}
	return drifted, err
}

// keepWeights takes note of the weights that somebody else has set on destinations that are still there.
func (r *Reconciler) keepWeights(e *entry, actual Service) {
	if r.opts.Audit == AuditRepair || e.vs == nil {
		return
	}
	var servers map[DestKey]int
	for d, now := range actual.Dests {
		before, known := e.have.Dests[d]
		if !known || before.Weight == now.Weight {
			continue
		}
		if servers == nil {
			servers = e.servers()
		}
		i, ok := servers[d]
		if !ok {
			continue
		}
		e.vs.pool.Override(e.n, i, now.Weight)
		r.overridden[e.vs] = true
		r.narrateOverride(e, d, now.Weight)
	}
}
