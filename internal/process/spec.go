// Package process tells the kernel how this process is to be run: what it is called, how much of the processor it may
// have and when, and that its memory stays where it is. keepalived says so of each of its processes; here one process is
// all of them, and every thread of it is meant.
package process

import (
	"slices"
	"time"
)

// Spec is how the process is to be run. What is left out stays as the process was started.
type Spec struct {
	Name    string // as ps shows it, 15 bytes at most; "" = left out
	Nice    int    // -20..19
	NiceSet bool
	// RealTime is the priority of SCHED_RR, 1..99, with which nice means nothing; 0 = left out.
	RealTime int
	// RealTimeLimit is how long a thread may run at a real-time priority without a pause; 0 = as long as it likes.
	RealTimeLimit time.Duration
	// MaxAuto is the highest real-time priority that the process gives itself when it comes late by MinLate or more; 0 = it
	// does not.
	MaxAuto    int
	MinLate    time.Duration
	CPUs       []int // where it may run; nil = left out
	LockMemory bool  // what has been used once is never swapped out
}

// Equal reports whether s and o ask for the same.
func (s Spec) Equal(o Spec) bool {
	return s.Name == o.Name && s.Nice == o.Nice && s.NiceSet == o.NiceSet && s.RealTime == o.RealTime &&
		s.RealTimeLimit == o.RealTimeLimit && s.MaxAuto == o.MaxAuto && s.MinLate == o.MinLate &&
		slices.Equal(s.CPUs, o.CPUs) && s.LockMemory == o.LockMemory
}

// Zero reports whether s leaves everything out.
func (s Spec) Zero() bool { return s.Equal(Spec{MinLate: s.MinLate}) }

// scheduling is how one thread is scheduled.
type scheduling struct {
	realTime int // the priority of SCHED_RR; 0 = ordinary
	nice     int
}
