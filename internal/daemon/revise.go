package daemon

import (
	"context"
	"time"
)

// reviseAgainAfter is when it is tried again to take what could not be had.
const reviseAgainAfter = 10 * time.Second

// membersPause is the least time between two revisions for members.
const membersPause = time.Second

// A revision is a reload that reads nothing: what others than the configuration say of virtual servers, who their members are and which
// servers are drained, becomes part of what is desired. What was edited meanwhile is left to who asks for a reload.

// revised returns l with the members that its sources have now, and with what is drained now. Of sources that are new it finds out, for
// a limited time. It may be called from any goroutine.
func (d *daemon) revised(ctx context.Context, l loaded, limit time.Duration) loaded {
	l = d.members.taken(ctx, l, limit)
	l.desired.IPVS = l.desired.IPVS.Drained(d.drains.covers())
	return l
}

// firstRevision is first with its members as far as they are known without asking anybody, and with what an earlier process has drained,
// unless ctx ends before.
func (d *daemon) firstRevision(ctx context.Context, first loaded) loaded {
	done := make(chan loaded, 1)
	go func() { done <- d.revised(ctx, first, 0) }()
	select {
	case l := <-done:
		return l
	case <-ctx.Done():
		return first // a file that cannot be read to its end is left to the end of the process
	}
}

// membersDue is revisionDue for members, of which a list may change a thousand times a second.
func (d *daemon) membersDue(ctx context.Context) {
	if pause := membersPause - time.Since(d.membersAt); !d.membersAt.IsZero() && pause > 0 {
		d.reviseAgain.Reset(pause)
		return
	}
	d.membersAt = time.Now()
	d.revisionDue(ctx)
}

// revisionDue notes that there may be something to revise, and does so when nothing else is under way.
func (d *daemon) revisionDue(ctx context.Context) {
	d.stale = true
	d.revise(ctx)
}

// revise begins a revision, if one is due. While a reload is under way it waits for that.
func (d *daemon) revise(ctx context.Context) {
	if !d.stale || d.reloading != nil {
		return
	}
	d.stale = false
	ctx, cancel := context.WithCancel(ctx)
	r := &reload{begun: time.Now(), cancel: cancel, done: make(chan outcome, 1), revises: true, waiting: d.waiting}
	d.reloading, d.waiting = r, nil
	running := d.running
	go func() { r.done <- d.findRevision(ctx, running) }()
}

// findRevision does what of a revision may take long and fail. It is not the owner's goroutine.
func (d *daemon) findRevision(ctx context.Context, running loaded) outcome {
	next := d.revised(ctx, running, 0)
	plan := planOf(d.parts, running.desired, next.desired)
	if plan.Empty() {
		return outcome{next: next, result: reloadUnchanged}
	}
	d.logPlan(plan)
	all, err := prepareAll(ctx, d.parts, next.desired)
	return outcome{next: next, prepared: all, result: reloadApplied, err: err}
}

// endRevision takes what a revision has come to. What could not be had is tried again.
func (d *daemon) endRevision(r *reload, out outcome) {
	if out.err != nil {
		d.log.Error("The members of virtual servers, and what is drained, stay as they were for now", "err", out.err)
		d.reviseAgain.Reset(reviseAgainAfter)
	} else {
		d.tellMembers(out.next)
		d.inForce(out.next)
	}
	for _, done := range r.waiting {
		done <- out.err
	}
}
