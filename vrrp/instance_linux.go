package vrrp

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// virtualRouter is what the shell knows of one virtual router of the Engine. It is owned by Run.
type virtualRouter struct {
	handle election.Handle
	spec   election.InstanceSpec
	log    instanceLog
	worker *reconciler
	socket *socket
	slot   int // of the heartbeat; -1 without one

	id        uint16     // identification of the last IPv4 packet
	stamp     wire.Stamp // of the last trailer of auth_hmac
	debugging allowance
	sendErrs  map[netip.Addr]string // by destination, of the last advert if it could not be sent

	// What the Engine was told last.
	started bool
	linkUp  bool
	source  netip.Addr
	dirty   bool

	state      election.State
	since      election.Instant    // when the Engine decided on it
	held       []election.Resource // what the reconciler was told to have in place; changed by networkView.hold
	generation uint64              // of the last Own
	failures   []election.Failure  // of that

	addresses, excluded []AddressStatus // of spec

	// What it depends on, as networkView has it.
	links     map[string]bool
	sendsFrom addressOn
	livesBy   netip.Addr // its source address, if it has no interface
	home      netio.Link // the link that had that when it was looked for last
}

// do carries out what the Engine decided at a moment, which may be long ago when this thread was held up. It must not call the Engine, whose slice it reads: what needs an answer is
// left for followUp.
func (r *Runner) do(now election.Instant, actions []election.InstanceAction) {
	if len(actions) > 0 {
		r.touch()
	}
	publish := false
	for _, a := range actions {
		in := r.instances[a.Handle]
		if _, start := a.Action.(election.Start); in == nil && !start && a.Handle != 0 {
			continue
		}
		if notify, ok := a.Action.(election.Notify); ok && in == nil {
			r.changes.group(changeOf(notify, "", r.timeOf(now)), a.Fellows)
			continue
		}
		switch act := a.Action.(type) {
		case election.Start:
			r.add(a.Handle, act.Spec)
			r.renew = true
		case election.GroupChanged:
			groupChanged(r.log, act)
			publish, r.renew = true, true
		case election.Configure:
			r.configure(in, act.Spec)
			in.prepare()
			r.mark(in)
			r.renew = true // its place may be another
		case election.SendAdvert:
			r.send(in, act)
		case election.StateChanged:
			r.stateChanged(now, in, act)
			publish = true
		case election.RunHook:
			r.runHook(a.Handle, act)
		case election.EndHook:
			r.endHook(hookRun{a.Handle, act.Hook})
		case election.Report:
			in.log.report(act, &in.spec)
		case election.Stopped:
			r.remove(in)
			publish, r.renew = true, true
		default:
			r.order(now, in, act, a.Fellows)
		}
	}
	r.unpublished = r.unpublished || publish
	if r.unpublished && !r.engine.Telling() { // once when all have been told, and not after each portion of them
		r.publishAt, r.unpublished = r.now(), false
	}
}

// order hands an action to the reconciler; fellows are those of a Notify.
func (r *Runner) order(now election.Instant, in *virtualRouter, action election.Action, fellows []confparse.InstanceName) {
	switch a := action.(type) {
	case election.Own:
		if !in.started && r.sharesWithDraining(in) {
			return // it never begins, and who has the addresses removes them in its own time
		}
		if len(a.Resources) == 0 {
			r.heartbeat.clear(in.slot)
		}
		if len(a.Resources) != len(in.held) || a.Generation == 1 {
			in.log.resources(len(a.Resources) > 0, &in.spec)
		}
		r.view.hold(in, a.Resources)
		in.generation = a.Generation
	case election.CancelAnnouncements:
		in.worker.cancel()
		return
	case election.Notify:
		if a.From != a.To && a.To == in.state {
			now = in.since
		}
		in.worker.order(r.changes.begin(changeOf(a, in.spec.Name, r.timeOf(now)), fellows))
		return
	case election.PassOn:
		in.worker.order(passOn{move: r.move(now, a), link: cmp.Or(a.Link, in.home.Name)})
		return
	}
	in.worker.order(action)
}

// move describes a hand-over that was decided at a moment. It ends when it is due, however long it takes to begin it.
func (r *Runner) move(now election.Instant, a election.PassOn) lan.Move {
	m := lan.Move{Previous: a.Previous, Until: r.timeOf(now).Add(a.For)}
	for _, v := range a.Addresses {
		m.Addresses = append(m.Addresses, v.Prefix.Addr())
		if r.servers != nil {
			m.Servers = append(m.Servers, r.servers(v.Prefix.Addr())...)
		}
	}
	if a.Met {
		addresses := m.Addresses
		m.Own = func() ([]netip.AddrPort, error) { return netio.TCPPeers(addresses) }
	}
	return m
}

// add takes in a virtual router that is about to start.
func (r *Runner) add(h election.Handle, spec election.InstanceSpec) {
	in := &virtualRouter{handle: h, slot: -1, sendErrs: make(map[netip.Addr]string)}
	r.configure(in, spec)
	if r.heartbeat != nil {
		in.slot = r.heartbeat.open(spec.Name, spec.Key())
	}
	in.worker = newReconciler(r, h, in.log)
	in.prepare()
	r.instances[h] = in
	r.starting = append(r.starting, in)
}

// prepare has done beforehand what would hold up a take-over.
func (in *virtualRouter) prepare() {
	if in.spec.NoAccept && in.spec.Priority != election.OwnerPriority {
		in.worker.prepareNoAccept()
	}
}

