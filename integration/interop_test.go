package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// transition is one measured time of a pair's life, between two moments that both kinds of program share.
type transition struct {
	name  string
	took  time.Duration
	noise time.Duration // labkit.Noise.Delay meanwhile
	seen  string        // on the wire and in the log, where that says more than the time
}

// life takes a pair through everything that moves the mastership and measures each move by the frames on the wire. The master
// (higher priority) is d1.
func life(ctx context.Context, programs [2]labkit.Program, settings labkit.Settings) (moves []transition, err error) {
	p, err := labkit.NewPair(labkit.Local, programs)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, d := range p.Directors {
				for _, log := range d.Log {
					err = fmt.Errorf("%w\n%s on %s:\n%s", err, d.Program.Name, d.Host.Name, log.Tail(30))
				}
			}
		}
		err = errors.Join(err, p.Close())
	}()
	d1, d2 := p.Directors[0], p.Directors[1]
	for i, d := range p.Directors {
		if err := d.Configure(settings.Render(i)); err != nil {
			return nil, err
		}
	}
	first := func(host string, since time.Time) (testlan.Advert, error) {
		return p.Capture.WaitAdvert(ctx, host, since, func(a testlan.Advert) bool { return a.Priority > 0 })
	}
	lastOf := func(host string) time.Time {
		adverts := p.Capture.Adverts(host, time.Time{})
		return adverts[len(adverts)-1].Time
	}
	measure := func(name string, from, to time.Time) {
		moves = append(moves, transition{name, to.Sub(from), p.Noise(from, time.Now()).Delay, ""})
	}
	// back waits for d1's return as master, and measures it, if the moment it counts from is one that d1 noticed, and how long
	// d2 went on.
	back := func(name string, from time.Time, timed bool) error {
		a, err := first("d1", from)
		if err != nil {
			return err
		}
		if timed {
			measure(name, from, a.Time)
		}
		if err := p.WaitHolder(ctx, 0); err != nil {
			return err
		}
		both := labkit.Rivalry(p.Capture.Adverts("d1", from), p.Capture.Adverts("d2", from), settings.ActiveDown())
		measure(name+", backup gives way", a.Time, a.Time.Add(both))
		if both > 50*time.Millisecond {
			moves[len(moves)-1].seen = fmt.Sprintf("\nd1 sent %+v\nd2 sent %+v\nd2 says\n%s",
				p.Capture.Adverts("d1", from), p.Capture.Adverts("d2", from), d2.Log[len(d2.Log)-1].Tail(30))
		}
		return nil
	}
	// settled waits until d1 alone sends, and returns since when: an advert of d2 that crossed the one to which it gave way is no
	// take-over.
	settled := func() (alone time.Time, err error) {
		if adverts := p.Capture.Adverts("d2", time.Time{}); len(adverts) > 0 {
			alone = adverts[len(adverts)-1].Time
		}
		a, err := first("d1", alone)
		if err == nil {
			_, err = first("d1", a.Time.Add(1))
		}
		return alone, err
	}
	// gone waits for d2's take-over and measures the silence before it, which began with one of d1's adverts since it is alone, none
	// later than the fault was complete: a fault takes time, and nobody but d2 knows which of the adverts sent meanwhile it heard.
	gone := func(name string, alone, last, complete time.Time) error {
		a, err := first("d2", last)
		if err != nil {
			return err
		}
		down := settings.ActiveDown()
		heard := slices.DeleteFunc(p.Capture.Adverts("d1", alone), func(a testlan.Advert) bool { return a.Time.After(complete) })
		silence := labkit.Silence(heard, a.Time)
		for ; silence < down-time.Millisecond && len(heard) > 1 && heard[len(heard)-1].Time.After(last); heard = heard[:len(heard)-1] {
			silence = labkit.Silence(heard[:len(heard)-1], a.Time)
		}
		moves = append(moves, transition{name, silence, p.Noise(last, time.Now()).Delay, ""})
		return nil
	}

	says := func(d *labkit.Director, text string, since time.Time) error {
		return testlan.Until(ctx, d.Host.Name+" says "+text, func() error {
			if _, found := d.Log[len(d.Log)-1].Find(text, since); !found {
				return errors.New("not yet")
			}
			return nil
		})
	}
	// start starts d1 and returns when its virtual router came to life: how long a program takes to get there is its own affair.
	start := func() (time.Time, error) {
		if err := d1.Start(); err != nil {
			return time.Time{}, err
		}
		return p.Capture.WaitJoin(ctx, "d1", d1.Process.Started, netip.AddrFrom4([4]byte{224, 0, 0, 18}))
	}

	started, err := start()
	if err != nil {
		return nil, err
	}
	if err := d2.Start(); err != nil {
		return nil, err
	}
	a, err := first("d1", started)
	if err != nil {
		return nil, err
	}
	measure("start alone", started, a.Time)
	if err := p.WaitHolder(ctx, 0); err != nil {
		return nil, err
	}
	// Nobody takes over who is still on his way: an emulated machine that reads a program for the first time takes seconds.
	if _, err := p.Capture.WaitJoin(ctx, "d2", d2.Process.Started, netip.AddrFrom4([4]byte{224, 0, 0, 18})); err != nil {
		return nil, err
	}

	if err := says(d2, "Entering BACKUP STATE", d2.Process.Started); err != nil {
		return nil, err
	}
	stopped := time.Now()
	if err := d1.Stop(); err != nil {
		return nil, err
	}
	zero, err := p.Capture.WaitAdvert(ctx, "d1", stopped, func(a testlan.Advert) bool { return a.Priority == 0 })
	if err != nil {
		return nil, err
	}
	taken, err := first("d2", zero.Time)
	if err != nil {
		return nil, err
	}
	measure("master stopped", zero.Time, taken.Time)
	if started, err = start(); err != nil {
		return nil, err
	}
	if err := back("master returns", started, true); err != nil {
		return nil, err
	}

	alone, err := settled()
	if err != nil {
		return nil, err
	}
	d1.Kill()
	if err := gone("master killed", alone, lastOf("d1"), time.Now()); err != nil {
		return nil, err
	}
	if started, err = start(); err != nil {
		return nil, err
	}
	if err := back("killed master returns", started, true); err != nil {
		return nil, err
	}

	// Right after an advertisement, so that the last one before the fault is known.
	fault := func(name string, cut func() error, mend func() (time.Time, error), noticed bool) error {
		alone, err := settled()
		if err != nil {
			return err
		}
		last, err := first("d1", time.Now())
		if err != nil {
			return err
		}
		if err := cut(); err != nil {
			return err
		}
		if err := gone(name, alone, last.Time, time.Now()); err != nil {
			return err
		}
		if noticed {
			if err := says(d1, "Entering FAULT STATE", last.Time); err != nil {
				return err
			}
		}
		mended, err := mend()
		if err != nil {
			return err
		}
		return back(name+" and mended", mended, noticed)
	}
	seen := func() (time.Time, error) { return d1.Cable.MendAndSee(ctx) }
	if err := fault("cable cut", d1.Cable.Cut, seen, true); err != nil {
		return nil, err
	}
	unblock := func() (time.Time, error) { err := d1.Cable.Unblock(); return time.Now(), err }
	return moves, fault("frames lost", d1.Cable.Block, unblock, false)
}

