package ipvs

import (
	"context"
	"errors"
	"slices"
	"time"
)

// drainPoll is how often it is looked whether servers that drain have connections.
const drainPoll = time.Second

// now is the time as the pools count it.
func (r *Reconciler) now() time.Duration { return time.Since(r.epoch) }

// schedule takes note of whether a pool changes with time.
func (r *Reconciler) schedule(vs *virtualServer) {
	if _, any := vs.pool.Deadline(); !any {
		delete(r.timed, vs)
		return
	}
	r.timed[vs] = true
	if r.drainsAt.IsZero() && len(vs.pool.Draining()) > 0 {
		r.drainsAt = time.Now().Add(drainPoll)
	}
}

// nextInstant is when a pool changes with time next, or is to be looked at.
func (r *Reconciler) nextInstant() (next time.Time, any bool) {
	for vs := range r.timed {
		if d, ok := vs.pool.Deadline(); ok && (!any || r.epoch.Add(d).Before(next)) {
			next, any = r.epoch.Add(d), true
		}
	}
	if any && r.kernel != nil && !r.drainsAt.IsZero() && r.drainsAt.Before(next) {
		next = r.drainsAt
	}
	return next, any
}

// advance lets the pools follow the time, and programs what comes of it.
func (r *Reconciler) advance(ctx context.Context) {
	if len(r.timed) == 0 {
		return
	}
	r.lookAtDrains(ctx)
	now := r.now()
	for _, list := range [][]*virtualServer{r.listed, slices.Clone(r.leaving)} {
		for _, vs := range list {
			if r.timed[vs] && vs.pool.Advance(now) {
				r.changed(vs)
			}
		}
	}
	if r.kernel == nil || len(r.dirty) == 0 {
		return
	}
	r.reconcile(ctx, r.takeDirty())
	r.publish()
}

// lookAtDrains lets servers go whose connections have ended.
func (r *Reconciler) lookAtDrains(ctx context.Context) {
	if r.drainsAt.IsZero() || time.Now().Before(r.drainsAt) || r.kernel == nil {
		return
	}
	drains := make(map[ServiceKey]*entry)
	r.drainsAt = time.Time{}
	for vs := range r.timed {
		if len(vs.pool.Draining()) == 0 {
			continue
		}
		r.drainsAt = time.Now().Add(drainPoll)
		for _, e := range vs.entries {
			if e != nil && e.state == present {
				drains[e.key] = e
			}
		}
	}
	if len(drains) == 0 {
		return
	}
	stats, err := r.kernel.Stats(ctx, func(k ServiceKey) bool { return drains[k] != nil }, true)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("Cannot tell whose connections have ended", "err", err)
		}
		if errors.Is(err, ErrLost) {
			r.lose(err)
		}
		return
	}
	busy := make(map[*virtualServer]map[DestKey]bool) // in any of its services, as each of them calls it
	for _, s := range stats {
		vs := drains[s.Key].vs
		if busy[vs] == nil {
			busy[vs] = make(map[DestKey]bool)
		}
		for _, d := range s.Dests {
			if d.Active+d.Inactive > 0 {
				busy[vs][d.Key] = true
			}
		}
	}
	for vs := range busy {
		r.letGo(vs, busy[vs])
	}
}

// letGo ends the drain of those servers of vs that are not busy in any of its services.
func (r *Reconciler) letGo(vs *virtualServer, busy map[DestKey]bool) {
	for _, server := range vs.pool.Draining() {
		idle := true
		for _, e := range vs.entries {
			idle = idle && (e == nil || !busy[e.key.dest(server.Addr, server.Port, server.Forwarding)])
		}
		if idle && vs.pool.Drained(server.Endpoint()) {
			r.changed(vs)
		}
	}
}
