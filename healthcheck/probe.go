package healthcheck

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// probe is one distinct check while it runs, shared by all real servers that ask for it. At any time it is in the agenda,
// waits in the queue or is under way, so no two attempts of it overlap.
type probe struct {
	manager     *Manager
	spec        CheckSpec
	judgement   judgement
	failures    uint32             // failed attempts in a row
	gone        bool               // no longer in the Spec
	busy        bool               // in the queue or under way
	again       bool               // the attempt under way is given up for another one
	renewed     bool               // the attempt under way, or next, stands in for one that was given up
	fresh       bool               // scratch of Apply: made by it
	touched     bool               // scratch of Apply: has lost subscribers
	late        bool               // has been told to be overdue
	postponed   bool               // the last attempt could not be made, and that has been told
	armed       bool               // it runs until it is disarmed
	place       int                // in the agenda, counted from 1; 0 = not in it
	at          time.Duration      // since Manager.epoch: when it is due, in the agenda
	cancel      context.CancelFunc // ends the attempt under way
	subscribers []subscriber
	next        *probe        // in the queue
	due         time.Duration // since Manager.epoch: when the attempt was due
	added       time.Duration // since Manager.epoch
	completed   time.Duration // since Manager.epoch: when the last attempt ended; 0 = never
	excused     time.Duration // since Manager.epoch: when it was due and suspended
	last        Result        // of the last attempt
	unfollow    func()        // ends what tells it, if it is told
}

func (p *probe) words() *words { return &kinds[p.spec.Kind].words }

// subscriber is a real server judged by a probe, with the position of the check among the server's.
type subscriber struct {
	rs    *realServer
	check int
}

// probeQueue is a first-in-first-out list of probes linked through probe.next.
type probeQueue struct {
	head, tail *probe
	length     int // also counts those no longer wanted, until they are passed over
}

func (q *probeQueue) push(p *probe) {
	p.next = nil
	q.length++
	if q.tail == nil {
		q.head = p
	} else {
		q.tail.next = p
	}
	q.tail = p
}

// pop returns the first probe that is still wanted, or nil.
func (q *probeQueue) pop() *probe {
	for q.head != nil {
		p := q.head
		if q.head = p.next; q.head == nil {
			q.tail = nil
		}
		p.next = nil
		q.length--
		if !p.gone {
			return p
		}
	}
	return nil
}

// arm schedules the first run of a probe while Run is on: a second and a random part of warmup from now.
func (m *Manager) arm(p *probe) {
	if m.ctx == nil || p.armed {
		return
	}
	if p.unfollow != nil {
		if kinds[p.spec.Kind].files {
			m.listen()
		}
		return
	}
	delay := bootstrapDelay
	warmup := p.spec.shared.Value().timing.warmup
	if warmup > 0 {
		delay += time.Duration(m.rand.Int64N(int64(warmup)))
	}
	p.armed = true
	m.wait(p, time.Since(m.epoch), delay, warmup)
}

// disarm ends what the probe has under way; its next result is ignored.
func (p *probe) disarm() {
	p.armed = false
	p.manager.agenda.remove(p)
	p.renewed = false
	if p.cancel != nil {
		p.cancel()
	} else {
		p.busy = false // it leaves the queue
	}
}

// Recheck probes the servers that are down at once, instead of when they are due, and begins anew what is under way: the
// network around this host has changed, and what failed may have failed for that. Retries are not counted by it. An
// attempt is begun anew once: however often the network changes, every attempt comes to an end.
func (m *Manager) Recheck() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.on() {
		return
	}
	for _, vs := range m.servers {
		for i := range vs.servers {
			for _, c := range vs.servers[i].checks {
				c.probe.hasten()
			}
		}
	}
}

// hasten makes p due if it is down, or begins its attempt under way again. A probe of several servers is hastened once, and one
// that has been due for long keeps its place.
func (p *probe) hasten() {
	switch {
	case p.cancel != nil:
		if !p.renewed {
			p.again = true
			p.cancel()
		}
	case !p.busy && p.armed && p.judgement.state == down:
		p.manager.schedule(p, min(p.at, time.Since(p.manager.epoch)))
	}
}

// on reports whether Run is on and has not been told to end.
func (m *Manager) on() bool { return m.ctx != nil && m.ctx.Err() == nil }