// Vigil beside keepalived, in either role, and beside itself, moves the mastership at the times at which keepalived beside
// keepalived does, but for what the machine adds to either. The reference is measured at the same time on the same machine.
func TestTransitionsLikeKeepalived(t *testing.T) {
	onHost(t)
	for _, settings := range []labkit.Settings{
		usual(labkit.Local),
		{Mode: labkit.Local, Version: 3, Advert: "0.2", Priority: [2]int{150, 100}},
	} {
		t.Run(fmt.Sprintf("v%d every %ss", settings.Version, settings.Advert), func(t *testing.T) {
			pairs := []string{"vigil+keepalived", "keepalived+vigil", "vigil+vigil"}
			if list := os.Getenv("VIGIL_PAIRS"); list != "" {
				pairs = strings.Split(list, ",")
			}
			reference, measured := lives(t, settings, pairs)
			for i, want := range reference {
				line := fmt.Sprintf("%-45s keepalived+keepalived %5d ms", want.name, want.took.Milliseconds())
				for k, pair := range pairs {
					got := measured[k][i]
					line += fmt.Sprintf("  %s %5d ms", pair, got.took.Milliseconds())
					allowed := labkit.Noise{Delay: want.noise + got.noise}.Allowance()
					if (got.took - want.took).Abs() > allowed {
						t.Errorf("%s: %s took %v, keepalived with keepalived %v, want within %v%s", pair, want.name, got.took, want.took, allowed, got.seen)
					}
				}
				t.Log(line)
			}
		})
	}
}

// lives measures keepalived beside keepalived and the pairs, all at the same time.
func lives(t *testing.T, settings labkit.Settings, pairs []string) (reference []transition, measured [][]transition) {
	t.Helper()
	measured = make([][]transition, len(pairs))
	errs := make([]error, len(pairs)+1)
	k := program(t, "keepalived")
	ctx := wait(t)
	var under sync.WaitGroup
	under.Go(func() { reference, errs[len(pairs)] = life(ctx, [2]labkit.Program{k, k}, settings) })
	for i, pair := range pairs {
		a, b, _ := strings.Cut(pair, "+")
		programs := [2]labkit.Program{program(t, a), program(t, b)}
		under.Go(func() { measured[i], errs[i] = life(ctx, programs, settings) })
	}
	under.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return reference, measured
}
