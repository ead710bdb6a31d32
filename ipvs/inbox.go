package ipvs

import (
	"sync"

	"vigil/confparse"
)

// inbox holds what was handed to a Reconciler and not yet taken. It coalesces: however much is handed in during a
// pass becomes one pass.
type inbox struct {
	signal chan struct{} // one slot

	mu    sync.Mutex
	inner mail
}

// changeList is changes of health in the order in which their servers first changed, each server once.
type changeList struct {
	list []HealthChange
	at   map[confparse.RealServerID]int // in list
}

func (l *changeList) add(changes []HealthChange) {
	if l.at == nil && len(changes) > 0 {
		l.at = make(map[confparse.RealServerID]int, len(changes))
	}
	for _, c := range changes {
		if i, ok := l.at[c.Server]; ok {
			c.Alerts, c.Same = append(l.list[i].Alerts, c.Alerts...), l.list[i].Same && c.Same
			l.list[i] = c
			continue
		}
		l.at[c.Server] = len(l.list)
		l.list = append(l.list, c)
	}
}

// mail is what one pass takes: at most one Spec with its health, the changes handed in after it, and those before it. These are
// news of the pools as they were; the health that comes with the Spec has them already.
type mail struct {
	before  changeList
	spec    *Spec
	health  Health
	changes changeList
	waiters []chan struct{}
}

func (m mail) release() {
	for _, w := range m.waiters {
		close(w)
	}
}

func (b *inbox) set(s Spec, h Health) {
	b.mu.Lock()
	b.inner.before.add(b.inner.changes.list)
	b.inner.spec, b.inner.health, b.inner.changes = &s, h, changeList{}
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) change(changes []HealthChange) {
	b.mu.Lock()
	b.inner.changes.add(changes)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) wait() <-chan struct{} {
	w := make(chan struct{})
	b.mu.Lock()
	b.inner.waiters = append(b.inner.waiters, w)
	b.mu.Unlock()
	b.wake()
	return w
}

func (b *inbox) take() mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.inner
	b.inner = mail{}
	return m
}

func (b *inbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}
