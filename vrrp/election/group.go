package election

import (
	"cmp"
	"container/heap"
	"slices"

	"vigil/confparse"
)

// group is a sync group (vrrp_sync_group): its members are MASTER together or not at all. RFC 9568 knows no groups;
// the rules are keepalived's.
type group struct {
	name    confparse.GroupName
	told    Audience
	members []*virtualRouter         // in the group's configuration order
	fellows []confparse.InstanceName // by the spec: members, and those that wait for their launch or are not there
	missing int                      // members that wait for their launch
	state   State                    // as last reported; Init until the first state is decided
	pending Notify                   // to be emitted after those of the members; To == From when there is none
	mixed   bool                     // some members are MASTER and some are not, as after a reload
}

// mayRise reports whether every member wants to be MASTER, or may want to when its deadline, which has passed, is judged.
func (g *group) mayRise(now Instant) bool {
	for _, m := range g.members {
		if m.machine.want != Master && m.deadline > now {
			return false
		}
	}
	return true
}

// Events from the group to a member.
type (
	groupBegin struct{ master bool } // take the first state
	groupMove  struct {
		to          State
		addressLost bool
	}
	groupFault struct{ member confparse.InstanceName } // the other member that is in FAULT for a reason of its own; "" = none
	groupLower struct{}                                // another member heard a lower master
)

func (groupBegin) event() {}
func (groupMove) event()  {}
func (groupFault) event() {}
func (groupLower) event() {}

// handleGroup follows the sync group.
func (m *Machine) handleGroup(now Instant, ev Event) {
	switch ev := ev.(type) {
	case groupBegin:
		if m.phase == awaitingGroup || m.timers.startup != Never && !ev.master {
			m.begin(now, ev.master)
		}
	case groupMove:
		m.moveWithGroup(now, ev)
	case groupFault:
		m.groupFault = ev.member
		m.checkFaults(now)
	case groupLower:
		if m.state == Master {
			m.announceLower(now)
		}
	}
}

func (m *Machine) moveWithGroup(now Instant, ev groupMove) {
	switch {
	case m.phase != running:
	case ev.to == Master && m.state == Backup:
		m.toMaster(now, CauseGroup)
	case ev.to == Backup && m.state == Master && ev.addressLost:
		m.loseAddress(now, CauseGroup)
	case ev.to == Backup && m.state == Master:
		m.yield(now, CauseGroup)
	case ev.to == Backup:
		m.want = Backup
	}
}

// standing is what of a member its sync group depends on.
type standing struct {
	phase       phase
	state, want State
	faulty      bool // for a reason of its own
	notifying   bool // a Notify is still to come
}

func (m *Machine) standing() standing {
	begun := m.phase == awaitingGroup || m.phase == running
	return standing{m.phase, m.state, m.want, begun && m.faulty(), m.notifying()}
}

// move is the step of one member that the others may have to follow. The zero move is a change of the membership.
type move struct {
	router    *virtualRouter
	left      bool // it went from MASTER to BACKUP
	lost      bool // because an address was lost
	lower     bool // in MASTER it heard a lower master
	outranked bool // in BACKUP it accepted an advert while others are MASTER
}

// align brings the members of g into line after mv.
func (e *Engine) align(now Instant, g *group, mv move) {
	if !g.ready() {
		return
	}
	e.spreadFaults(now, g)
	e.begin(now, g)
	e.follow(now, g, mv)
	if g.count(func(m *Machine) bool { return m.want == Master }) == len(g.members) {
		for _, r := range g.after(mv.router) {
			if r.machine.state == Backup {
				e.step(now, r, groupMove{to: Master})
			}
		}
	}
	e.report(g)
}

// after lists the members in the order in which they become MASTER: the one that the others have waited for, if it is one of
// them, and then those in configuration order.
func (g *group) after(last *virtualRouter) []*virtualRouter {
	if i := slices.Index(g.members, last); i > 0 {
		return slices.Concat([]*virtualRouter{last}, g.members[:i], g.members[i+1:])
	}
	return g.members
}

// spreadFaults tells each member whether another one is in FAULT for a reason of its own.
func (e *Engine) spreadFaults(now Instant, g *group) {
	var faulty []confparse.InstanceName // two are enough to name another one to everybody
	for _, r := range g.members {
		if r.machine.standing().faulty && len(faulty) < 2 {
			faulty = append(faulty, r.spec.Name)
		}
	}
	for _, r := range g.members {
		var other confparse.InstanceName
		for _, name := range faulty {
			if name != r.spec.Name {
				other = name
				break
			}
		}
		if other != r.machine.groupFault {
			e.step(now, r, groupFault{member: other})
		}
	}
}

// ready reports whether the group can decide: all members have come so far, or some are running since before.
func (g *group) ready() bool {
	absent := g.missing + g.count(func(m *Machine) bool { return m.phase < awaitingGroup })
	return absent == 0 || g.count(func(m *Machine) bool { return m.phase == running }) > 0
}

func (g *group) count(is func(*Machine) bool) int {
	n := 0
	for _, r := range g.members {
		if is(r.machine) {
			n++
		}
	}
	return n
}

