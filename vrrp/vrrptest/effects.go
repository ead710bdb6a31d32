package vrrptest

import (
	"errors"
	"slices"
	"time"

	"vigil/vrrp/election"
)

var (
	errNoAddress = errors.New("address cannot be installed")
	errHook      = errors.New("program failed")
)

// act does what a process asked for. Sending is immediate; effects take their time, in order.
func (n *Node) act(actions []election.InstanceAction) {
	n.sim.Steps++
	var starts, configured []*virtualRouter
	for _, a := range actions {
		if n.sim.Trace != nil {
			n.sim.Trace(n, a)
		}
		switch act := a.Action.(type) {
		case election.Start:
			starts = append(starts, n.add(a.Handle, act.Spec))
		case election.Configure:
			r := n.router(a.Handle)
			r.spec, r.excusedAt = act.Spec, n.sim.Now
			r.pace, r.rank = max(r.pace, act.Spec.AdvertInterval), effective(&r.spec, n.taught)
			n.changed(r)
			configured = append(configured, r)
		case election.SendAdvert:
			r := n.router(a.Handle)
			n.onTime(r, &act.Advert)
			n.sim.send(n, r, act)
		case election.StateChanged:
			n.moved(n.router(a.Handle), act)
		case election.Own:
			r := n.router(a.Handle)
			r.addrs = addressesOf(act.Resources)
			n.mayOwn(r, act)
			n.order(a)
		case election.CancelAnnouncements:
			n.router(a.Handle).rounds.cancel()
		case election.RunHook:
			n.runHook(a.Handle, act)
		case election.Announce, election.Stopped, election.Notify:
			n.order(a)
		}
	}
	n.schedule()
	for _, r := range configured {
		n.inform(r)
	}
	for _, r := range starts {
		n.inform(r)
		n.act(n.process.Step(n.now(), r.handle, n.started(r)))
	}
}

func (n *Node) add(h election.Handle, spec election.InstanceSpec) *virtualRouter {
	r := &virtualRouter{handle: h, spec: spec, addrs: spec.All(), mine: make(map[election.Address]bool)}
	r.memory = memory{quietBy: forever, releaseBy: forever, calmSince: n.sim.Now, excusedAt: -1, pace: spec.AdvertInterval,
		rank: effective(&spec, n.taught), saidAt: make(map[election.Address]time.Duration)}
	n.routers = append(n.routers, r)
	return r
}

// started is what a shell learns before it reports Started.
func (n *Node) started(r *virtualRouter) election.Started {
	ev := election.Started{LinkUp: n.up(r.spec.Link), Source: n.source(&r.spec), Delay: n.begun + n.spec.StartupDelay - n.sim.Now}
	last, spoke := n.last[r.spec.Key()]
	if n.life > 1 && spoke && !slices.ContainsFunc(r.addrs, func(a election.Address) bool { return !n.Holds(a) }) {
		ev.Silence = n.sim.Now - last
	}
	return ev
}

// order has an effect take its time, after those before it.
func (n *Node) order(a election.InstanceAction) {
	r := n.router(a.Handle)
	r.doneAt = max(r.doneAt, n.sim.Now+n.Latency)
	n.sim.push(event{
		at: r.doneAt, node: n.number(), life: n.life, packet: -1, handle: a.Handle, action: a.Action, term: r.rounds.term,
	})
}

// carryOut completes an effect and reports it.
func (n *Node) carryOut(e event) {
	r := n.router(e.handle)
	switch act := e.action.(type) {
	case election.Own:
		n.act(n.process.Step(n.now(), e.handle, election.EffectDone{Generation: act.Generation, Failures: n.own(r, act)}))
	case election.Announce:
		if e.term == r.rounds.term {
			n.announce(r, act)
		}
	case election.Notify:
		n.notified(r, act)
	case election.Stopped:
		n.routers = slices.DeleteFunc(n.routers, func(o *virtualRouter) bool { return o == r })
		if len(n.routers) == 0 && n.process.Idle() {
			n.Crash()
		}
	}
}

// own has exactly what o wants in place of r, except for what fails.
func (n *Node) own(r *virtualRouter, o election.Own) (failures []election.Failure) {
	for _, a := range addressesOf(o.Remove) {
		delete(n.held, a)
		delete(r.mine, a)
	}
	for _, a := range addressesOf(o.Resources) {
		held := n.Holds(a)
		switch {
		case o.Quiet && n.Abrupt:
			delete(n.held, a)
			delete(r.mine, a)
		case !held && o.Quiet:
		case !held && (n.FailAdds || n.Refuse != nil && n.Refuse(a)):
			n.refused = true
			failures = append(failures, election.Failure{Resource: a, Err: errNoAddress})
		default:
			if !n.held[a] {
				r.saidAt[a] = n.sim.Now // before that there was nothing to announce
			}
			n.held[a], r.mine[a] = !o.Quiet || n.Talkative, true
		}
	}
	return failures
}

// addressesOf are the addresses among resources: routes and rules concern no neighbour.
func addressesOf(list []election.Resource) (addrs []election.Address) {
	for _, r := range list {
		if a, ok := r.(election.Address); ok {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// runHook has a program run for its time. One that was ended is not listened to any more.
func (n *Node) runHook(h election.Handle, run election.RunHook) {
	life, done := n.life, election.HookDone{Hook: run.Hook, Serial: run.Serial}
	if n.FailHooks {
		done.Err = errHook
	}
	n.at(n.sim.Now+time.Millisecond+n.sim.random(n.HookTime), func() {
		if n.life == life {
			n.tell(func() { n.act(n.process.Step(n.now(), h, done)) })
		}
	})
}
