package ipvs

import (
	"cmp"
	"slices"
	"time"
)

// Status is a snapshot of a Reconciler.
type Status struct {
	Ready        bool // the first programming is done
	Lost         bool // the kernel's IPVS cannot be had at present; Failing says why
	Services     int  // ours in the kernel
	Destinations int
	Written      uint64 // operations that the kernel accepted
	Drift        uint64 // those of them that repaired what others had changed
	Overrides    []Override
	Failing      []Failure
}

// Override is a weight that somebody else has set and that is kept.
type Override struct {
	Service     ServiceKey
	Destination DestKey
	Weight      int32
	Own         int32 // what it would be
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
	s := &Status{Ready: r.isReady(), Services: r.services, Destinations: r.dests, Written: r.written, Drift: r.drift}
	if r.opening.attempts > 0 {
		s.Lost = true
		s.Failing = append(s.Failing, r.opening.report(ServiceKey{}))
	}
	if r.failing > 0 {
		for k, e := range r.entries {
			if e.failure != nil {
				s.Failing = append(s.Failing, e.failure.report(k))
			}
		}
	}
	slices.SortFunc(s.Failing, func(a, b Failure) int { return compareServices(a.Service, b.Service) })
	for vs := range r.overridden {
		kept := vs.overrides()
		if len(kept) == 0 || r.servers[vs.spec.ID] != vs {
			delete(r.overridden, vs)
			continue
		}
		s.Overrides = append(s.Overrides, kept...)
	}
	slices.SortFunc(s.Overrides, func(a, b Override) int {
		return cmp.Or(compareServices(a.Service, b.Service), a.Destination.Compare(b.Destination))
	})
	r.status.Store(s)
}

// overrides are the weights that others have set in the services of vs.
func (vs *virtualServer) overrides() (out []Override) {
	for _, o := range vs.pool.Overrides() {
		out = append(out, Override{
			Service: vs.spec.Services[o.Service].Key, Destination: vs.spec.destKey(o.Service, o.Server),
			Weight: o.Weight, Own: o.Own,
		})
	}
	return out
}

func (f *failure) report(k ServiceKey) Failure {
	return Failure{Service: k, Error: f.err.Error(), Attempts: f.attempts, Since: f.since, Retry: f.next}
}
