package script

import "sync/atomic"

// Progress is how far a program is that is run time and again. It may be asked from any goroutine; the zero value is Idle.
type Progress struct{ phase atomic.Uint32 }

// Phase is where a program is in its life.
type Phase uint32

// The phases, in their order. A program may skip any of them.
const (
	Idle        Phase = iota // not started, or ended
	Running                  // started
	Terminating              // told to end
	Killing                  // killed
)

// Phase returns the phase; nil is Idle.
func (p *Progress) Phase() Phase {
	if p == nil {
		return Idle
	}
	return Phase(p.phase.Load())
}

func (p *Progress) enter(phase Phase) {
	if p != nil {
		p.phase.Store(uint32(phase))
	}
}
