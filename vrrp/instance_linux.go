package vrrp

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// virtualRouter is what the shell knows of one virtual router of the Engine. It is owned by Run.
type virtualRouter struct {
	handle election.Handle
	spec   election.InstanceSpec
	log    instanceLog
	worker *worker
	socket *socket
	slot   int // of the heartbeat; -1 without one

	id       uint16                // identification of the last IPv4 packet
	sendErrs map[netip.Addr]string // by destination, of the last advert if it could not be sent

	// What the Engine was told last. A tracked interface that is not in the map counts as up.
	started  bool
	linkUp   bool
	source   netip.Addr
	trackers map[string]bool
	dirty    bool

	state election.State
	held  []election.Address // what the worker was told to have installed; changed by networkView.hold

	addresses, excluded []AddressStatus // of spec

	// What it depends on, as networkView has it.
	links     map[string]bool
	sendsFrom addressOn
	order     uint64 // counts the SetAddresses
}

// do carries out what the Engine decided. It must not call the Engine, whose slice it reads: what needs an answer is
// left for settle.
func (r *Runner) do(actions []election.InstanceAction) {
	if len(actions) > 0 {
		r.touch()
	}
	publish := false
	for _, a := range actions {
		in := r.instances[a.Handle]
		if _, start := a.Action.(election.Start); in == nil && !start && a.Handle != 0 {
			continue
		}
		switch act := a.Action.(type) {
		case election.Start:
			r.add(a.Handle, act.Spec)
			r.renew = true
		case election.GroupChanged:
			groupChanged(r.log, act)
			r.changes.put(Change{Group: act.Group, From: act.From, To: act.To, Initial: act.Initial, Time: time.Now()})
			publish, r.renew = true, true
		case election.Configure:
			r.configure(in, act.Spec)
			r.mark(in)
			r.renew = true // its place may be another
		case election.SendAdvert:
			r.send(in, act)
		case election.StateChanged:
			r.stateChanged(in, act)
			publish = true
		case election.Report:
			in.log.report(act, &in.spec)
		case election.Stopped:
			r.remove(in)
			publish, r.renew = true, true
		default:
			r.order(in, act)
		}
	}
	if publish {
		r.publishAt = r.now()
	}
}

// order hands an action to the worker.
func (r *Runner) order(in *virtualRouter, action election.Action) {
	switch a := action.(type) {
	case election.SetAddresses:
		in.order++
		if a.Present {
			r.view.hold(in, a.Addresses)
		} else {
			r.view.hold(in, nil)
			r.heartbeat.clear(in.slot)
		}
		in.log.addresses(a.Present, &in.spec)
	case election.ChangeAddresses:
		held := slices.DeleteFunc(slices.Clone(in.held), func(h election.Address) bool { return slices.Contains(a.Remove, h) })
		r.view.hold(in, append(held, a.Add...))
	}
	in.worker.put(job{action: action})
}

// add takes in a virtual router that is about to start.
func (r *Runner) add(h election.Handle, spec election.InstanceSpec) {
	in := &virtualRouter{handle: h, slot: -1, trackers: make(map[string]bool), sendErrs: make(map[netip.Addr]string)}
	r.configure(in, spec)
	if r.heartbeat != nil {
		in.slot = r.heartbeat.open(spec.Name, spec.Key())
	}
	in.worker = newWorker(h, r.network, r.pacers, in.log, r.results, r.quit)
	r.instances[h] = in
	r.starting = append(r.starting, in)
}

func (r *Runner) configure(in *virtualRouter, spec election.InstanceSpec) {
	in.spec = spec
	in.log = newInstanceLog(r.log, &spec)
	in.addresses, in.excluded = addressStatus(spec.Addresses), addressStatus(spec.Excluded)
	links := map[string]bool{spec.Link: true}
	for _, t := range spec.TrackInterfaces {
		links[t.Interface] = true
	}
	r.view.depend(in, links)
}

// startNext starts a virtual router whose addresses nobody is still removing and whose socket is open, or cannot be. It
// returns false when there is none.
func (r *Runner) startNext() bool {
	for i, in := range r.starting {
		gone := r.instances[in.handle] != in // stopped before it started
		if !gone {
			if slices.ContainsFunc(r.draining, func(old *virtualRouter) bool { return election.SharesAddress(&old.spec, &in.spec) }) {
				continue
			}
			if in.socket == nil {
				r.attach(in)
			}
			if in.socket.opening {
				continue
			}
		}
		r.starting = slices.Delete(r.starting, i, i+1)
		if !gone {
			r.begin(in)
		}
		return true
	}
	return false
}

