package main

import (
	"net/netip"
	"slices"
	"time"

	"vigil/internal/testlan"
)

// never is longer than any bar: something did not happen.
const never = 24 * time.Hour

// lateness sums up how late things came.
type lateness struct {
	n        int
	p99, max time.Duration
}

func latenessOf(late []time.Duration) lateness {
	if len(late) == 0 {
		return lateness{0, never, never}
	}
	slices.Sort(late)
	n := len(late)
	return lateness{n, late[min(n-1, n*99/100)], late[n-1]}
}

// speaker is one virtual router of one host: the source address tells the host and the interface.
type speaker struct {
	source netip.Addr
	vrid   uint8
}

// lateAdverts is how much later than an interval after the one before it each advert came.
func lateAdverts(adverts []testlan.Advert, interval time.Duration) lateness {
	last := make(map[speaker]time.Time)
	var late []time.Duration
	for _, a := range adverts {
		s := speaker{a.Source, a.VRID}
		if before, ok := last[s]; ok {
			late = append(late, max(0, a.Time.Sub(before)-interval))
		}
		last[s] = a.Time
	}
	return latenessOf(late)
}

// firstAdverts is when each virtual router was first heard as master.
func firstAdverts(adverts []testlan.Advert) map[speaker]time.Time {
	first := make(map[speaker]time.Time)
	for _, a := range adverts {
		s := speaker{a.Source, a.VRID}
		if _, ok := first[s]; !ok && a.Priority > 0 {
			first[s] = a.Time
		}
	}
	return first
}

// firstAnnouncements is when each address was first announced.
func firstAnnouncements(list []testlan.Announcement) map[netip.Addr]time.Time {
	first := make(map[netip.Addr]time.Time)
	for _, a := range list {
		if _, ok := first[a.Address]; !ok {
			first[a.Address] = a.Time
		}
	}
	return first
}

// until is how long after a moment the last of n things had happened; never unless all have.
func until[K comparable](happened map[K]time.Time, from time.Time, n int) (last time.Duration) {
	if len(happened) < n {
		return never
	}
	for _, at := range happened {
		last = max(last, at.Sub(from))
	}
	return last
}

// between is what was sent in a window of time.
func between(adverts []testlan.Advert, to time.Time) []testlan.Advert {
	return slices.DeleteFunc(adverts, func(a testlan.Advert) bool { return a.Time.After(to) })
}
