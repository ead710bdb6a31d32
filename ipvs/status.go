package ipvs

import (
	"cmp"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"vigil/confparse"
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

// PoolStatus is the state of the pool of one virtual server.
type PoolStatus struct {
	VirtualServer confparse.VirtualServerID
	Labels        Labels
	Quorum        uint32
	Hysteresis    uint32
	Weight        int64          // of the real servers that are up
	QuorumUp      bool           // it is, or was and is kept by hysteresis, at least Quorum
	SorryServer   netip.AddrPort // invalid: none
	SorryServes   bool
	BackupServes  bool // backup_real_server
	Panic         bool // servers that have failed are kept in, for panic_threshold
}

// shown is a pool as other goroutines see it.
type shown struct {
	spec  *VirtualServerSpec
	state atomic.Int64 // the live weight above the bits
}

const (
	shownQuorum = 1 << iota
	shownServing
	shownBackup
	shownPanic

	shownBits = iota
)

// show publishes the state of the pool.
func (vs *virtualServer) show() {
	state := vs.pool.Live() << shownBits
	for i, on := range [shownBits]bool{vs.pool.QuorumUp(), vs.pool.Serving(), vs.pool.FailedOver(), vs.pool.Panicking()} {
		if on {
			state |= 1 << i
		}
	}
	vs.shown.state.Store(state)
}

// Pools returns the present state of every pool, in the order of the Spec.
func (r *Reconciler) Pools() []PoolStatus {
	pools := *r.pools.Load()
	out := make([]PoolStatus, len(pools))
	for i := range pools {
		spec, state := pools[i].spec, pools[i].state.Load()
		out[i] = PoolStatus{
			VirtualServer: spec.ID, Labels: spec.Labels, Quorum: spec.Pool.Quorum, Hysteresis: spec.Pool.Hysteresis,
			Weight: state >> shownBits, QuorumUp: state&shownQuorum != 0, SorryServes: state&shownServing != 0,
			BackupServes: state&shownBackup != 0, Panic: state&shownPanic != 0,
		}
		if s := spec.Pool.Sorry; s.Exists() {
			out[i].SorryServer = netip.AddrPortFrom(s.Addr, s.Port)
		}
	}
	return out
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
