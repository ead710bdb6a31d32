package pool

import (
	"strings"
	"unique"

	"vigil/confparse"
)

// Told is who is told of a real server, or of the quorum of a virtual server, besides those who are told of everything.
type Told struct {
	Up, Down Program          // notify_up and notify_down, quorum_up and quorum_down
	Mail     confparse.Switch // smtp_alert; Unset: what holds for all
}

// Program is a program to run. The zero value is none.
type Program struct {
	argv string // its words, each ended by a NUL
	As   confparse.Identity
}

// ProgramOf returns the program of a script, which may be nil.
func ProgramOf(s *confparse.Script) Program {
	if s == nil || len(s.Argv) == 0 {
		return Program{}
	}
	return Program{argv: strings.Join(s.Argv, "\x00") + "\x00", As: s.RunAs}
}

// Argv returns the words of the program; none if there is none.
func (p Program) Argv() []string {
	if p.argv == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(p.argv, "\x00"), "\x00")
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
