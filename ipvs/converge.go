package ipvs

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"syscall"
	"time"
)

const (
	writeAt = 2048 // planned operations at which a pass writes before it plans on
	rounds  = 3    // immediate tries of a service before it waits

	firstBackoff = time.Second
	lastBackoff  = time.Minute
)

// failure is what went wrong with a service, and when it is tried again.
type failure struct {
	err      error
	attempts int
	since    time.Time
	next     time.Time
}

func (f *failure) fail(err error) {
	now := time.Now()
	if f.attempts == 0 {
		f.since = now
	}
	f.err = err
	f.next = now.Add(min(firstBackoff<<min(f.attempts, 10), lastBackoff))
	f.attempts++
}

// verdict is what to do about a service after an operation on it.
type verdict uint8

const (
	fine     verdict = iota
	refused          // the kernel will not have it: wait, then try again
	replan           // applied has been corrected: plan again at once
	readBack         // we do not know what the kernel has: read it, then plan again at once
)

// outcome is what a pass found out about one service: the weightiest verdict and the first error.
type outcome struct {
	verdict   verdict
	err       error
	addFailed bool // its AddService did, so that its destinations could not but fail
}

// reconcile makes the given services right, or records why it cannot.
func (r *Reconciler) reconcile(ctx context.Context, keys []ServiceKey) {
	said := make(map[Op]bool)
	for round := 1; len(keys) > 0; round++ {
		keys = r.pass(ctx, keys, said, round == rounds)
	}
}

// pass plans and writes the given services once and returns those that should be planned again at once; none if it
// is the last pass.
func (r *Reconciler) pass(ctx context.Context, keys []ServiceKey, said map[Op]bool, last bool) (again []ServiceKey) {
	out := make(map[ServiceKey]outcome)
	var p plan
	for _, k := range keys {
		r.plan(&p, k)
		if p.len() >= writeAt {
			r.write(ctx, &p, out, said)
		}
	}
	r.write(ctx, &p, out, said)
	r.readBack(ctx, out)
	for _, k := range keys {
		o := out[k]
		switch {
		case o.verdict == fine:
			delete(r.failing, k)
		case o.verdict == refused || last:
			f := r.failing[k]
			if f == nil {
				f = new(failure)
				r.failing[k] = f
			}
			f.fail(o.err)
		default:
			again = append(again, k)
		}
	}
	return again
}

// plan adds to p what one service needs.
func (r *Reconciler) plan(p *plan, k ServiceKey) {
	have, exists := r.applied[k]
	svc := r.services[k]
	if svc == nil {
		r.unsaved = true // it is ours until it is gone
		if exists {
			p.remove(k)
		}
		return
	}
	r.buf = svc.spec.dests(svc.health, r.buf[:0])
	p.service(k, have, exists, svc.spec.Attrs, r.buf)
}

// write makes the planned changes, empties the plan, and adds to out what went wrong.
func (r *Reconciler) write(ctx context.Context, p *plan, out map[ServiceKey]outcome, said map[Op]bool) {
	ops := p.ops()
	if len(ops) == 0 {
		return
	}
	p.clear()
	for i, err := range r.kernel.Apply(ctx, ops) {
		op := ops[i]
		r.metrics.count(op.Kind, err)
		if err == nil {
			r.written++
		}
		o := out[op.Service]
		if o.addFailed && errors.Is(err, syscall.ESRCH) {
			continue
		}
		v := r.judge(op, err)
		if err != nil && ctx.Err() == nil && !said[op] {
			said[op] = true
			r.report(ctx, op, err, v)
		}
		if v == fine {
			continue
		}
		o.verdict = max(o.verdict, v)
		if o.err == nil {
			o.err = errorOf(op, err)
		}
		o.addFailed = o.addFailed || op.Kind == AddService
		out[op.Service] = o
	}
}

func (r *Reconciler) report(ctx context.Context, op Op, err error, v verdict) {
	level := slog.LevelWarn
	if v == refused {
		level = slog.LevelError
	}
	r.log.Log(ctx, level, errorText(op, err))
}

// judge brings applied up to date with the result of an operation.
func (r *Reconciler) judge(op Op, err error) verdict {
	have, known := r.applied[op.Service]
	switch {
	case err == nil && !known && op.Kind != AddService && op.Kind != DelService:
		return readBack // it vanished and was made again by someone else
	case err == nil,
		errors.Is(err, syscall.ENOENT) && op.Kind == DelDest && known,
		errors.Is(err, syscall.ENOENT) && op.Kind == DelService,
		errors.Is(err, syscall.ESRCH) && op.Kind == DelService:
		r.applied.apply(op)
		return fine
	case errors.Is(err, syscall.ENOENT) && op.Kind == SetDest:
		delete(have.Dests, op.Dest)
		return replan
	case errors.Is(err, syscall.ESRCH):
		delete(r.applied, op.Service)
		return replan
	case errors.Is(err, syscall.EEXIST):
		return readBack
	case refusal(err):
		return refused
	}
	return readBack
}

// refusal reports whether err says that the kernel looked at the operation and declined it.
func refusal(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOENT, syscall.ERANGE, syscall.EINVAL, syscall.EPERM, syscall.ENOMEM,
		syscall.EAFNOSUPPORT, syscall.EOPNOTSUPP, syscall.EMSGSIZE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// readBack corrects applied for the services whose state in the kernel is not known.
func (r *Reconciler) readBack(ctx context.Context, out map[ServiceKey]outcome) {
	var keys []ServiceKey
	for k, o := range out {
		if o.verdict == readBack {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return
	}
	if _, err := r.reread(ctx, keys); err != nil {
		if ctx.Err() == nil {
			r.log.Error("Cannot read back the IPVS table", "err", err)
		}
		for _, k := range keys {
			// Nothing is known of it now. Without an entry it will be added, which finds out.
			delete(r.applied, k)
			out[k] = outcome{verdict: refused, err: err}
		}
	}
}

// retry tries again what failed and is due.
func (r *Reconciler) retry(ctx context.Context) {
	now := time.Now()
	if r.applied == nil {
		if r.opening.attempts > 0 && !r.opening.next.After(now) {
			_ = r.program(ctx, nil) // logged there; only a first attempt is final, and this is not one
		}
		return
	}
	due := maps.Clone(r.failing)
	maps.DeleteFunc(due, func(_ ServiceKey, f *failure) bool { return f.next.After(now) })
	if len(due) > 0 {
		r.reconcile(ctx, slices.SortedFunc(maps.Keys(due), compareServices))
		r.remember()
	}
}
