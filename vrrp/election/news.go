package election

import "vigil/internal/track"

// portion is how many virtual routers are told of tracked objects in one step. Each of them may have much to do for it, and
// adverts that are due are not to wait for all of them.
const portion = 16

// news is a value of a tracked object, and the routers that are still to be told of it.
type news struct {
	id      track.ID
	value   int
	routers []*virtualRouter
}

// Track tells the virtual routers that reference the tracked object its value: track.Up or track.Down, of a file the number
// in it. When they are many the rest of them are told upon Wake, for which Deadline asks at once; each is told all values in
// their order. An object that none references is not remembered; upon Start and Configure the shell tells what it knows about
// the Trackers of the spec.
func (e *Engine) Track(now Instant, id track.ID, value int) []InstanceAction {
	e.out = e.out[:0]
	if old, known := e.values[id]; known && old == value || len(e.tracked[id]) == 0 {
		return e.out
	}
	e.values[id] = value
	e.news = append(e.news, news{id, value, e.tracked[id]})
	e.tell(now, portion)
	return e.out
}

// tell tells the next routers, n at the most, what they have not been told.
func (e *Engine) tell(now Instant, n int) {
	for ; n > 0 && len(e.news) > 0; n-- {
		first := &e.news[0]
		r, ev := first.routers[0], TrackerChanged{first.id, first.value}
		if first.routers = first.routers[1:]; len(first.routers) == 0 {
			e.news = e.news[1:]
		}
		if e.routers[r.handle] == r {
			e.drive(now, r, ev)
		}
	}
	e.newsAt = now
}

// tellAll tells every router what it has not been told: who is about to be told the last word about an object must have
// heard what was said before.
func (e *Engine) tellAll(now Instant) {
	for len(e.news) > 0 {
		e.tell(now, portion)
	}
}

// inform tells r what is known about the tracked objects of spec.
func (e *Engine) inform(now Instant, r *virtualRouter, spec *InstanceSpec) {
	for _, t := range spec.Trackers {
		if v, known := e.values[t.ID]; known {
			e.step(now, r, TrackerChanged{t.ID, v})
		}
	}
}
