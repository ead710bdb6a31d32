package bfd

import (
	"math"
	"strconv"
	"time"
)

// State is the state of a session (RFC 5880 §4.1).
type State uint8

// The states, with their numbers on the wire.
const (
	AdminDown State = iota
	Down
	Init
	Up
)

// String is keepalived's word.
func (s State) String() string {
	switch s {
	case AdminDown:
		return "AdminDown"
	case Down:
		return "Down"
	case Init:
		return "Init"
	case Up:
		return "Up"
	}
	return "state " + strconv.Itoa(int(s))
}

// Diagnostic is why the state of a session changed last (RFC 5880 §4.1).
type Diagnostic uint8

// The diagnostics that are given here. Neighbours may give others.
const (
	NoDiagnostic              Diagnostic = 0
	DetectionTimeExpired      Diagnostic = 1
	NeighborSignaledDown      Diagnostic = 3
	AdministrativelyDown      Diagnostic = 7
	reverseConcatenatedFailed Diagnostic = 8
)

var diagnosticNames = [...]string{"No Diagnostic", "Control Detection Time Expired", "Echo Function Failed",
	"Neighbor Signaled Session Down", "Forwarding Plane Reset", "Path Down", "Concatenated Path Down",
	"Administratively Down", "Reverse Concatenated Path Down"}

// String is the name of RFC 5880.
func (d Diagnostic) String() string {
	if d > reverseConcatenatedFailed {
		return "Unknown Diagnostic " + strconv.Itoa(int(d))
	}
	return diagnosticNames[d]
}

// Instant is the time since the Runner began, on a clock that only goes forward.
type Instant time.Duration

// Never is later than any other Instant.
const Never Instant = math.MaxInt64

// Add returns i + d, or Never if i is.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d)
}

// Sub returns i - j.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }
