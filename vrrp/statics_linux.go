package vrrp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

const (
	// staticsHandle is that of the reconciler of static resources, which no virtual router has.
	staticsHandle = ^election.Handle(0)
	// staticsRetry and staticsRetryMax are the first and the longest pause before what could not be put in place is tried
	// again.
	staticsRetry    = time.Second
	staticsRetryMax = time.Minute
	// What others remove is put back at once, or after a pause, if that has happened within staticsCalm.
	staticsRepair    = 20 * time.Millisecond
	staticsRepairMax = 5 * time.Second
	staticsCalm      = time.Minute
)

// statics keeps in place what is there whatever the states of the virtual routers, and says of each track group whether all
// of it is. It is owned by Run.
type statics struct {
	router  *virtualRouter // stands for them in the view; nil while there never were any
	list    []election.Static
	owned   []election.Resource // what may be in place
	missing map[election.Resource]bool
	doubted map[election.Resource]bool // an interface has failed that may have taken them along
	looking *look                      // the latest, for those
	pending bool                       // the last Own is not carried out yet
	told    map[string]int
	retryAt election.Instant
	pause   time.Duration    // before the next attempt at what failed
	repair  time.Duration    // before the next repair
	lostAt  election.Instant // when something was lost last
}

func newStatics() statics {
	return statics{missing: make(map[election.Resource]bool), doubted: make(map[election.Resource]bool), told: make(map[string]int), retryAt: election.Never,
		lostAt: -election.Instant(staticsCalm)}
}

// setStatics makes list what is to be in place from now on.
func (r *Runner) setStatics(list []election.Static) {
	s := &r.statics
	if slices.Equal(s.list, list) {
		return
	}
	if s.router == nil {
		s.router = &virtualRouter{handle: staticsHandle, slot: -1, log: instanceLog{logger: r.log, name: "static"}}
		s.router.worker = newReconciler(r, staticsHandle, s.router.log)
	}
	for _, old := range s.list {
		if !slices.ContainsFunc(list, func(n election.Static) bool { return n.TrackGroup == old.TrackGroup }) && old.TrackGroup != "" {
			r.tracked.Forget(staticID(old.TrackGroup))
			delete(s.told, old.TrackGroup)
		}
	}
	s.list, s.pause = list, 0
	maps.DeleteFunc(s.doubted, func(res election.Resource, _ bool) bool {
		return !slices.ContainsFunc(list, func(n election.Static) bool { return n.Resource == res })
	})
	r.view.depend(s.router, s.links())
	r.ownStatics()
}

// links are the names of the interfaces that static resources need.
func (s *statics) links() map[string]bool {
	links := make(map[string]bool)
	for _, x := range s.list {
		for _, name := range staticLinks(x.Resource) {
			links[name] = true
		}
	}
	return links
}

func staticLinks(res election.Resource) []string {
	switch res := res.(type) {
	case election.Address:
		return []string{res.Link}
	case election.Route:
		return res.Links()
	case election.Rule:
		if res.IIF != "" {
			return []string{res.IIF}
		}
	}
	return nil
}

// ownStatics has the reconciler put in place what is missing, and remove what is no longer wanted.
func (r *Runner) ownStatics() {
	s := &r.statics
	s.retryAt, s.pending = election.Never, true
	o := election.Own{Generation: s.router.generation + 1}
	for _, x := range s.list {
		o.Resources = append(o.Resources, x.Resource)
	}
	for _, res := range s.owned {
		if !slices.Contains(o.Resources, res) {
			o.Remove = append(o.Remove, res)
		}
	}
	s.owned, s.router.generation = o.Resources, o.Generation
	r.view.hold(s.router, o.Resources)
	s.router.worker.order(o)
}

// staticsFinished takes what their reconciler reports.
func (r *Runner) staticsFinished(res result) {
	s := &r.statics
	if res.looked != nil { // whatever has been ordered since does not make it untrue
		r.staticsLooked(res.looked)
		return
	}
	if res.ended || res.generation != s.router.generation {
		return
	}
	now := r.now()
	if res.lost != nil {
		r.repairStatics(res.lost)
		r.judgeStatics()
		return
	}
	s.pending = false
	before := maps.Clone(s.missing)
	clear(s.missing)
	for _, f := range res.failures {
		s.missing[f.Resource] = true
		if !before[f.Resource] {
			s.router.log.resourceFailed(f.Resource, false, f.Err)
		}
	}
	if len(res.failures) > 0 {
		s.pause = min(max(staticsRetry, 2*s.pause), staticsRetryMax)
		s.retryAt = now.Add(s.pause)
	}
	r.judgeStatics()
}

// repairStatics puts back what others have removed.
func (r *Runner) repairStatics(lost []election.Resource) {
	s, now := &r.statics, r.now()
	for _, x := range lost {
		s.missing[x] = true
		s.router.log.infof("%s was removed, it is put back", resourceText(x))
	}
	if now >= s.lostAt.Add(staticsCalm) {
		s.repair = 0
	}
	s.lostAt = now
	if s.repair == 0 {
		r.ownStatics()
	} else {
		s.retryAt = min(s.retryAt, now.Add(s.repair))
	}
	s.repair = min(max(staticsRepair, 2*s.repair), staticsRepairMax)
}

// retryStatics tries again what is due.
func (r *Runner) retryStatics() {
	r.ownStatics()
	if s := &r.statics; len(s.doubted) > 0 && s.looking == nil {
		r.lookForStatics()
	}
}

// staticsLink follows an interface that static resources need: what was lost with it comes back with it. What the kernel has taken
// along, often without a word, is in doubt until it has been looked for.
func (r *Runner) staticsLink(name string, up bool) {
	s := &r.statics
	if s.router == nil || !s.router.links[name] {
		return
	}
	switch {
	case !up:
		for _, x := range s.list {
			if place, _ := placesOf(x.Resource); place != nil && slices.Contains(staticLinks(x.Resource), name) {
				s.doubted[x.Resource] = true
			}
		}
		s.looking = nil // what was asked before says nothing of this
	default:
		if len(s.missing) > 0 {
			s.pause = 0
			r.ownStatics()
		}
		if len(s.doubted) > 0 {
			r.lookForStatics()
		}
	}
	r.judgeStatics()
}

// lookForStatics has their reconciler find out about what is in doubt.
func (r *Runner) lookForStatics() {
	s := &r.statics
	s.looking = &look{slices.Collect(maps.Keys(s.doubted))}
	s.router.worker.order(s.looking)
}

// staticsLooked takes the answer.
func (r *Runner) staticsLooked(l *looked) {
	s := &r.statics
	if len(l.lost) > 0 {
		r.repairStatics(l.lost)
	}
	switch {
	case s.looking != l.look:
	case l.unknown != nil:
		s.looking = nil
		s.retryAt = min(s.retryAt, r.now().Add(staticsRetry))
	default:
		s.looking = nil
		for _, res := range l.resources {
			delete(s.doubted, res)
		}
	}
	r.judgeStatics()
}

// judgeStatics tells of the track groups: one is down as long as something of it is not in place, or may not be, or its interface is
// down.
func (r *Runner) judgeStatics() {
	s := &r.statics
	values := make(map[string]int)
	for _, x := range s.list {
		if x.TrackGroup == "" {
			continue
		}
		if _, known := values[x.TrackGroup]; !known {
			values[x.TrackGroup] = track.Up
		}
		down := func(name string) bool { l, ok := r.view.link(name); return !ok || !l.Up }
		if s.missing[x.Resource] || s.doubted[x.Resource] || slices.ContainsFunc(staticLinks(x.Resource), down) {
			values[x.TrackGroup] = track.Down
		}
	}
	for group, v := range values {
		if old, known := s.told[group]; !known || old != v {
			s.told[group] = v
			s.router.log.infof("track_group %s is %s", group, map[int]string{track.Up: "up", track.Down: "down"}[v])
			r.tracked.Set(staticID(group), v)
		}
	}
}

// staticAddresses are the static addresses, from which adverts may leave although they carry our mark.
func staticAddresses(list []election.Static) map[netip.Addr]bool {
	addrs := make(map[netip.Addr]bool)
	for _, x := range list {
		if a, ok := x.Resource.(election.Address); ok {
			addrs[a.Prefix.Addr()] = true
		}
	}
	return addrs
}

// releaseStatics removes them; left is why something stays.
func (r *Runner) releaseStatics(abandon bool) (left error) {
	s := &r.statics
	if s.router == nil {
		return nil
	}
	if !abandon {
		s.list = nil
		r.ownStatics()
	}
	s.router.worker.close(abandon)
	<-s.router.worker.done
	if err := s.router.worker.stays; err != nil {
		left = fmt.Errorf("static: %w", err)
	}
	return left
}
