package ipvs

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"
)

const (
	writeAt = 2048 // planned operations at which a pass writes before it plans on
	rounds  = 3    // immediate tries of a service before it waits

	firstBackoff = time.Second
	lastBackoff  = time.Minute
)

// reconcile makes the given services right, or records why it cannot, and tells what has come of it.
func (r *Reconciler) reconcile(ctx context.Context, entries []*entry) {
	said := make(map[Op]bool)
	rest := entries
	for round := 1; len(rest) > 0 && r.kernel != nil && ctx.Err() == nil; round++ {
		rest = r.pass(ctx, rest, said, round == rounds)
	}
	r.tellNews(entries)
	r.remember()
}

// pass plans and writes the given services once and returns those that should be planned again at once; none if it
// is the last pass.
func (r *Reconciler) pass(ctx context.Context, entries []*entry, said map[Op]bool, last bool) (again []*entry) {
	for _, e := range entries {
		e.result = outcome{}
	}
	r.readUnknown(ctx, entries)
	var p plan
	for _, e := range entries {
		if r.kernel == nil {
			return nil
		}
		r.plan(&p, e)
		if p.len() >= writeAt {
			r.write(ctx, &p, said)
		}
	}
	r.write(ctx, &p, said)
	if r.kernel == nil || ctx.Err() != nil {
		return nil // what is not known now will be read, or removed, whoever comes next
	}
	for _, e := range entries {
		switch o := e.result; {
		case o.verdict == refused || o.verdict == replan && last:
			r.fail(e, o.err)
		case o.verdict == replan:
			again = append(again, e)
		case e.vs == nil && e.state == absent:
			r.forget(e)
		default:
			r.fail(e, nil)
		}
	}
	return again
}

// readUnknown finds out what the kernel has of those wanted services of which that is not known.
func (r *Reconciler) readUnknown(ctx context.Context, entries []*entry) {
	var keys []ServiceKey
	for _, e := range entries {
		if e.vs != nil && e.state == unknown {
			keys = append(keys, e.key)
		}
	}
	if len(keys) == 0 {
		return
	}
	t, err := r.kernel.Read(ctx, keys)
	for _, k := range keys {
		e := r.entries[k]
		if have, exists := t[k]; exists {
			r.know(e, present, have)
		} else if err == nil {
			r.know(e, absent, Service{})
		} else {
			e.result = outcome{verdict: refused, err: err}
		}
	}
	if err != nil && ctx.Err() == nil {
		r.log.Error("Cannot read back the IPVS table", "err", err)
	}
	if errors.Is(err, ErrLost) {
		r.lose(err)
	}
}

// plan adds to p what one service needs. One that is not wanted is removed also if it is not known to be there.
func (r *Reconciler) plan(p *plan, e *entry) {
	switch {
	case e.vs == nil && e.state != absent:
		p.remove(e.key)
	case e.vs == nil, e.state == unknown: // gone, or for now unreadable
	default:
		r.buf = e.vs.spec.dests(e.vs.pool, e.n, r.buf[:0])
		p.service(e.key, e.have, e.state == present, e.attrs(), r.buf)
	}
}

// write makes the planned changes, empties the plan, and notes what came of them.
func (r *Reconciler) write(ctx context.Context, p *plan, said map[Op]bool) {
	ops := p.ops()
	if len(ops) == 0 || r.kernel == nil {
		return
	}
	p.clear()
	var lost error
	for i, err := range r.kernel.Apply(ctx, ops) {
		op := ops[i]
		r.metrics.count(op.Kind, err)
		if err == nil {
			r.written++
		} else if errors.Is(err, ErrLost) {
			lost = err
		}
		e := r.entries[op.Service]
		if e.result.addFailed && errors.Is(err, syscall.ESRCH) {
			continue
		}
		unsure := e.state == unknown
		v := r.judge(e, op, err)
		if err != nil && ctx.Err() == nil && lost == nil && !said[op] && !(unsure && v == fine) {
			said[op] = true
			r.report(ctx, op, err, v)
		}
		if v == fine {
			continue
		}
		e.result.verdict = max(e.result.verdict, v)
		if e.result.err == nil {
			e.result.err = errorOf(op, err)
		}
		e.result.addFailed = e.result.addFailed || op.Kind == AddService
	}
	if lost != nil {
		r.lose(lost)
	}
}

func (r *Reconciler) report(ctx context.Context, op Op, err error, v verdict) {
	level := slog.LevelWarn
	if v == refused {
		level = slog.LevelError
	}
	r.log.Log(ctx, level, errorText(op, err))
}

// fail records why a service is not in the kernel as it should, or, with a nil err, that it is.
func (r *Reconciler) fail(e *entry, err error) {
	switch {
	case err == nil && e.failure != nil:
		e.failure = nil
		r.failing--
	case err != nil:
		if e.failure == nil {
			e.failure = new(failure)
			r.failing++
		}
		e.failure.fail(err)
		if r.retryAt.IsZero() || e.failure.next.Before(r.retryAt) {
			r.retryAt = e.failure.next
		}
	}
}

// retry tries again what failed and is due.
func (r *Reconciler) retry(ctx context.Context) {
	now := time.Now()
	if r.opening.attempts > 0 && !r.opening.next.After(now) {
		_ = r.program(ctx) // logged there; only a first attempt is final, and this is not one
		r.publish()
	}
	if r.kernel == nil || r.failing == 0 || r.retryAt.After(now) {
		return
	}
	r.retryAt = time.Time{}
	for _, e := range r.entries {
		switch f := e.failure; {
		case f == nil:
		case !f.next.After(now):
			r.touch(e)
		case r.retryAt.IsZero() || f.next.Before(r.retryAt):
			r.retryAt = f.next
		}
	}
	r.reconcile(ctx, r.takeDirty())
	r.publish()
}
