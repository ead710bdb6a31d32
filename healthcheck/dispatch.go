package healthcheck

import (
	"context"
	"runtime"
	"time"
)

// startsAtOnce is how many attempts are begun before others get their turn.
const startsAtOnce = 32

// schedule has p due at a moment since the epoch. It is called with mu held; so are wait and fire.
func (m *Manager) schedule(p *probe, at time.Duration) {
	if m.agenda.set(p, at) {
		select {
		case m.sooner <- struct{}{}:
		default:
		}
	}
}

// wait has p due a delay from now, which is out of span.
func (m *Manager) wait(p *probe, now, delay, span time.Duration) {
	m.schedule(p, aligned(now+delay, span))
}

// dispatch begins the attempts that are due until ctx ends. After a few of them it lets others run that have waited for
// it: thousands that are due together, each in a goroutine made at once, would make all other goroutines of the process
// wait behind them, the one that sends adverts as well (docs/decisions/checks-in-turn.md).
func (m *Manager) dispatch(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		m.mu.Lock()
		now := time.Since(m.epoch)
		for range startsAtOnce {
			p := m.agenda.due(now)
			if p == nil {
				break
			}
			m.fire(p, now)
		}
		next, ok := m.agenda.next()
		m.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return
		case ok && next <= now:
			runtime.Gosched()
			continue
		case ok:
			timer.Reset(next - now)
		default:
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-m.sooner:
		case <-ctx.Done():
			return
		}
	}
}

// fire begins the attempt of p, which is due and was in the agenda, or has it wait for its turn.
func (m *Manager) fire(p *probe, now time.Duration) {
	if !m.on() {
		return
	}
	if p.suspended() {
		delay := p.spec.shared.Value().timing.delayLoop
		p.excused, p.renewed = now, false
		m.wait(p, now, delay, delay)
		return
	}
	p.busy, p.due = true, p.at
	if m.inFlight >= m.maxInFlight {
		m.waiting.push(p)
		return
	}
	m.inFlight++
	m.running.Go(func() { m.work(p) })
}

// work makes the attempt of p, and then those of others that have waited for a turn.
func (m *Manager) work(p *probe) {
	m.mu.Lock() // attempt gives it up meanwhile: after a panic there is nothing to unlock
	for p != nil && m.on() {
		if p.gone {
			p = m.waiting.pop()
			continue
		}
		p = m.attempt(p)
	}
	m.inFlight--
	m.mu.Unlock()
}

// ticks are the grids that probes are aligned to: every one divides a second, so that checks with different delays meet.
var ticks = [...]time.Duration{
	50 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond,
	5 * time.Millisecond, 2 * time.Millisecond, time.Millisecond,
}

// aligned moves a moment of the manager's clock to one of its ticks, by at most half a tick. Waking up an idle process
// costs about as much as connecting to a server does; checks that are due at the same tick share it. A tick is at most a
// hundredth of span, so that a delay is never wrong by more than half a percent.
func aligned(at, span time.Duration) time.Duration {
	for _, tick := range ticks {
		if tick <= span/100 {
			return (at + tick/2).Truncate(tick)
		}
	}
	return at
}
