package bfd

import (
	"net/netip"
	"time"
)

// Status is a snapshot of all sessions.
type Status struct {
	Sessions []SessionStatus
	Ports    []PortStatus
	Dropped  []Dropped // in the order of the reasons
}

// Dropped are datagrams of no use.
type Dropped struct {
	Reason string
	Count  uint64
}

// SessionStatus is the state of one session.
type SessionStatus struct {
	Name                         string
	Neighbor, Source             netip.Addr // Source invalid = any
	Multihop, Passive            bool
	State, RemoteState           State
	Diagnostic, RemoteDiagnostic Diagnostic
	Local, Remote                uint32 // discriminators
	TX, Detection                time.Duration
	Since                        time.Time // of State
	Leaving                      bool      // no longer configured; its neighbour is being told
	Trouble                      string    // why it cannot speak, or ""
	Counters                     Counters
}

// PortStatus is a port that cannot be listened on.
type PortStatus struct {
	Port    uint16
	Six     bool
	Trouble string
}

// Status returns a snapshot. It may be called from any goroutine at any time.
func (r *Runner) Status() Status {
	var st Status
	for d := DropNone + 1; d < dropCount; d++ {
		st.Dropped = append(st.Dropped, Dropped{d.String(), r.drops[d].Load()})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Sessions = make([]SessionStatus, 0, len(r.sessions))
	for _, s := range r.sessions {
		timers := s.core.Timers()
		st.Sessions = append(st.Sessions, SessionStatus{Name: s.spec.Name, Neighbor: s.spec.Neighbor,
			Source: s.spec.Source, Multihop: s.spec.Multihop, Passive: s.spec.Timing.Passive,
			State: s.core.state, RemoteState: s.core.remoteState, Diagnostic: s.core.diag, RemoteDiagnostic: s.core.remoteDiag,
			Local: s.core.local, Remote: s.core.remote, TX: timers.TX, Detection: timers.Detection, Since: s.since,
			Leaving: s.leaving, Trouble: s.trouble, Counters: s.counters})
	}
	for p, open := range r.ports {
		if open.trouble != "" {
			st.Ports = append(st.Ports, PortStatus{p.number(), p.Six, open.trouble})
		}
	}
	return st
}
