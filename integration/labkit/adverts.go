package labkit

import (
	"strconv"
	"time"

	"vigil/internal/testlan"
)

// ActiveDown is the time without an advertisement after which director 1 takes over (RFC 9568 section 6.1, RFC 3768 section 6.1).
func (s Settings) ActiveDown() time.Duration {
	seconds, err := strconv.ParseFloat(s.Advert, 64)
	if err != nil {
		panic("advert_int " + s.Advert) // of a test's own making
	}
	interval := time.Duration(seconds * float64(time.Second))
	skewed := interval
	if s.Version == 2 {
		skewed = time.Second
	}
	return 3*interval + skewed*time.Duration(256-s.Priority[1])/256
}

// Rivalry is how long two directors were both master: from an advertisement of the better one to the other's last that came
// after it, of the longest such time. Where the better one was silent for as long as the other is patient, because the machine
// did not run it, the other is master by right, and they meet anew when it is back. Advertisements of priority 0 are farewells.
func Rivalry(better, other []testlan.Advert, patience time.Duration) (longest time.Duration) {
	var met, last time.Time
	for _, a := range other {
		for ; len(better) > 0 && !better[0].Time.After(a.Time); better = better[1:] {
			if t := better[0].Time; last.IsZero() || t.Sub(last) >= patience {
				met, last = t, t
			} else {
				last = t
			}
		}
		if a.Priority > 0 && !last.IsZero() && a.Time.Sub(last) < patience {
			longest = max(longest, a.Time.Sub(met))
		}
	}
	return longest
}

// Silence is the longest time without an advertisement up to a moment.
func Silence(adverts []testlan.Advert, until time.Time) (longest time.Duration) {
	for i, a := range adverts {
		next := until
		if i+1 < len(adverts) && adverts[i+1].Time.Before(until) {
			next = adverts[i+1].Time
		}
		longest = max(longest, next.Sub(a.Time))
	}
	return longest
}
