package ipvs

import (
	"slices"
	"time"
)

// Status is a snapshot of a Reconciler.
type Status struct {
	Ready        bool // the first programming is done
	Services     int  // ours in the kernel
	Destinations int
	Written      uint64 // operations that the kernel accepted
	Drift        uint64 // those of them that repaired what others had changed
	Failing      []Failure
}

// Failure is a service that the kernel does not have as it should.
type Failure struct {
	Service  ServiceKey // the zero key: IPVS as a whole
	Error    string
	Attempts int
	Since    time.Time
	Retry    time.Time // of the next attempt
}

// Status returns the latest snapshot.
func (r *Reconciler) Status() Status { return *r.status.Load() }

func (r *Reconciler) publish() {
	s := &Status{Ready: r.isReady(), Written: r.written, Drift: r.drift}
	s.Services, s.Destinations = r.applied.counts()
	if r.opening.attempts > 0 {
		s.Failing = append(s.Failing, r.opening.report(ServiceKey{}))
	}
	for k, f := range r.failing {
		s.Failing = append(s.Failing, f.report(k))
	}
	slices.SortFunc(s.Failing, func(a, b Failure) int { return compareServices(a.Service, b.Service) })
	r.status.Store(s)
}

func (f *failure) report(k ServiceKey) Failure {
	return Failure{Service: k, Error: f.err.Error(), Attempts: f.attempts, Since: f.since, Retry: f.next}
}