// begin gives the members that wait for it their first state: MASTER only if all of them begin as MASTER. Owners that
// wait for the end of vrrp_startup_delay do so only as long as all are.
func (e *Engine) begin(now Instant, g *group) {
	awaits := g.count(func(m *Machine) bool { return m.phase == awaitingGroup })
	delayed := g.count(func(m *Machine) bool { return m.timers.startup != Never })
	if awaits+delayed == 0 {
		return
	}
	willing := delayed + g.count(func(m *Machine) bool { return m.phase == awaitingGroup && m.wantsMaster() })
	if awaits == 0 { // the others have just begun
		willing += g.count(func(m *Machine) bool { return m.state == Master })
	}
	master := willing == len(g.members)
	for _, r := range g.members {
		e.step(now, r, groupBegin{master: master})
	}
}

// follow has the other members do as mv did.
func (e *Engine) follow(now Instant, g *group, mv move) {
	var ev Event
	switch {
	case mv.left:
		ev = groupMove{to: Backup, addressLost: mv.lost}
	case mv.outranked: // another router is master of a part of the group: let it have the whole
		ev = groupMove{to: Backup}
	case mv.lower:
		ev = groupLower{}
	default:
		return
	}
	for _, r := range g.members {
		if r != mv.router {
			e.step(now, r, ev)
		}
	}
}

// report emits GroupChanged when the group as a whole has moved, and its Notify after those of the members.
func (e *Engine) report(g *group) {
	if state, decided := g.standing(); decided && state != g.state {
		initial := g.state == Init
		e.out = append(e.out, InstanceAction{Action: GroupChanged{Group: g.name, From: g.state, To: state, Initial: initial}})
		e.emit(g)
		g.pending = Notify{Group: g.name, From: g.state, To: state, Initial: initial, Removed: state == Init && !e.stopping, Told: g.told}
		g.state = state
	}
	e.notify(g)
}

// standing returns the state of the group as a whole; false while its members are on their way.
func (g *group) standing() (State, bool) {
	masters := g.count(func(m *Machine) bool { return m.state == Master })
	g.mixed = masters > 0 && masters < len(g.members)
	switch {
	case g.count(func(m *Machine) bool { return m.state == Fault }) > 0:
		return Fault, true
	case len(g.members) == 0:
		return Init, true
	case g.count(func(m *Machine) bool { return m.state == Init }) > 0:
		return Init, false
	case masters == len(g.members):
		return Master, true
	case g.mixed && g.state == Master: // a new member catches up; the others serve all the while
		return Master, false
	}
	return Backup, true
}

// notify emits the Notify of g unless one of a member, or of one that resigns, is still to come.
func (e *Engine) notify(g *group) {
	if !slices.ContainsFunc(e.list, func(r *virtualRouter) bool {
		return (r.group == g || r.left == g) && r.machine.notifying()
	}) {
		e.emit(g)
	}
}

// regroup makes order and groups follow the spec after routers were added, kept or dropped.
func (e *Engine) regroup(now Instant) {
	byName := e.sort()
	old := e.groups
	e.groups = nil
	e.index()
	joined := make(map[*virtualRouter]*group)
	for _, gs := range e.spec.Groups {
		g := e.groupOf(gs.Name, old)
		g.members, g.fellows, g.missing, g.told = g.members[:0], gs.Members, 0, gs.Told
		for _, name := range gs.Members {
			switch r := byName[name]; {
			case r != nil && joined[r] == nil:
				joined[r] = g
				g.members = append(g.members, r)
			case slices.ContainsFunc(e.waiting, func(s InstanceSpec) bool { return s.Name == name }):
				g.missing++
			}
		}
		e.groups = append(e.groups, g)
	}
	for _, r := range e.list {
		if r.leaving {
			continue
		}
		r.group = joined[r]
		r.machine.grouped = r.group != nil
		if r.group == nil {
			e.step(now, r, groupFault{})
			e.step(now, r, groupBegin{master: true})
		}
	}
	for _, g := range e.groups {
		e.align(now, g, move{})
	}
	for _, g := range old {
		if !slices.Contains(e.groups, g) {
			g.members = nil
			e.report(g)
		}
	}
}

// groupOf returns the group of that name: one of old, one whose end is still to be told of, or a new one.
func (e *Engine) groupOf(name confparse.GroupName, old []*group) *group {
	if i := slices.IndexFunc(old, func(g *group) bool { return g.name == name }); i >= 0 {
		return old[i]
	}
	for _, r := range e.list {
		if r.left != nil && r.left.name == name {
			return r.left
		}
	}
	return &group{name: name}
}

// sort puts the routers into configuration order, those that resign first, and returns the others by name.
func (e *Engine) sort() map[confparse.InstanceName]*virtualRouter {
	rank := make(map[confparse.InstanceName]int)
	for i, s := range e.spec.Instances {
		rank[s.Name] = i + 1
	}
	place := func(r *virtualRouter) int {
		if r.leaving {
			return 0
		}
		return rank[r.spec.Name]
	}
	slices.SortStableFunc(e.list, func(a, b *virtualRouter) int { return cmp.Compare(place(a), place(b)) })
	byName := make(map[confparse.InstanceName]*virtualRouter, len(e.list))
	for i, r := range e.list {
		r.pos = i
		if !r.leaving {
			byName[r.spec.Name] = r
		}
	}
	heap.Init(&e.queue)
	return byName
}