// begin tells the Engine what a virtual router needs to know at first.
func (r *Runner) begin(in *virtualRouter) {
	in.linkUp, in.source = r.up(in), r.sourceFor(in)
	r.informTrackers(in)
	in.started = true
	now := r.now()
	r.step(in, election.Started{LinkUp: in.linkUp, Source: in.source, Silence: r.silence(in, now),
		Delay: max(0, r.spec.StartupDelay-time.Duration(now))})
}

// silence is how long ago an earlier process sent the router's last advert as MASTER; 0 when there was none or when what
// the router stood for is no longer there.
func (r *Runner) silence(in *virtualRouter, now election.Instant) time.Duration {
	ago, ok := r.heartbeat.last(in.slot, now)
	if !ok || slices.ContainsFunc(in.spec.All(), func(a election.Address) bool { return !r.view.has(a) }) {
		return 0
	}
	return max(0, ago)
}

// remove forgets a virtual router; its worker finishes what was ordered.
func (r *Runner) remove(in *virtualRouter) {
	r.heartbeat.clear(in.slot)
	r.detach(in)
	r.view.depend(in, nil)
	r.view.use(in, "", netip.Addr{})
	r.view.hold(in, nil)
	delete(r.instances, in.handle)
	in.worker.close(false)
	r.draining = append(r.draining, in)
}

// send transmits one advert, to the group or to each peer.
func (r *Runner) send(in *virtualRouter, a election.SendAdvert) {
	if in.id++; in.id == 0 {
		in.id = 1
	}
	if a.Advert.Priority == 0 {
		r.heartbeat.clear(in.slot)
	}
	left := false
	for _, to := range a.To {
		h := wire.IPHeader{Source: a.Source, Destination: to, TTL: a.TTL, ID: in.id}
		err := transmit(in.socket, a.Advert, h)
		left = left || err == nil
		r.sent(in, a.Advert.Priority, h, err)
	}
	if left && a.Advert.Priority > 0 { // what did not leave nobody has heard
		r.heartbeat.beat(in.slot, r.now())
	}
}

var (
	errNoSocket = errors.New("no socket")
	errNoSource = errors.New("no source address")
)

func transmit(s *socket, a wire.Advert, h wire.IPHeader) error {
	switch {
	case s == nil || s.conn == nil:
		return errNoSocket
	case !h.Source.IsValid():
		return errNoSource
	}
	return s.conn.Send(a, h)
}

// sent logs an advert that could not be sent, once for each kind of failure. Resigning on a link that is down fails
// for a reason that everybody knows.
func (r *Runner) sent(in *virtualRouter, priority uint8, h wire.IPHeader, err error) {
	if err == nil {
		delete(in.sendErrs, h.Destination)
		return
	}
	if in.socket != nil && (errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)) {
		in.socket.broken = true
		r.reopenAt = min(r.reopenAt, r.now().Add(reopenDelay))
	}
	quiet := !in.source.IsValid() || errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.ENETDOWN) ||
		errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) || errors.Is(err, errNoSocket)
	if text := err.Error(); (priority > 0 || !quiet) && text != in.sendErrs[h.Destination] {
		in.sendErrs[h.Destination] = text
		in.log.sendFailed(h.Destination, in.spec.Unicast(), err)
	}
}

func (r *Runner) stateChanged(in *virtualRouter, c election.StateChanged) {
	in.state = c.To
	if c.From == election.Master {
		r.heartbeat.clear(in.slot)
	}
	in.log.stateChanged(c)
	r.changes.put(Change{Instance: in.spec.Name, From: c.From, To: c.To, Priority: c.Priority, Initial: c.Initial,
		Cause: c.Cause, Time: time.Now()})
}

// finished takes the outcome of a worker's job.
func (r *Runner) finished(res result) {
	if res.ended {
		r.draining = slices.DeleteFunc(r.draining, func(in *virtualRouter) bool { return in.handle == res.handle })
		return
	}
	in := r.instances[res.handle]
	if res.action != nil {
		if res.err != nil {
			log := instanceLog{logger: r.log, name: "vrrp"}
			if in != nil {
				log = in.log
			}
			log.failed("cannot change addresses", res.err)
		}
		if in != nil {
			r.step(in, election.EffectDone{Action: res.action, Err: res.err})
		}
		return
	}
	// The question was asked about an installation that may have been undone since, or about an interface that failed.
	if in == nil || in.order != res.order || in.state != election.Master || !slices.Contains(in.held, res.lost) {
		return
	}
	if l, ok := r.view.link(res.lost.Link); !ok || !l.Up {
		return
	}
	in.log.infof("Netlink reflector reports IP %s removed from %s", res.lost.Prefix.Addr(), res.lost.Link)
	r.step(in, election.AddressLost{Addr: res.lost.Prefix})
}