func (r *Runner) configure(in *virtualRouter, spec election.InstanceSpec) {
	in.spec = spec
	in.log = newInstanceLog(r.log, &spec)
	in.addresses, in.excluded = addressStatus(spec.Addresses), addressStatus(spec.Excluded)
	r.virtual.need(in)
	links := make(map[string]bool)
	if spec.Link != "" {
		links[spec.Link] = true
		r.view.livesAt(in, netip.Addr{})
	} else {
		r.view.livesAt(in, spec.Source)
	}
	if spec.VRF != "" {
		links[spec.VRF] = true
	}
	for _, v := range spec.VirtualLinks() {
		links[v.Name], links[v.Parent] = true, true
	}
	for _, a := range spec.All() {
		links[a.Link] = true
	}
	for _, t := range spec.Trackers {
		if t.ID.Kind == track.Interface {
			links[t.ID.Name] = true
		}
	}
	r.view.depend(in, links)
	if in.socket != nil {
		r.admit(in.socket) // its buffer may be another
	}
}

// startNext starts a virtual router whose addresses nobody is still removing and whose socket is open, or cannot be. It
// returns false when there is none.
func (r *Runner) startNext() bool {
	if r.statics.pending {
		return false // adverts may leave from a static address
	}
	for i, in := range r.starting {
		gone := r.instances[in.handle] != in // stopped before it started
		if !gone {
			if r.sharesWithDraining(in) {
				continue
			}
			if !r.virtual.ready(in) {
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

// sharesWithDraining reports whether a router that has left is still seeing to an address of this one.
func (r *Runner) sharesWithDraining(in *virtualRouter) bool {
	return slices.ContainsFunc(r.draining, func(old *virtualRouter) bool { return election.SharesAddress(&old.spec, &in.spec) })
}

// begin tells the Engine what a virtual router needs to know at first.
func (r *Runner) begin(in *virtualRouter) {
	r.moveHome(in)
	in.linkUp, in.source = r.up(in), r.sourceFor(in)
	r.informTrackers(in)
	in.started = true
	now := r.now()
	r.stepAt(now, in, election.Started{LinkUp: in.linkUp, Source: in.source, Silence: r.silence(in, now), Delay: r.startupDelay(now)})
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
	r.view.livesAt(in, netip.Addr{})
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
	if a.Advert.Signature != nil {
		in.sign(&a)
	}
	left, now := false, r.now()
	for _, to := range a.To {
		h := wire.IPHeader{Source: a.Source, Destination: to, TTL: a.TTL, ID: in.id}
		err := transmit(in.socket, a.Advert, h)
		left = left || err == nil
		r.sent(in, a.Advert.Priority, h, err)
		if in.spec.Debug > 0 {
			in.log.transmitted(a.Advert, h, err)
		}
	}
	if left && a.Advert.Priority > 0 { // what did not leave nobody has heard
		r.heartbeat.beat(in.slot, now)
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

func (r *Runner) stateChanged(now election.Instant, in *virtualRouter, c election.StateChanged) {
	in.state, in.since = c.To, now
	if c.From == election.Master {
		r.heartbeat.clear(in.slot)
	}
	if c.Initial && c.To == election.Fault {
		r.logFirstFaults(in)
	}
	in.log.stateChanged(c)
	r.changes.decided(Change{Instance: in.spec.Name, From: c.From, To: c.To, Priority: c.Priority, Initial: c.Initial, Cause: c.Cause,
		Time: r.timeOf(now)})
}

// finished takes what a reconciler reports.
func (r *Runner) finished(res result) {
	in := r.instances[res.handle]
	switch {
	case res.handle == staticsHandle:
		r.staticsFinished(res)
	case res.ended:
		r.draining = slices.DeleteFunc(r.draining, func(in *virtualRouter) bool { return in.handle == res.handle })
		r.virtual.release(res.handle)
	case res.lost != nil:
		r.resourcesLost(in, res)
	case in != nil && in.generation == res.generation:
		in.failures = res.failures
		r.step(in, election.EffectDone{Generation: res.generation, Failures: res.failures})
	case in == nil && len(res.failures) > 0: // nobody else is left to report it
		instanceLog{logger: r.log, name: "vrrp"}.resourceFailed(res.failures[0].Resource, true, res.failures[0].Err)
	}
}

// resourcesLost tells the Engine of what somebody else has removed. The reconciler may have been asked about an installation
// that was undone since, or about an interface that failed.
func (r *Runner) resourcesLost(in *virtualRouter, res result) {
	if in == nil || in.generation != res.generation || in.state != election.Master {
		return
	}
	var lost []election.Resource
	for _, x := range res.lost {
		_, links := placesOf(x)
		a, isAddress := x.(election.Address)
		if isAddress {
			links = []string{a.Link}
		}
		if !slices.Contains(in.held, x) || slices.ContainsFunc(links, r.linkDown) {
			continue
		}
		if isAddress {
			in.log.infof("Netlink reflector reports IP %s removed from %s", a.Prefix.Addr(), a.Link)
		} else {
			in.log.infof("Netlink reflector reports %s removed", resourceText(x))
		}
		lost = append(lost, x)
	}
	if len(lost) > 0 {
		r.step(in, election.ResourcesLost{Resources: lost})
	}
}
