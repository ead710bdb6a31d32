package election

import (
	"slices"

	"vigil/internal/track"
)

// portion is how many virtual routers are told of tracked objects in one step. Each of them may have much to do for it, and
// adverts that are due are not to wait for all of them.
const portion = 16

// Track tells the virtual routers that reference the tracked object its value: track.Up or track.Down, of a file the number
// in it. When they are many the rest of them are told upon Wake, for which Deadline asks at once. Each is told all values in
// their order, before it or its sync group starts or takes over. An object that none references is not remembered; upon Start and
// Configure the shell tells what it knows about what is Tracked by the spec.
func (e *Engine) Track(now Instant, id track.ID, value int) []InstanceAction {
	e.out = e.out[:0]
	if old, known := e.values[id]; known && old == value || len(e.tracked[id]) == 0 {
		return e.out
	}
	e.values[id] = value
	idle := !e.Telling()
	for _, r := range e.tracked[id] {
		if r.news = append(r.news, TrackerChanged{id, value}); len(r.news) == 1 {
			e.untold = append(e.untold, r)
		}
	}
	e.toldAt = now
	if idle {
		e.tellSome(now)
	}
	return e.out
}

// Telling reports whether there are routers that have not been told all that Track was.
func (e *Engine) Telling() bool { return len(e.untold) > 0 }

// tellSome tells a portion of the routers what they have not been told.
func (e *Engine) tellSome(now Instant) {
	for n := portion; n > 0 && len(e.untold) > 0; n-- {
		r := e.untold[0]
		e.untold = e.untold[1:]
		e.tell(now, r)
	}
	e.toldAt = now
}

// tell tells r what it has not been told.
func (e *Engine) tell(now Instant, r *virtualRouter) {
	news := r.news
	r.news = nil
	for _, ev := range news {
		if e.routers[r.handle] == r {
			e.drive(now, r, ev)
		}
	}
}

// tellGroup tells r and the members of its sync group what they have not been told, and reports whether there was something.
func (e *Engine) tellGroup(now Instant, r *virtualRouter) (told bool) {
	if !e.Telling() {
		return false
	}
	members := []*virtualRouter{r}
	if r.group != nil {
		members = slices.Clone(r.group.members)
	}
	for _, m := range members {
		if len(m.news) > 0 {
			told = true
			e.tell(now, m)
		}
	}
	return told
}

// tellAll tells every router what it has not been told: who is about to be told the last word about an object must have
// heard what was said before.
func (e *Engine) tellAll(now Instant) {
	for len(e.untold) > 0 {
		e.tellSome(now)
	}
}

// inform tells r what is known about the tracked objects of spec.
func (e *Engine) inform(now Instant, r *virtualRouter, spec *InstanceSpec) {
	for _, id := range spec.Tracked() {
		if v, known := e.values[id]; known {
			e.step(now, r, TrackerChanged{id, v})
		}
	}
}
