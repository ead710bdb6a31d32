package pool

import (
	"unique"

	"vigil/confparse"
)

// Told is who is told of a real server, or of the quorum of a virtual server, besides those who are told of everything.
type Told struct {
	Up, Down confparse.Program // notify_up and notify_down, quorum_up and quorum_down
	Mail     confparse.Switch  // smtp_alert; Unset: what holds for all
}

// Notify is a Told. Thousands of servers have the same one, or none, so that equal ones are kept once. It is comparable.
type Notify struct{ handle unique.Handle[Told] }

// NotifyOf returns the Notify of t.
func NotifyOf(t Told) Notify {
	if t == (Told{}) {
		return Notify{}
	}
	return Notify{unique.Make(t)}
}

// Told returns who is told.
func (n Notify) Told() Told {
	if n == (Notify{}) {
		return Told{}
	}
	return n.handle.Value()
}
