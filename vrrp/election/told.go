package election

import (
	"slices"
	"unique"

	"vigil/confparse"
)

// Told is who is told of what happens to a virtual router or a sync group, besides those who are told of everything.
type Told struct {
	Master, Backup, Fault, Stop confparse.Program
	Deleted                     confparse.Program
	Any                         confparse.Program // notify, of every transition
	LowerMaster                 confparse.Program // notify_master_rx_lower_pri
	// SaysDeleted: a reload that removes the router is told of as DELETED, and not as FAULT.
	SaysDeleted bool
	Mail        confparse.Switch // smtp_alert; Unset: what holds for all
	Priorities  confparse.Switch // notify_priority_changes, its sync group's if it has none; Unset: what holds for all
}

// Audience is a Told. Many routers have the same one, or none, so that equal ones are kept once. It is comparable, and
// nothing in this package depends on it.
type Audience struct{ handle unique.Handle[Told] }

// AudienceOf returns the Audience of t.
func AudienceOf(t Told) Audience {
	if t == (Told{}) {
		return Audience{}
	}
	return Audience{unique.Make(t)}
}

// Told returns who is told.
func (a Audience) Told() Told {
	if a == (Audience{}) {
		return Told{}
	}
	return a.handle.Value()
}

// NotifyKind is what a Notify is about.
type NotifyKind uint8

// The kinds. Those that are no transition have To == From.
const (
	NotifyTransition  NotifyKind = iota
	NotifyLowerMaster            // a MASTER has heard one of lower priority
	NotifyPriority               // the effective priority is another one
)

// lowerTold bounds the Notifys about lower masters within an advert interval: a healthy rival sends one advert in each.
const lowerTold = 8

// tellLower tells of a lower master, once it is told that this is one.
func (m *Machine) tellLower(now Instant) {
	if m.notifying() {
		return
	}
	if now >= m.lowerSince.Add(m.spec.AdvertInterval) {
		m.lowerSince, m.lowerCount = now, 0
	}
	if m.lowerCount++; m.lowerCount <= lowerTold {
		m.emit(m.event(NotifyLowerMaster))
	}
}

// tellPriority tells of a change of the effective priority. A transition that is still to be told of says it as well.
func (m *Machine) tellPriority() {
	switch {
	case m.notifying():
		m.pending.Priority = m.priority
	case m.state != Init:
		m.emit(m.event(NotifyPriority))
	}
}

func (m *Machine) event(k NotifyKind) Notify {
	return Notify{Kind: k, From: m.state, To: m.state, Priority: m.priority, Told: m.spec.Told}
}

// emit tells of the transition of g. Its first state comes before those of its members, unless that is MASTER.
func (e *Engine) emit(g *group) {
	n := g.pending
	if n.From == n.To {
		return
	}
	g.pending = Notify{}
	at := len(e.out)
	if n.Initial && n.To != Master {
		for i, a := range slices.Backward(e.out) {
			if before, ok := a.Action.(Notify); ok && before.Group == g.name {
				break // the end of an earlier life of the group
			} else if ok && g.has(a.Handle) {
				at = i
			}
		}
	}
	e.out = slices.Insert(e.out, at, InstanceAction{Action: n, Fellows: g.fellows})
}

func (g *group) has(h Handle) bool {
	return slices.ContainsFunc(g.members, func(r *virtualRouter) bool { return r.handle == h })
}
