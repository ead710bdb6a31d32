package vrrp

import (
	"errors"
	"log/slog"
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

	advert   wire.Advert           // everything but the priority
	id       uint16                // identification of the last IPv4 packet
	sendErrs map[netip.Addr]string // by destination, of the last advert if it could not be sent

	// What the Engine was told last. A tracked interface that is not in the map counts as up.
	started  bool
	linkUp   bool
	source   netip.Addr
	trackers map[string]bool
	dirty    bool

	lastSource netip.Addr // the last valid one
	state      election.State
	installed  bool   // the worker was last told to install the addresses
	order      uint64 // counts the SetAddresses
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
			r.send(in, act.Priority)
		case election.StateChanged:
			r.stateChanged(in, act)
			publish = true
		case election.Report:
			in.log.report(act, &in.spec)
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
	case election.SetAddresses:
		in.installed = a.Present
		in.order++
		j.addrs = in.addresses()
		in.log.addresses(a.Present, &in.spec)
		if !a.Present {
			r.heartbeat.clear(in.slot)
		}
	case election.PreparePassOn, election.PassOn:
		j.addrs, j.via = in.addresses(), in.spec.Link
	case election.Announce:
		j.addrs, j.interval = in.announcementOrder(), in.spec.GARP.Interval
		if a.Addrs != nil {
			j.addrs = slices.DeleteFunc(j.addrs, func(v election.Address) bool { return !slices.Contains(a.Addrs, v.Prefix.Addr()) })
		}
	}
	in.worker.put(j)
}

// addresses returns all virtual addresses in configuration order: the advertised, then the excluded.
func (in *virtualRouter) addresses() []election.Address {
	return slices.Concat(in.spec.Addresses, in.spec.Excluded)
}

// announcementOrder is configuration order, with addresses on other interfaces before those on the router's own. With
// address translation they are the gateway of the real servers: answers must find their way back to the new master
// before the first request comes to it.
func (in *virtualRouter) announcementOrder() []election.Address {
	addrs := in.addresses()
	own := func(a election.Address) int {
		if a.Link == in.spec.Link {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(addrs, func(a, b election.Address) int { return own(a) - own(b) })
	return addrs
}

// add takes in a virtual router that is about to start.
func (r *Runner) add(h election.Handle, spec election.InstanceSpec) {
	in := &virtualRouter{handle: h, slot: -1, trackers: make(map[string]bool), sendErrs: make(map[netip.Addr]string)}
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
	in.advert = wire.Advert{Version: spec.Version, VRID: spec.VRID, Interval: spec.AdvertInterval,
		AuthType: spec.AuthType, AuthData: spec.AuthData, Addresses: make([]netip.Addr, len(spec.Addresses))}
	for i, a := range spec.Addresses {
		in.advert.Addresses[i] = a.Prefix.Addr()
	}
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
	if !ok || slices.ContainsFunc(in.addresses(), func(a election.Address) bool { return !r.view.has(a) }) {
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
func (r *Runner) send(in *virtualRouter, priority uint8) {
	if in.source.IsValid() {
		in.lastSource = in.source
	}
	in.advert.Priority = priority
	if in.id++; in.id == 0 {
		in.id = 1
	}
	if priority == 0 {
		r.heartbeat.clear(in.slot)
	} else {
		r.heartbeat.beat(in.slot, r.now())
	}
	h := wire.IPHeader{Source: in.lastSource, TTL: in.spec.TTL, ID: in.id}
	if !in.spec.Unicast() {
		h.Destination, h.TTL = in.spec.Group, wire.TTL
		r.sent(in, priority, h, r.transmit(in, h))
		return
	}
	for _, peer := range in.spec.Peers {
		h.Destination = peer
		r.sent(in, priority, h, r.transmit(in, h))
	}
}

var (
	errNoSocket = errors.New("no socket")
	errNoSource = errors.New("no source address")
)

func (r *Runner) transmit(in *virtualRouter, h wire.IPHeader) error {
	switch {
	case in.socket == nil || in.socket.conn == nil:
		return errNoSocket
	case !h.Source.IsValid():
		return errNoSource
	}
	return in.socket.conn.Send(in.advert, h)
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
	if in == nil || !in.installed || in.order != res.order || in.state != election.Master {
		return
	}
	if l, ok := r.view.link(res.lost.Link); !ok || !l.Up {
		return
	}
	in.log.infof("Netlink reflector reports IP %s removed from %s", res.lost.Prefix.Addr(), res.lost.Link)
	r.step(in, election.AddressLost{Addr: res.lost.Prefix})
}
