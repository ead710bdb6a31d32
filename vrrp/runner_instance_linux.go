package vrrp

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vigil/vrrp/election"
	"vigil/vrrp/lan"
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

	// What the Engine was told last.
	started bool
	linkUp  bool
	source  netip.Addr
	dirty   bool

	state election.State
	held  []election.Address // what the worker was told to have installed
	order uint64             // generation of the last Own
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
		case election.GroupChanged:
			groupChanged(r.log, act)
			r.changes.put(Change{Group: act.Group, From: act.From, To: act.To, Initial: act.Initial, Time: time.Now()})
			publish = true
		case election.Configure:
			in.configure(act.Spec, r.log)
			r.mark(in)
		case election.SendAdvert:
			r.send(in, act)
		case election.StateChanged:
			r.stateChanged(in, act)
			publish = true
		case election.Report:
			in.log.report(act, &in.spec)
		case election.Notify: // the transition is in changes since StateChanged
		case election.Stopped:
			r.remove(in)
			publish = true
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
	j := job{action: action}
	switch a := action.(type) {
	case election.Own:
		before := len(in.held)
		in.held, in.order = nil, a.Generation
		for _, r := range a.Resources {
			if address, ok := r.(election.Address); ok {
				in.held = append(in.held, address)
			}
		}
		if len(in.held) == 0 {
			r.heartbeat.clear(in.slot)
		}
		if len(in.held) != before || a.Generation == 1 {
			in.log.addresses(len(in.held) > 0, &in.spec)
		}
	case election.PassOn:
		j.move = r.move(a)
	}
	in.worker.put(j)
}

// move describes a hand-over. It ends when it is due, however long the worker takes to begin it.
func (r *Runner) move(a election.PassOn) lan.Move {
	m := lan.Move{Previous: a.Previous, Until: time.Now().Add(a.For)}
	for _, v := range a.Addresses {
		m.Addresses = append(m.Addresses, v.Prefix.Addr())
		if r.servers != nil {
			m.Servers = append(m.Servers, r.servers(v.Prefix.Addr())...)
		}
	}
	return m
}

// add takes in a virtual router that is about to start.
func (r *Runner) add(h election.Handle, spec election.InstanceSpec) {
	in := &virtualRouter{handle: h, slot: -1, sendErrs: make(map[netip.Addr]string)}
	in.configure(spec, r.log)
	if r.heartbeat != nil {
		in.slot = r.heartbeat.open(spec.Name, spec.Key())
	}
	in.worker = newWorker(h, r.network, r.pacers, in.log, r.results, r.quit)
	r.instances[h] = in
	r.starting = append(r.starting, in)
}

func (in *virtualRouter) configure(spec election.InstanceSpec, logger *slog.Logger) {
	in.spec = spec
	in.log = newInstanceLog(logger, &spec)
}

// startNext starts a virtual router whose addresses nobody is still removing. It returns false when there is none.
func (r *Runner) startNext() bool {
	i := slices.IndexFunc(r.starting, func(in *virtualRouter) bool {
		return !slices.ContainsFunc(r.draining, func(old *virtualRouter) bool { return election.SharesAddress(&old.spec, &in.spec) })
	})
	if i < 0 {
		return false
	}
	in := r.starting[i]
	r.starting = slices.Delete(r.starting, i, i+1)
	if r.instances[in.handle] != in {
		return true // stopped before it started
	}
	r.attach(in)
	in.linkUp, in.source = r.up(in), r.sourceFor(in)
	r.informTrackers(in)
	in.started = true
	now := r.now()
	r.step(in, election.Started{LinkUp: in.linkUp, Source: in.source, Silence: r.silence(in, now),
		Delay: max(0, r.spec.StartupDelay-time.Duration(now))})
	return true
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
	} else {
		r.heartbeat.beat(in.slot, r.now())
	}
	for _, to := range a.To {
		h := wire.IPHeader{Source: a.Source, Destination: to, TTL: a.TTL, ID: in.id}
		r.sent(in, a.Advert.Priority, h, transmit(in.socket, a.Advert, h))
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
		if own, ok := res.action.(election.Own); ok && in != nil {
			r.step(in, election.EffectDone{Generation: own.Generation, Failures: res.failures})
		} else if len(res.failures) > 0 { // nobody else is left to report it
			instanceLog{logger: r.log, name: "vrrp"}.failed("cannot change addresses", res.failures[0].Err)
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