// attempt probes once, applies the result and returns the probe that has waited longest for a turn, if any. It is
// called and returns with m.mu held, and gives it up meanwhile.
func (m *Manager) attempt(p *probe) *probe {
	ctx, cancel := context.WithCancel(m.ctx)
	p.cancel = cancel
	step, due, with := int(p.judgement.step), p.due, m.means
	m.mu.Unlock()

	start := time.Since(m.epoch)
	m.metrics.queue.Observe((start - due).Seconds())
	result, panicked := m.check(ctx, p.spec, with, step)
	end := time.Since(m.epoch)
	if result.Took == 0 {
		result.Took = end - start
	}

	m.mu.Lock()
	interrupted := ctx.Err() != nil // by hasten or disarm, also after the attempt and before this
	cancel()
	if !interrupted {
		m.metrics.observe(p.spec.Kind, result, panicked)
	}
	again := p.again
	p.cancel, p.busy, p.again = nil, false, false
	if !m.on() {
		return nil
	}
	if interrupted || p.gone {
		if again && !p.gone {
			p.renewed = true
			m.schedule(p, end)
		}
		return m.waiting.pop()
	}
	p.renewed = false
	if p.last = result; result.Outcome != Postponed { // that has found out nothing
		p.completed = end
	}
	delay := m.apply(p, result)
	m.wait(p, end, delay, delay)
	return m.waiting.pop()
}

// apply brings a result into the state of the probe and of its real servers and returns when to try next.
func (m *Manager) apply(p *probe, r Result) time.Duration {
	shared := p.spec.shared.Value()
	if r.Outcome == Postponed {
		if !p.postponed { // of thousands that cannot be made for hours nobody wants to read each time
			m.logPostponed(p, r)
		}
		p.postponed = true
		return shared.timing.delayLoop
	}
	p.postponed = false
	before, rules := p.judgement, p.spec.policy()
	o := p.judgement.observe(rules, r)
	if r.Outcome == Passed {
		p.failures = 0
		if before.state == down && r.Step != "" {
			m.logStep(p, r)
		}
	} else {
		p.failures++
		said := o.verdict == down && p.words().failed == nil // in the words of the verdict
		if before.state != down && shared.timing.logAllFailures && !said {
			m.logAttempt(p, r)
		}
	}
	switch weighs := p.judgement.weight != before.weight; {
	case o.verdict != unknown:
		m.deliver(p, before.state, o, r, weighs)
	case weighs:
		m.deliverWeight(p)
	}
	if rules.fromStart {
		return max(o.next-r.Took, time.Microsecond)
	}
	return o.next
}

// begin makes p follow what tells it, if it is of a kind that is told.
func (m *Manager) begin(p *probe) {
	follow := kinds[p.spec.Kind].follow
	if follow == nil {
		return
	}
	first, stop := follow(sources{m.files, m.sessions}, p.spec.shared.Value().asks, func(r Result) { m.tell(p, r) })
	p.unfollow = stop
	if first.Outcome == 0 {
		return // nothing is known yet
	}
	p.last, p.completed = first, time.Since(m.epoch)
	p.judgement.observe(p.spec.policy(), first)
}

// listen hears what probes are told by files, until Run ends.
func (m *Manager) listen() {
	if m.listening {
		return
	}
	m.listening = true
	ctx := m.ctx
	m.running.Go(func() {
		err := m.files.Run(ctx)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.listening = false; err != nil {
			m.log.Error("track files are no longer followed", "err", err)
		}
	})
}

// tell brings what p has been told into the state.
func (m *Manager) tell(p *probe, r Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.gone {
		return
	}
	p.completed, p.last = time.Since(m.epoch), r
	m.metrics.observe(p.spec.Kind, r, false)
	m.apply(p, r)
}

// check makes one attempt. A panic in it is contained here and counts as a failure of the check: one broken reply must
// not take the director down with it.
func (m *Manager) check(ctx context.Context, spec CheckSpec, with means, step int) (r Result, panicked bool) {
	defer func() {
		if v := recover(); v != nil {
			m.log.Error("a check panicked", "check", spec.Kind.String(), "target", spec.subject(),
				"err", fmt.Sprint(v), "stack", string(debug.Stack()))
			r, panicked = failed(CodeUnknown, "panic", fmt.Errorf("panic: %v", v)), true
		}
	}()
	return m.newChecker(spec, with, step).Check(ctx), false
}
