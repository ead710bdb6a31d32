package ipvs

import (
	"errors"
	"syscall"
	"time"

	"vigil/ipvs/pool"
)

// state is what is known of a service in the kernel.
type state uint8

const (
	unknown state = iota // nothing was read yet, or an answer was lost: it may be there
	absent
	present
)

// virtualServer is a wanted virtual server.
type virtualServer struct {
	spec    *VirtualServerSpec
	pool    *pool.Pool
	entries []*entry // parallel to spec.Services; those that another virtual server has are nil
	hasNews bool     // scratch of reconcile: the news of the pool are due
	shown   *shown
	leaves  bool // it has left the configuration, and its servers drain
}

// entry is a service that is wanted, or that is or may be in the kernel and is ours to remove.
type entry struct {
	key   ServiceKey
	vs    *virtualServer // nil: unwanted, it goes
	n     int            // its place among the services of vs
	pos   int            // its place among all that are wanted
	gen   uint64         // of the Spec that wanted it last
	dirty bool           // in Reconciler.dirty

	state   state
	have    Service // what the kernel has, while present
	failure *failure

	result outcome // of the pass under way
}

// attrs are the wanted attributes.
func (e *entry) attrs() ServiceAttrs { return e.vs.spec.Services[e.n].Attrs }

// has reports whether the kernel has server i, or the Sorry server, as the pool wants.
func (e *entry) has(i int) bool {
	if e.state != present {
		return false
	}
	spec, p := e.vs.spec, e.vs.pool
	d := spec.destKey(e.n, i)
	weight, in := p.Weight(e.n, i)
	have, exists := e.have.Dests[d]
	if !in || i != pool.Sorry && p.Serving() {
		// The sorry server may be one of the real servers, and be in in the place of it.
		return !exists || have.Weight == 0 || spec.Pool.Sorry.Exists() && spec.destKey(e.n, pool.Sorry) == d
	}
	return exists && have.Weight == weight
}

// servers returns which server, or Sorry, has which destination.
func (e *entry) servers() map[DestKey]int {
	spec := e.vs.spec
	by := make(map[DestKey]int, len(spec.Pool.Servers)+1)
	for i := range spec.Pool.Servers {
		by[spec.destKey(e.n, i)] = i
	}
	if spec.Pool.Sorry.Exists() {
		// It may be one of the real servers, and counts as the one that is in its place.
		d := spec.destKey(e.n, pool.Sorry)
		if _, both := by[d]; !both || e.vs.pool.Serving() {
			by[d] = pool.Sorry
		}
	}
	return by
}

// failure is what went wrong with a service, and when it is tried again.
type failure struct {
	err      error
	attempts int
	since    time.Time
	next     time.Time
}

func (f *failure) fail(err error) {
	now := time.Now()
	if f.attempts == 0 {
		f.since = now
	}
	f.err = err
	f.next = now.Add(min(firstBackoff<<min(f.attempts, 10), lastBackoff))
	f.attempts++
}

// verdict is what to do about a service after an operation on it.
type verdict uint8

const (
	fine    verdict = iota
	refused         // the kernel will not have it: wait, then try again
	replan          // what is known was wrong and has been corrected: plan again at once
)

// outcome is what a pass found out about one service: the weightiest verdict and the first error.
type outcome struct {
	verdict   verdict
	err       error
	addFailed bool // its AddService did, so that its destinations could not but fail
}

// judge brings what is known of the service up to date with the result of an operation on it.
func (r *Reconciler) judge(e *entry, op Op, err error) verdict {
	switch {
	case err == nil && op.Kind == AddService:
		r.know(e, present, Service{Attrs: op.Attrs, Dests: make(map[DestKey]DestAttrs)})
		return fine
	case (err == nil || errors.Is(err, syscall.ESRCH)) && op.Kind == DelService:
		r.know(e, absent, Service{})
		return fine
	case err == nil && e.state == present, errors.Is(err, syscall.ENOENT) && op.Kind == DelDest && e.state == present:
		r.did(e, op)
		return fine
	case errors.Is(err, syscall.ENOENT) && op.Kind == SetDest && e.state == present:
		r.did(e, Op{Kind: DelDest, Dest: op.Dest})
		e.dropOverrides()
		return replan
	case errors.Is(err, syscall.ESRCH):
		r.know(e, absent, Service{})
		return replan
	case refusal(err) && op.Kind != DelService:
		return refused
	}
	// An answer was lost; or it has vanished and was made again by somebody else, who may have put anything into it.
	r.know(e, unknown, Service{})
	return replan
}

// refusal reports whether err says that the kernel looked at the operation and declined it.
func refusal(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOENT, syscall.ERANGE, syscall.EINVAL, syscall.EPERM, syscall.ENOMEM,
		syscall.EAFNOSUPPORT, syscall.EOPNOTSUPP, syscall.EMSGSIZE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// know takes down what the kernel has of a service.
func (r *Reconciler) know(e *entry, s state, have Service) {
	r.count(e, -1)
	e.state, e.have = s, have
	r.count(e, +1)
	e.dropOverrides()
}

// dropOverrides ends what others have set for destinations that are not there any more.
func (e *entry) dropOverrides() {
	if e.vs == nil || e.state == unknown {
		return
	}
	for _, o := range e.vs.pool.Overrides() {
		if o.Service != e.n {
			continue
		}
		if _, there := e.have.Dests[e.vs.spec.destKey(e.n, o.Server)]; !there {
			e.vs.pool.Left(e.n, o.Server)
		}
	}
}

func (r *Reconciler) count(e *entry, sign int) {
	if e.state == present {
		r.services += sign
		r.dests += sign * len(e.have.Dests)
	}
}

// did takes down that the kernel has made a change to a service that is there.
func (r *Reconciler) did(e *entry, op Op) {
	r.dests -= len(e.have.Dests)
	switch op.Kind {
	case SetService:
		e.have.Attrs = op.Attrs
	case AddDest, SetDest:
		e.have.Dests[op.Dest] = op.DestAttrs
	case DelDest:
		delete(e.have.Dests, op.Dest)
	}
	r.dests += len(e.have.Dests)
}
