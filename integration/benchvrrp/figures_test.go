package main

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
)

var noon = time.Unix(1_800_000_000, 0)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func spoken(source string, vrid, priority uint8, ms ...int) (list []testlan.Advert) {
	for _, m := range ms {
		list = append(list, testlan.Advert{Time: at(m), Source: netip.MustParseAddr(source), VRID: vrid, Priority: priority})
	}
	return list
}

// An advert is late against the one before it of the same router; one that is early is not.
func TestLateAdverts(t *testing.T) {
	adverts := slices.Concat(spoken("10.0.0.1", 1, 100, 0, 1000, 2007, 3000), spoken("10.0.0.1", 2, 100, 500, 1501), spoken("10.0.0.2", 1, 100, 700))
	slices.SortFunc(adverts, func(a, b testlan.Advert) int { return a.Time.Compare(b.Time) })
	if got, want := lateAdverts(adverts, time.Second), (lateness{4, 7 * time.Millisecond, 7 * time.Millisecond}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	var many []int
	for i := range 1001 {
		many = append(many, 1000*i)
	}
	many[1000] += 50
	if got := lateAdverts(spoken("10.0.0.1", 1, 100, many...), time.Second); got.p99 != 0 || got.max != 50*time.Millisecond {
		t.Errorf("one of a thousand is late: %+v", got)
	}
	if got := lateAdverts(nil, time.Second); got.p99 != never {
		t.Errorf("nobody spoke: %+v", got)
	}
}

func TestWhatHappensFirst(t *testing.T) {
	adverts := slices.Concat(spoken("10.0.0.1", 1, 0, 5), spoken("10.0.0.1", 1, 100, 10, 20), spoken("10.0.0.1", 2, 100, 30))
	first := firstAdverts(adverts)
	if got := until(first, at(0), 2); got != 30*time.Millisecond || len(first) != 2 {
		t.Errorf("%v, %v", got, first)
	}
	if got := until(first, at(0), 3); got != never {
		t.Errorf("one is missing: %v", got)
	}
	if got := len(between(adverts, at(10))); got != 2 {
		t.Errorf("%d by 10 ms", got)
	}
	ip := netip.MustParseAddr("10.0.0.9")
	announced := firstAnnouncements([]testlan.Announcement{{Time: at(3), Address: ip}, {Time: at(4), Address: ip}})
	if got := announced[ip]; !got.Equal(at(3)) {
		t.Errorf("announced at %v", got)
	}
}

// Adverts of somebody who goes on being master are one usurpation; after a silence they are another. Farewells are none.
func TestEpisodes(t *testing.T) {
	adverts := slices.Concat(spoken("10.0.0.2", 1, 0, 0), spoken("10.0.0.2", 1, 100, 5000, 5050, 5100, 9000))
	if got := episodes(adverts); len(got) != 2 || !got[0].Equal(at(5000)) || !got[1].Equal(at(9000)) {
		t.Errorf("%v", got)
	}
}

func TestTable(t *testing.T) {
	ours := []figure{seconds("start", 1500*time.Millisecond, 2*time.Second), number("failed", 3, 0), told("memory", 12.345, "MB")}
	theirs := []figure{seconds("start", 3*time.Second, 2*time.Second)}
	text := table([]string{"vigil", "keepalived"}, [][]figure{ours, theirs})
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"vigil keepalived bar", "start 1.50 s 3 s <= 2 s", "failed 3 - <= 0 missed", "memory 12.35 MB -"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q\nwant %q", lines, want)
	}
	if !(figure{value: math.NaN(), bar: 1}).missed() || !milliseconds("", never, time.Second).missed() || told("", 1, "").missed() {
		t.Error("what is not known is missed, and what has no bar is not")
	}
}

func TestChoice(t *testing.T) {
	if all, err := choose(nil); err != nil || len(all) != len(measurements) {
		t.Errorf("%d, %v", len(all), err)
	}
	if some, err := choose([]string{"outage", "scale"}); err != nil || len(some) != 2 || some[0].name != "outage" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := choose([]string{"scale", "speed"}); err == nil {
		t.Error("there is none of that name")
	}
}
