package vrrptest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// Run plays the scenario and returns what is wrong, or nil: the first breach of what must hold at every moment, or of what
// must hold when Bound is over after Heal, and go on to hold.
func (sc Scenario) Run() error { return sc.Play(nil).Err }

// Outcome is what came of a Scenario.
type Outcome struct {
	Err   error
	Steps uint64        // of all routers
	Time  time.Duration // simulated
}

// play is a Scenario under way.
type play struct {
	*Sim
	Scenario
	routers []Host // as reloads have changed them
}

// Play is Run that says what was done. watch, if not nil, is called before the beginning.
func (sc Scenario) Play(watch func(*Sim)) Outcome {
	p := &play{Sim: NewSim(sc.Seed), Scenario: sc, routers: slices.Clone(sc.Hosts)}
	if watch != nil {
		watch(p.Sim)
	}
	err := p.run()
	return Outcome{Err: err, Steps: p.Steps, Time: p.Now}
}

func (p *play) run() error {
	s := p.Sim
	s.Network = p.Scenario.Network
	for i := range p.routers {
		r := &p.routers[i]
		n := s.AddNode(Node{
			Name: fmt.Sprint("router ", i), Address: sourceOf(r.Instances[0].Family, i), Clock: r.Clock, Lateness: r.Lateness, Latency: r.Latency,
			Pace: r.Pace, Abrupt: r.Abrupt, HookTime: r.HookTime, Keepalived: r.Keepalived,
		})
		n.calm(r)
		s.At(s.random(p.interval()), func() { n.Start(r.Spec()) })
	}
	for _, f := range p.Faults {
		s.At(f.At, func() { p.fault(f) })
	}
	// A router that could not install addresses stands back, the longer the more often.
	s.At(p.Heal/2, func() {
		for _, n := range s.Nodes {
			n.FailAdds = false
		}
	})
	s.At(p.Heal, p.heal)
	s.Run(p.Heal + p.Bound())
	if s.Violation != nil {
		return s.Violation
	}
	master, err := s.settled()
	if err != nil {
		return err
	}
	s.Run(s.Now + p.grace())
	changed, moves := error(nil), s.moves
	s.Observe = func() {
		if s.moves == moves {
			return
		}
		moves = s.moves
		if m, err := s.settled(); (err != nil || m != master) && changed == nil {
			changed = fmt.Errorf("host %d was MASTER after the bound but not at %v: %w", master, s.Now, err)
		}
	}
	asker := s.AddNeighbour()
	vips := s.Nodes[master].addresses()
	for _, a := range vips {
		asker.Ask(a)
	}
	s.Run(s.Now + 3*p.interval())
	for _, a := range vips {
		if to := asker.Sends(a); to != s.Nodes[master] {
			return fmt.Errorf("f: host %d is MASTER, and who asks for %v is told host %d", master, a.Prefix, slices.Index(s.Nodes, to))
		}
	}
	return errors.Join(changed, s.Violation, s.accounts(p.Heal))
}

// calm gives what the router tracks values that keep it out of FAULT. What weighs keeps the value that it has.
func (n *Node) calm(r *Host) {
	for _, t := range r.Instances[0].Trackers {
		if _, known := n.values[t.ID]; t.Weight == 0 || !known {
			n.Track(t.ID, calmValue(t))
		}
	}
	if id := r.Instances[0].PreemptWhen; id != (track.ID{}) {
		n.Track(id, track.Up)
	}
}

// heal makes the network and all hosts sound.
func (p *play) heal() {
	p.Sim.Network.Loss, p.Sim.Network.Duplicate = 0, 0
	clear(p.deaf)
	for i, n := range p.Nodes {
		if n.stopping { // for a while yet
			n.Crash()
		}
		n.Side, n.Wall, n.FailHooks = 0, 0, false
		clear(n.cut)
		clear(n.apart)
		n.SetLink(true)
		n.calm(&p.routers[i])
		changed := p.routers[i].loose || p.routers[i].dropped
		p.routers[i].loose, p.routers[i].dropped = false, false
		switch {
		case !n.Running():
			n.Start(p.routers[i].Spec())
		case changed:
			n.Reload(p.routers[i].Spec())
		}
	}
}

func (p *play) fault(f Fault) {
	n, r := p.Nodes[f.Node], &p.routers[f.Node]
	switch f.Kind {
	case Stop:
		n.Stop()
	case Start:
		if !n.Running() {
			n.Start(r.Spec())
		}
	case Crash:
		n.Crash()
	case Reboot:
		n.Reboot()
	case LoseAddress:
		n.LoseAddress()
	case FailAdds:
		n.FailAdds = !r.Keepalived // which tries once, and serves nobody for ever
	case FailHooks:
		n.FailHooks = true
	case Stall, Suspend:
		n.Stall(time.Duration(f.Arg)*time.Millisecond, f.Kind == Suspend)
	case StepClock:
		n.Wall += time.Duration(f.Arg) * time.Second
	case Judge:
		n.Track(trackerID(f.Arg/1000), f.Arg%1000)
	case Reload, Readdress, Regroup, Drop:
		p.reload(f, r)
		n.Reload(r.Spec())
	default:
		p.wiring(f)
	}
}

// reload changes the configuration of a router.
func (p *play) reload(f Fault, r *Host) {
	r.Instances = slices.Clone(r.Instances)
	first := &r.Instances[0]
	switch f.Kind {
	case Reload:
		if first.Priority == election.OwnerPriority {
			return
		}
		first.Priority = uint8(f.Arg)
		if len(r.Instances) > 1 {
			first.Priority = uint8(60 + f.Arg%120)
		}
		before := p.Hosts[f.Node].Instances
		for i := range r.Instances {
			r.Instances[i].Priority = first.Priority + before[i].Priority - before[0].Priority
		}
	case Readdress:
		more := addressNumber(first, 200)
		first.Addresses = slices.Clone(first.Addresses)
		if i := slices.Index(first.Addresses, more); i >= 0 {
			first.Addresses = slices.Delete(first.Addresses, i, i+1)
		} else {
			first.Addresses = append(first.Addresses, more)
		}
	case Regroup:
		r.loose = !r.loose && !r.Keepalived // whose groups do not come together again when others are MASTER of a part
	case Drop:
		r.dropped = !r.dropped && len(r.Instances) > 1 && !r.Keepalived
	}
}

// wiring changes who hears whom.
func (p *play) wiring(f Fault) {
	n := p.Nodes[f.Node]
	lan := links[f.Arg>>8&1]
	switch f.Kind {
	case LinkDown, LinkUp:
		n.SetLink(f.Kind == LinkUp)
	case Cut:
		n.Cut(links[f.Arg&1], true)
	case Partition:
		for i, n := range p.Nodes {
			n.Side = f.Arg >> i & 1
		}
	case Part:
		for i, n := range p.Nodes {
			n.Part(lan, f.Arg>>i&1)
		}
	case OneWay:
		p.Deafen(n, p.Nodes[f.Arg], true)
	case Merge:
		clear(p.deaf)
		for _, n := range p.Nodes {
			n.Side = 0
			clear(n.apart)
		}
	}
}
