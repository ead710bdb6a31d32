package main

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// The bar of every pair is three intervals and the skew of the backup's priority, which is counted from the interval in version 3
// and from a second in version 2, and 20 ms.
func TestBarOfACut(t *testing.T) {
	want := map[string]float64{
		"v3 0.1 s multicast": 380.937, "v3 0.1 s unicast": 380.937, "v3 1 s multicast": 3629.375, "v3 1 s unicast": 3629.375,
		"v2 1 s multicast": 3629.375, "v2 1 s unicast": 3629.375,
	}
	for _, c := range cutPairs {
		list := c.figures(faults[0], []succession{{spoke: time.Second, announced: time.Second}})
		for _, f := range list[:2] {
			if math.Abs(f.bar-want[c.String()]) > 0.001 {
				t.Errorf("%s: %v ms", c, f.bar)
			}
		}
		delete(want, c.String())
		if !math.IsInf(list[2].bar, 1) {
			t.Errorf("%s: the soonest has a bar", c)
		}
	}
	if len(want) > 0 {
		t.Errorf("nobody cuts %v", want)
	}
}

// What is shown is the worst of all cuts; one without an heir is over every bar.
func TestWorstCut(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	list := []succession{{ms(370), ms(375)}, {ms(362), ms(390)}, {ms(365), ms(366)}}
	figures := cutPairs[0].figures(faults[1], list)
	var got []float64
	var missed []bool
	for _, f := range figures {
		got, missed = append(got, f.value), append(missed, f.missed())
	}
	if !slices.Equal(got, []float64{370, 390, 362}) || !slices.Equal(missed, []bool{false, true, false}) {
		t.Errorf("%v, %v", got, missed)
	}
	if f := cutPairs[0].figures(faults[1], append(list, succession{never, never}))[0]; !f.missed() {
		t.Errorf("nobody took over: %v", f)
	}
}

func TestSuccession(t *testing.T) {
	announced := func(n, ms int) (list []testlan.Announcement) {
		for i := range n {
			a := testlan.Announcement{Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(100 + i)}), Time: at(ms + i)}
			list = append(list, a, testlan.Announcement{Address: a.Address, Time: at(ms + 100)})
		}
		return list
	}
	master := func(ms ...int) []testlan.Advert { return spoken("10.77.0.1", 51, 200, ms...) }
	heir := spoken("10.77.0.2", 51, 100, 465, 565)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		name          string
		master, heir  []testlan.Advert
		announcements []testlan.Announcement
		want          succession
		known         bool
	}{
		{"counted from the last advert that passed", master(0, 100), heir, announced(cutAddresses, 470), succession{ms(365), ms(379)}, true},
		{"it goes on behind the fault", master(0, 100, 200, 300), heir, announced(cutAddresses, 470), succession{ms(365), ms(379)}, true},
		{"an advert at the very moment of the cut", master(0, 100, 151), heir, announced(cutAddresses, 470), succession{}, false},
		{"the master was silent", nil, heir, announced(cutAddresses, 470), succession{}, false},
		{"an address is never announced", master(100), heir, announced(cutAddresses-1, 470), succession{ms(365), never}, true},
		{"a farewell is no succession", master(100), spoken("10.77.0.2", 51, 0, 300), nil, succession{never, never}, true},
	} {
		before := slices.Clone(c.master)
		got, known := successionOf(c.master, c.heir, c.announcements, at(150), at(152))
		if got != c.want || known != c.known || !slices.Equal(c.master, before) {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.name, got, known, c.want, c.known)
		}
	}
}

func TestAlone(t *testing.T) {
	master := spoken("10.77.0.1", 51, 200, 0, 100, 200, 300)
	for want, other := range map[int][]testlan.Advert{
		4: nil, 2: spoken("10.77.0.2", 51, 100, 50, 150), 0: spoken("10.77.0.2", 51, 100, 50, 350), 1: spoken("10.77.0.2", 51, 100, 200),
	} {
		if got := alone(master, other); got != want {
			t.Errorf("%d since %v, want %d", got, other, want)
		}
	}
}
