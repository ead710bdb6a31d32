package main

import (
	"testing"
	"time"

	"vigil/internal/testlan"
)

// As many lines as sixteen sources and all others together have in each minute that has begun, of two directors, and six for every
// answer of the master's.
func TestLinesAllowed(t *testing.T) {
	for d, want := range map[time.Duration][2]int{25 * time.Second: {272, 272 + 6*501}, 59 * time.Second: {272, 272 + 6*1181},
		time.Minute: {544, 544 + 6*1201}, 3 * time.Minute: {4 * 272, 4*272 + 6*3601}} {
		ignored, answered := attackNamed(t, "forged").linesAllowed(d), attackNamed(t, "sources").linesAllowed(d)
		if got := [2]int{ignored, answered}; got != want {
			t.Errorf("%v: %d, want %d", d, got, want)
		}
	}
}

func TestWhatLogsSay(t *testing.T) {
	lines := []testlan.Line{{Time: at(0), Text: "(V51) Entering MASTER STATE"}, {Time: at(10), Text: "(V51) received an invalid ttl"},
		{Time: at(20), Text: "(V51) Entering BACKUP STATE"}}
	if n := changesOfState(lines, at(1)); n != 1 {
		t.Errorf("%d changes", n)
	}
	if n := linesSince(lines, at(10)); n != 2 {
		t.Errorf("%d lines", n)
	}
}
