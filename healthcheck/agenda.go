package healthcheck

import (
	"container/heap"
	"time"
)

// agenda is when which probe is due, in a heap.
type agenda struct{ probes []*probe }

// set has p due at a moment since Manager.epoch, whenever it was due before, and reports whether p is the first one now.
func (a *agenda) set(p *probe, at time.Duration) (first bool) {
	p.at = at
	if p.place == 0 {
		heap.Push(a, p)
	} else {
		heap.Fix(a, p.place-1)
	}
	return a.probes[0] == p
}

// remove forgets p. One that is not in it is left alone.
func (a *agenda) remove(p *probe) {
	if p.place > 0 {
		heap.Remove(a, p.place-1)
	}
}

// due removes and returns the probe that has been due for longest, or nil.
func (a *agenda) due(now time.Duration) *probe {
	if len(a.probes) == 0 || a.probes[0].at > now {
		return nil
	}
	return heap.Pop(a).(*probe)
}

// next is when the first probe is due; false when there is none.
func (a *agenda) next() (time.Duration, bool) {
	if len(a.probes) == 0 {
		return 0, false
	}
	return a.probes[0].at, true
}

// Len, Less, Swap, Push and Pop are for container/heap alone.

func (a *agenda) Len() int           { return len(a.probes) }
func (a *agenda) Less(i, j int) bool { return a.probes[i].at < a.probes[j].at }

func (a *agenda) Swap(i, j int) {
	a.probes[i], a.probes[j] = a.probes[j], a.probes[i]
	a.probes[i].place, a.probes[j].place = i+1, j+1
}

func (a *agenda) Push(p any) {
	a.probes = append(a.probes, p.(*probe))
	p.(*probe).place = len(a.probes)
}

func (a *agenda) Pop() any {
	last := len(a.probes) - 1
	p := a.probes[last]
	a.probes[last], a.probes = nil, a.probes[:last]
	p.place = 0
	return p
}
