package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

const (
	// cutAddresses is how many addresses each of the routers has whose master is cut off.
	cutAddresses = 10
	// cutSlack is what a machine may add to the time after which a backup is to be master.
	cutSlack = 20 * time.Millisecond
)

// fault is how a master falls silent. The backup is on another cable: it learns of neither but by the silence.
type fault struct {
	name      string
	cut, mend func(*testlan.Cable) error
}

var faults = []fault{
	{"carrier lost", (*testlan.Cable).Cut, (*testlan.Cable).Mend},
	{"frames lost", (*testlan.Cable).Block, (*testlan.Cable).Unblock},
}

// cutPair is a pair of which the master's cable is cut.
type cutPair struct {
	version  int
	interval time.Duration
	unicast  bool
}

var cutPairs = []cutPair{{3, quickly, false}, {3, quickly, true}, {3, time.Second, false}, {3, time.Second, true},
	{2, time.Second, false}, {2, time.Second, true}}

func (c cutPair) advertInt() string { return fmt.Sprint(c.interval.Seconds()) }

func (c cutPair) String() string {
	way := "multicast"
	if c.unicast {
		way = "unicast"
	}
	return fmt.Sprintf("v%d %s s %s", c.version, c.advertInt(), way)
}

// config is that of director d, without global_defs.
func (c cutPair) config(d int) string {
	var peers string
	if c.unicast {
		peers = unicast(d)
	}
	var addresses []string
	for i := range cutAddresses {
		addresses = append(addresses, netip.AddrFrom4([4]byte{10, 77, 0, byte(100 + i)}).String()+"/24")
	}
	return outageRouter(d, 51, strconv.Itoa(c.version), c.advertInt(), peers, addresses...)
}

// down is how long director 2 waits for an advert before it is master (RFC 9568 section 6.1, RFC 3768 section 6.1).
func (c cutPair) down() time.Duration {
	return labkit.Settings{Version: c.version, Advert: c.advertInt(), Priority: [2]int{200, 100}}.ActiveDown()
}

// measureCut cuts the cable of director 1, for every pair and fault.
func measureCut(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	for _, c := range cutPairs {
		for _, f := range faults {
			list, err := c.measure(ctx, s, p, f)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c, f.name, err)
			}
			figures = append(figures, list...)
		}
	}
	return figures, nil
}

func (c cutPair) measure(ctx context.Context, s scale, p labkit.Program, f fault) (figures []figure, err error) {
	site, err := newSite(p, 1, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := site.close(); err == nil {
			err = e
		}
	}()
	for d := range site.directors {
		if err := site.start(d, "global_defs {\n  router_id bench\n"+indent(s.globals)+"}\n"+c.config(d)); err != nil {
			return nil, err
		}
	}
	if err := site.asBefore(ctx, site.directors[1].Process.Started); err != nil {
		return nil, err
	}
	var list []succession
	for len(list) < s.cuts {
		heir, known, err := c.cut(ctx, site, f)
		if err != nil {
			return nil, err
		}
		if known {
			list = append(list, heir)
		}
	}
	return c.figures(f, list), nil
}

// cut cuts the cable once, looks at what follows, and mends it. The phase of the interval is random. known is false where nobody
// can say which advert was the last to pass.
func (c cutPair) cut(ctx context.Context, site *site, f fault) (heir succession, known bool, err error) {
	cable := site.directors[0].Cable
	if err := pause(ctx, rand.N(c.interval)); err != nil {
		return heir, false, err
	}
	began := time.Now()
	if err := f.cut(cable); err != nil {
		return heir, false, err
	}
	done := time.Now()
	if err := pause(ctx, c.down()); err != nil { // nothing of ours keeps the backup from its processor
		return heir, false, err
	}
	if err := site.heard(ctx, 1, began, 1); err != nil {
		return heir, false, err
	}
	if err := pause(ctx, time.Second); err != nil {
		return heir, false, err
	}
	heir, known = successionOf(site.capture.Adverts("d1", time.Time{}), site.capture.Adverts("d2", began),
		site.capture.Announcements("d2", began), began, done)
	mended := time.Now()
	if err := f.mend(cable); err != nil {
		return heir, false, err
	}
	return heir, known, site.asBefore(ctx, mended)
}

// succession is how long after the last advert of a master that passed things happened.
type succession struct {
	spoke     time.Duration // its heir's first advert
	announced time.Duration // the last one of the addresses was announced for the first time
}

// successionOf looks at a cut that was made between two moments. An advert in between may have passed or not: then it is not known
// since when the heir has waited.
func successionOf(master, heir []testlan.Advert, announcements []testlan.Announcement, began, done time.Time) (s succession, known bool) {
	passed := between(slices.Clone(master), began)
	if len(passed) == 0 || len(between(slices.Clone(master), done)) > len(passed) {
		return s, false
	}
	last := passed[len(passed)-1].Time
	return succession{until(firstAdverts(heir), last, 1), until(firstAnnouncements(announcements), last, cutAddresses)}, true
}

func (c cutPair) figures(f fault, list []succession) []figure {
	spoke, announced, soonest := time.Duration(0), time.Duration(0), never
	for _, s := range list {
		spoke, announced, soonest = max(spoke, s.spoke), max(announced, s.announced), min(soonest, s.spoke)
	}
	name, bar := fmt.Sprintf("%s, %s: ", c, f.name), c.down()+cutSlack
	return []figure{
		milliseconds(fmt.Sprintf("%sadvert, worst of %d", name, len(list)), spoke, bar),
		milliseconds(fmt.Sprintf("%sannounced, worst of %d", name, len(list)), announced, bar),
		told(name+"advert, soonest", float64(soonest.Microseconds())/1000, "ms"),
	}
}

// asBefore waits until director 1 is the only master, and has all addresses, and the other one none.
func (s *site) asBefore(ctx context.Context, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, hung)
	defer cancel()
	return patiently(ctx, "d1 is the only master", func() error {
		if n := alone(s.capture.Adverts("d1", since), s.capture.Adverts("d2", since)); n < 3 {
			return errors.Join(fmt.Errorf("%d adverts since the other's last", n), s.directors[0].Running(), s.directors[1].Running())
		}
		for d, want := range []int{1 + cutAddresses, 1} {
			if list, err := s.directors[d].Host.Addresses("eth0"); err != nil || len(list) != want {
				return errors.Join(fmt.Errorf("d%d has %d addresses", d+1, len(list)), err)
			}
		}
		return nil
	})
}

// alone is how many adverts a master has sent since another one's last.
func alone(master, other []testlan.Advert) int {
	if len(other) == 0 {
		return len(master)
	}
	last := other[len(other)-1].Time
	return len(slices.DeleteFunc(slices.Clone(master), func(a testlan.Advert) bool { return !a.Time.After(last) }))
}
