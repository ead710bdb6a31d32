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
	members []*router // in the group's configuration order
	missing int       // members that wait for their launch
	state   State     // as last reported; Init until the first state is decided
	mixed   bool      // some members are MASTER and some are not, as after a reload
}

// Events from the group to a member.
type (
	groupBegin struct{ master bool } // take the first state
	groupMove  struct {
		to          State
		addressLost bool
	}
	groupFault struct{ on bool } // another member is, or is no longer, in FAULT for a reason of its own
	groupLower struct{}          // another member heard a lower master
)

func (groupBegin) event() {}
func (groupMove) event()  {}
func (groupFault) event() {}
func (groupLower) event() {}

// standing is what of a member its sync group depends on.
type standing struct {
	phase       phase
	state, want State
	faulty      bool // for a reason of its own
}

func (m *Machine) standing() standing {
	begun := m.phase == awaitingGroup || m.phase == running
	return standing{m.phase, m.state, m.want, begun && m.faults&faultOwn != 0}
}

// move is the step of one member that the others may have to follow. The zero move is a change of the membership.
type move struct {
	router    *router
	left      bool // it went from MASTER to BACKUP
	lost      bool // because an address was lost
	lower     bool // in MASTER it heard a lower master
	outranked bool // in BACKUP it accepted an advert while others are MASTER
}

// settle brings the members of g into line after mv.
func (e *Engine) settle(now Instant, g *group, mv move) {
	if !g.ready() {
		return
	}
	faulty := g.count(func(m *Machine) bool { return m.standing().faulty })
	for _, r := range g.members {
		others := faulty
		if r.machine.standing().faulty {
			others--
		}
		if on := others > 0; on != (r.machine.faults&faultGroup != 0) {
			e.step(now, r, groupFault{on: on})
		}
	}
	e.begin(now, g)
	e.follow(now, g, mv)
	if g.count(func(m *Machine) bool { return m.want == Master }) == len(g.members) {
		for _, r := range g.members {
			if r.machine.state == Backup {
				e.step(now, r, groupMove{to: Master})
			}
		}
	}
	e.report(g)
}

// ready reports whether the group can decide: all members have started, or some are running since before.
func (g *group) ready() bool {
	absent := g.missing + g.count(func(m *Machine) bool { return m.phase == unstarted })
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

// begin gives the members that wait for it their first state: MASTER only if all of them begin as MASTER.
func (e *Engine) begin(now Instant, g *group) {
	if g.count(func(m *Machine) bool { return m.phase == awaitingGroup }) == 0 {
		return
	}
	master := g.count(func(m *Machine) bool { return m.phase == awaitingGroup && m.wantsMaster() }) == len(g.members)
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

// report emits GroupChanged when the group as a whole has moved.
func (e *Engine) report(g *group) {
	masters := g.count(func(m *Machine) bool { return m.state == Master })
	g.mixed = masters > 0 && masters < len(g.members)
	state := Backup
	switch {
	case g.count(func(m *Machine) bool { return m.state == Fault }) > 0:
		state = Fault
	case len(g.members) == 0:
		state = Init
	case g.count(func(m *Machine) bool { return m.state == Init }) > 0:
		return
	case masters == len(g.members):
		state = Master
	case g.mixed && g.state == Master: // a new member catches up; the others serve all the while
		return
	}
	if state != g.state {
		e.out = append(e.out, InstanceAction{Action: GroupChanged{
			Group: g.name, From: g.state, To: state, Initial: g.state == Init,
		}})
		g.state = state
	}
}

// regroup makes order and groups follow the spec after routers were added, kept or dropped.
func (e *Engine) regroup(now Instant) {
	byName := e.sort()
	old := e.groups
	e.groups = nil
	joined := make(map[*router]*group)
	for _, gs := range e.spec.Groups {
		g := &group{name: gs.Name}
		if i := slices.IndexFunc(old, func(o *group) bool { return o.name == gs.Name }); i >= 0 {
			g = old[i]
			g.members, g.missing = g.members[:0], 0
		}
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
	for _, r := range e.order {
		if r.leaving {
			continue
		}
		r.group = joined[r]
		r.machine.grouped = r.group != nil
		if r.group == nil {
			e.step(now, r, groupFault{on: false})
			e.step(now, r, groupBegin{master: true})
		}
	}
	for _, g := range e.groups {
		e.settle(now, g, move{})
	}
	for _, g := range old {
		if !slices.Contains(e.groups, g) {
			g.members = nil
			e.report(g)
		}
	}
}

// sort puts the routers into configuration order, those that resign first, and returns the others by name.
func (e *Engine) sort() map[confparse.InstanceName]*router {
	rank := make(map[confparse.InstanceName]int)
	for i, s := range e.spec.Instances {
		rank[s.Name] = i + 1
	}
	place := func(r *router) int {
		if r.leaving {
			return 0
		}
		return rank[r.spec.Name]
	}
	slices.SortStableFunc(e.order, func(a, b *router) int { return cmp.Compare(place(a), place(b)) })
	byName := make(map[confparse.InstanceName]*router, len(e.order))
	for i, r := range e.order {
		r.pos = i
		if !r.leaving {
			byName[r.spec.Name] = r
		}
	}
	heap.Init(&e.queue)
	return byName
}
