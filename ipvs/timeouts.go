package ipvs

import (
	"context"
	"errors"
)

// timeouts is what has been done about lvs_timeouts.
type timeouts struct {
	want    Timeouts // of the Spec; 0 = as before
	in      Timeouts // what was last set of it
	before  Timeouts // what there was before anything was set
	changed bool
}

// setTimeouts makes the kernel's timeouts those of the Spec; what it does not mention, or not any more, is what it was
// before. A failure is tried again with the next Spec or audit.
func (r *Reconciler) setTimeouts(ctx context.Context) {
	t := &r.timeouts
	want := t.want
	if len(r.sequence) == 0 {
		want = Timeouts{} // as in a start without virtual servers, which leaves IPVS alone
	}
	if r.kernel == nil || want == t.in {
		return
	}
	if !t.changed {
		before, err := r.kernel.Timeouts(ctx)
		if err != nil {
			r.timeoutsFailed(ctx, err)
			return
		}
		t.before, t.changed = before, true
	}
	set := want
	for _, f := range []struct{ set, in, before *uint32 }{{&set.TCP, &t.in.TCP, &t.before.TCP},
		{&set.TCPFin, &t.in.TCPFin, &t.before.TCPFin}, {&set.UDP, &t.in.UDP, &t.before.UDP}} {
		if *f.set == 0 && *f.in != 0 {
			*f.set = *f.before
		}
	}
	if err := r.applyTimeouts(ctx, set); err != nil {
		r.timeoutsFailed(ctx, err)
		return
	}
	t.in = want
}

// restoreTimeouts gives the kernel back the timeouts that it had before.
func (r *Reconciler) restoreTimeouts(ctx context.Context) {
	r.timeouts.want = Timeouts{}
	r.setTimeouts(ctx)
}

func (r *Reconciler) applyTimeouts(ctx context.Context, t Timeouts) error {
	return r.kernel.Apply(ctx, []Op{{Kind: SetTimeouts, Timeouts: &t}})[0]
}

func (r *Reconciler) timeoutsFailed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		r.log.Error("Cannot set the timeouts of IPVS", "err", err)
	}
	if errors.Is(err, ErrLost) {
		r.lose(err)
	}
}
