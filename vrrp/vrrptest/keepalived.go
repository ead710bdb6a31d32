package vrrptest

import (
	"net/netip"
	"slices"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// Keepalived is a peer that behaves as keepalived does where that differs from us: it hands nothing over, resigns with two
// adverts of priority 0 and at once, gives everything up when one address is deleted, puts off its own advert whenever as
// MASTER it gets a packet, be it one that it refuses, tries no address twice, and does not resume. It knows neither hooks
// nor auth_hmac nor auth_type AH.
type Keepalived struct {
	routers []*kaRouter
	spec    election.Spec
	last    election.Handle
	values  map[track.ID]int
	out     []election.InstanceAction
}

// kaRouter is a vrrp_instance.
type kaRouter struct {
	handle     election.Handle
	spec       election.InstanceSpec
	source     netip.Addr
	state      election.State
	willing    bool // its timer has run out, and its sync group holds it back
	linkUp     bool
	started    bool
	own        uint64
	interval   time.Duration // of the master
	timer      election.Instant
	preempt    election.Instant // end of preempt_delay
	garp       election.Instant // second round
	listenFrom election.Instant
}

// NewKeepalived returns one without instances.
func NewKeepalived() *Keepalived { return &Keepalived{values: make(map[track.ID]int)} }

func (k *Keepalived) put(r *kaRouter, a election.Action) {
	k.out = append(k.out, election.InstanceAction{Handle: r.handle, Name: r.spec.Name, Action: a})
}

// Apply is a start or a reload. An instance that is not there any more resigns.
func (k *Keepalived) Apply(now election.Instant, spec election.Spec) []election.InstanceAction {
	k.out = k.out[:0]
	k.spec = spec
	find := func(key election.InstanceKey) func(*kaRouter) bool {
		return func(r *kaRouter) bool { return r.spec.Key() == key }
	}
	for _, r := range slices.Clone(k.routers) {
		if !slices.ContainsFunc(spec.Instances, func(s election.InstanceSpec) bool { return s.Key() == r.spec.Key() }) {
			k.resign(now, r)
		}
	}
	for _, s := range spec.Instances {
		if i := slices.IndexFunc(k.routers, find(s.Key())); i >= 0 {
			k.reload(now, k.routers[i], s)
			continue
		}
		k.last++
		r := &kaRouter{handle: k.last, spec: s, interval: s.AdvertInterval, timer: election.Never, preempt: election.Never, garp: election.Never}
		k.routers = append(k.routers, r)
		k.put(r, election.Start{Spec: s})
	}
	return k.out
}

func (k *Keepalived) reload(now election.Instant, r *kaRouter, s election.InstanceSpec) {
	if r.spec.Equal(s) {
		return
	}
	before := r.spec.All()
	r.spec = s
	k.put(r, election.Configure{Spec: s})
	k.install(r, r.state == election.Master, before...)
	if r.state == election.Master {
		k.announce(r, s.GARP.MasterRepeat)
		k.advertise(now, r, k.priority(r))
	} else if r.state == election.Backup {
		r.timer = now.Add(k.down(r))
	}
	k.check(now, r)
}

// Step is an event of one instance.
func (k *Keepalived) Step(now election.Instant, h election.Handle, ev election.Event) []election.InstanceAction {
	k.out = k.out[:0]
	i := slices.IndexFunc(k.routers, func(r *kaRouter) bool { return r.handle == h })
	if i < 0 {
		return k.out
	}
	r := k.routers[i]
	switch ev := ev.(type) {
	case election.Started:
		r.started, r.linkUp, r.source, r.listenFrom = true, ev.LinkUp, ev.Source, now.Add(max(0, ev.Delay))
		k.install(r, false)
		switch {
		case !k.sound(r):
			k.move(r, election.Fault)
		case r.spec.StartMaster && len(k.mates(r)) == 0 && r.listenFrom <= now:
			k.master(now, r)
		default:
			k.move(r, election.Backup)
			r.timer = r.listenFrom.Add(k.down(r))
		}
		k.check(now, r) // one that starts in FAULT takes its group there
	case election.LinkChanged:
		r.linkUp = ev.Up
		k.check(now, r)
	case election.ResourcesLost:
		if r.state == election.Master {
			for _, m := range append(k.mates(r), r) {
				k.give(now, m, election.Backup, 1)
				m.timer = now.Add(k.skew(m))
			}
		}
	case election.AdvertReceived:
		if k.accepts(now, r, &ev.Advert) {
			k.hear(now, r, &ev.Advert, ev.Source.Compare(r.source))
		}
		k.putOff(now, r)
	case election.AdvertRejected:
		k.putOff(now, r)
	}
	return k.out
}

// accepts verifies an advert.
func (k *Keepalived) accepts(now election.Instant, r *kaRouter, a *wire.Advert) bool {
	return now >= r.listenFrom && a.Version == r.spec.Version && (a.Version != 2 || a.Interval == r.spec.AdvertInterval) &&
		a.Authenticate(r.spec.AuthType, r.spec.AuthData[:]) == wire.DropNone
}

// putOff has the next advert of a MASTER come an interval after the packet that it has just got, whatever that was: packets
// that come faster silence it. lower_prio_no_advert saves it from that.
func (k *Keepalived) putOff(now election.Instant, r *kaRouter) {
	if r.state == election.Master && !r.spec.LowerPriorityNoAdvert {
		r.timer = now.Add(r.spec.AdvertInterval)
	}
}

// hear is an advert: spec §2.3 and §2.5 of keepalived's behaviour.
func (k *Keepalived) hear(now election.Instant, r *kaRouter, a *wire.Advert, address int) {
	ours := k.priority(r)
	switch {
	case r.state == election.Backup && a.Priority == 0:
		r.timer = now.Add(k.skew(r))
	case r.state == election.Backup:
		if lower := a.Priority < ours && !r.spec.NoPreempt; lower {
			if r.spec.PreemptDelay <= 0 {
				return
			}
			if r.preempt == election.Never {
				r.preempt = now.Add(r.spec.PreemptDelay)
			}
			if now > r.preempt {
				return
			}
		} else {
			r.preempt = election.Never
		}
		k.learn(r, a)
		r.willing, r.timer = false, now.Add(k.down(r))
	case r.state != election.Master:
	case a.Priority > ours || a.Priority == ours && address > 0:
		if r.spec.HigherPrioritySendAdvert {
			k.advertise(now, r, ours)
		}
		k.learn(r, a)
		for _, m := range append(k.mates(r), r) {
			k.give(now, m, election.Backup, 0)
		}
	case a.Priority == 0:
		k.advertise(now, r, ours)
	case a.Priority < ours || address < 0:
		if !r.spec.LowerPriorityNoAdvert {
			k.advertise(now, r, ours)
		}
		for _, m := range append(k.mates(r), r) {
			if m.state == election.Master {
				k.announce(m, m.spec.GARP.LowerPrioRepeat)
				m.garp = now.Add(m.spec.GARP.LowerPrioDelay)
			}
		}
	}
}

func (k *Keepalived) learn(r *kaRouter, a *wire.Advert) {
	if a.Version == 3 {
		r.interval = a.Interval
	}
}

// Wake fires what is due.
func (k *Keepalived) Wake(now election.Instant) []election.InstanceAction {
	k.out = k.out[:0]
	for _, r := range k.routers {
		if r.garp <= now {
			r.garp = election.Never
			if r.state == election.Master {
				k.announce(r, r.spec.GARP.MasterRepeat)
			}
		}
		if r.timer > now {
			continue
		}
		switch r.state {
		case election.Master:
			k.advertise(now, r, k.priority(r))
			continue
		case election.Init, election.Fault:
			r.timer = election.Never
			continue
		}
		r.willing = true
		group := append(k.mates(r), r)
		if slices.ContainsFunc(group, func(m *kaRouter) bool { return !m.willing }) {
			r.timer = now.Add(k.down(r))
			continue
		}
		for _, m := range k.routers { // in the order of the configuration
			if slices.Contains(group, m) && m.state == election.Backup {
				k.master(now, m)
			}
		}
	}
	return k.out
}

// Deadline returns when Wake is wanted.
func (k *Keepalived) Deadline() (election.Instant, bool) {
	d := election.Never
	for _, r := range k.routers {
		d = min(d, r.timer, r.garp)
	}
	return d, d != election.Never
}

// Track is news of a tracked object.
func (k *Keepalived) Track(now election.Instant, id track.ID, value int) []election.InstanceAction {
	k.out = k.out[:0]
	before := make(map[*kaRouter]time.Duration)
	for _, r := range k.routers {
		before[r] = k.down(r)
	}
	k.values[id] = value
	for _, r := range slices.Clone(k.routers) {
		if r.state == election.Backup && r.timer != election.Never {
			r.timer = max(now, r.timer.Add(k.down(r)-before[r]))
		}
		k.check(now, r)
	}
	return k.out
}

// Stop ends it at once.
func (k *Keepalived) Stop(now election.Instant) []election.InstanceAction {
	k.out = k.out[:0]
	for _, r := range slices.Clone(k.routers) {
		k.resign(now, r)
	}
	return k.out
}

func (k *Keepalived) resign(now election.Instant, r *kaRouter) {
	k.give(now, r, election.Init, 2)
	k.put(r, election.Stopped{})
	k.routers = slices.DeleteFunc(k.routers, func(o *kaRouter) bool { return o == r })
}

// StopLimit is 0: it waits for nobody.
func (k *Keepalived) StopLimit() time.Duration { return 0 }

// Idle reports that no instance is left.
func (k *Keepalived) Idle() bool { return len(k.routers) == 0 }

// Status returns snapshots of the instances.
func (k *Keepalived) Status() (list []election.MachineStatus, _ []election.GroupStatus) {
	for _, r := range k.routers {
		list = append(list, election.MachineStatus{Handle: r.handle, Name: r.spec.Name, State: r.state, Priority: k.priority(r), BasePriority: r.spec.Priority, LinkUp: r.linkUp})
	}
	return list, nil
}

// mates are the other members of its sync group.
func (k *Keepalived) mates(r *kaRouter) (list []*kaRouter) {
	for _, g := range k.spec.Groups {
		if !slices.Contains(g.Members, r.spec.Name) {
			continue
		}
		for _, o := range k.routers {
			if o != r && slices.Contains(g.Members, o.spec.Name) {
				list = append(list, o)
			}
		}
	}
	return list
}

// sound reports whether nothing keeps r, or another member of its group, in FAULT.
func (k *Keepalived) sound(r *kaRouter) bool {
	well := func(r *kaRouter) bool {
		return (r.linkUp || !r.spec.TrackLink) && !slices.ContainsFunc(r.spec.Trackers, func(t election.TrackSpec) bool {
			v, known := k.values[t.ID]
			return known && vetoes(t, v)
		})
	}
	return well(r) && !slices.ContainsFunc(k.mates(r), func(m *kaRouter) bool { return m.started && !well(m) })
}

// check has r and its group enter FAULT or leave it.
func (k *Keepalived) check(now election.Instant, r *kaRouter) {
	for _, m := range append(k.mates(r), r) {
		switch sound := k.sound(m); {
		case !m.started:
		case !sound && m.state != election.Fault:
			k.give(now, m, election.Fault, 2)
			m.timer = election.Never
		case sound && m.state == election.Fault:
			k.move(m, election.Backup)
			m.interval, m.willing = m.spec.AdvertInterval, false
			m.timer = now.Add(k.down(m))
		}
	}
}

func (k *Keepalived) master(now election.Instant, r *kaRouter) {
	k.advertise(now, r, k.priority(r))
	r.interval, r.preempt, r.willing = r.spec.AdvertInterval, election.Never, true
	k.move(r, election.Master)
	k.install(r, true)
	k.announce(r, r.spec.GARP.MasterRepeat)
	if r.spec.GARP.MasterDelay > 0 {
		r.garp = now.Add(r.spec.GARP.MasterDelay)
	}
}

// give has r leave what it is, with that many adverts of priority 0 if it is MASTER.
func (k *Keepalived) give(now election.Instant, r *kaRouter, to election.State, zeros int) {
	from := r.state
	if from == to {
		return
	}
	if from == election.Master {
		for range zeros {
			k.advertise(now, r, 0)
		}
	}
	k.move(r, to)
	if from == election.Master {
		k.put(r, election.CancelAnnouncements{})
		k.install(r, false)
	}
	r.willing, r.preempt = false, election.Never
	r.timer = now.Add(k.down(r))
}

func (k *Keepalived) move(r *kaRouter, to election.State) {
	from := r.state
	r.state = to
	p := k.priority(r)
	k.put(r, election.StateChanged{From: from, To: to, Priority: p, Initial: from == election.Init})
	k.put(r, election.Notify{From: from, To: to, Priority: p, Initial: from == election.Init})
}

// install has what r stands for in place, or not, and none of what it stood for before.
func (k *Keepalived) install(r *kaRouter, present bool, before ...election.Address) {
	r.own++
	o := election.Own{Generation: r.own}
	all := r.spec.All()
	for _, a := range before {
		if !slices.Contains(all, a) {
			o.Remove = append(o.Remove, a)
		}
	}
	for _, a := range all {
		if present {
			o.Resources = append(o.Resources, a)
		} else {
			o.Remove = append(o.Remove, a)
		}
	}
	k.put(r, o)
}

func (k *Keepalived) announce(r *kaRouter, repeat int) {
	k.put(r, election.Announce{Repeat: repeat, Addresses: r.spec.All()})
}

func (k *Keepalived) advertise(now election.Instant, r *kaRouter, priority uint8) {
	a := wire.Advert{Version: r.spec.Version, VRID: r.spec.VRID, Priority: priority, Interval: r.spec.AdvertInterval,
		AuthType: r.spec.AuthType, AuthData: r.spec.AuthData}
	for _, v := range r.spec.Addresses {
		a.Addresses = append(a.Addresses, v.Prefix.Addr())
	}
	to := r.spec.Peers
	if !r.spec.Unicast() {
		to = []netip.Addr{r.spec.Group}
	}
	k.put(r, election.SendAdvert{Advert: a, Source: r.source, To: to, TTL: wire.TTL})
	r.timer = now.Add(r.spec.AdvertInterval)
}

func (k *Keepalived) priority(r *kaRouter) uint8 { return effective(&r.spec, k.values) }

func (k *Keepalived) skew(r *kaRouter) time.Duration {
	interval := r.interval
	if r.spec.Version == 2 {
		interval = time.Second
	}
	return time.Duration(256-int(k.priority(r))) * interval / 256
}

func (k *Keepalived) down(r *kaRouter) time.Duration {
	return time.Duration(r.spec.DownTimerAdverts)*r.interval + k.skew(r)
}
