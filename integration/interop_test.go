package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// transition is one measured time of a pair's life, between two moments that both kinds of program share.
type transition struct {
	name string
	took time.Duration
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
	measure := func(name string, from, to time.Time) { moves = append(moves, transition{name, to.Sub(from)}) }
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
		measure(name+", backup gives way", a.Time, a.Time.Add(rivalry(p, from)))
		return nil
	}
	// gone waits for d2's take-over, measured from a moment on the wire.
	gone := func(name string, from time.Time) error {
		a, err := first("d2", from)
		if err != nil {
			return err
		}
		measure(name, from, a.Time)
		return nil
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

	stopped := time.Now()
	if err := d1.Stop(); err != nil {
		return nil, err
	}
	zero, err := p.Capture.WaitAdvert(ctx, "d1", stopped, func(a testlan.Advert) bool { return a.Priority == 0 })
	if err != nil {
		return nil, err
	}
	if err := gone("master stopped", zero.Time); err != nil {
		return nil, err
	}
	if started, err = start(); err != nil {
		return nil, err
	}
	if err := back("master returns", started, true); err != nil {
		return nil, err
	}

	d1.Kill()
	if err := gone("master killed", lastOf("d1")); err != nil {
		return nil, err
	}
	if started, err = start(); err != nil {
		return nil, err
	}
	if err := back("killed master returns", started, true); err != nil {
		return nil, err
	}

	// Right after an advertisement, so that the last one before the fault is known.
	fault := func(name string, cut, mend func() error, noticed bool) error {
		last, err := first("d1", time.Now())
		if err != nil {
			return err
		}
		if err := cut(); err != nil {
			return err
		}
		if err := gone(name, last.Time); err != nil {
			return err
		}
		mended := time.Now()
		if err := mend(); err != nil {
			return err
		}
		return back(name+" and mended", mended, noticed)
	}
	if err := fault("cable cut", d1.Cable.Cut, d1.Cable.Mend, true); err != nil {
		return nil, err
	}
	return moves, fault("frames lost", d1.Cable.Block, d1.Cable.Unblock, false)
}

// Vigil beside Debian's keepalived, in either role, and beside itself, moves the mastership at the times at which keepalived
// beside keepalived does. The reference is measured at the same time on the same machine.
func TestTransitionsLikeKeepalived(t *testing.T) {
	onHost(t)
	const tolerance = 50 * time.Millisecond
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
			again := disagreeing(reference, measured, pairs, tolerance)
			if len(again) > 0 {
				for i, pair := range pairs {
					t.Logf("measuring once more: %s: %s", pair, strings.Join(compare(reference, measured[i], tolerance), "; "))
				}
				second, repeated := lives(t, settings, again)
				reference = second
				for i, pair := range again {
					for _, complaint := range compare(second, repeated[i], tolerance) {
						t.Errorf("%s: %s", pair, complaint)
					}
				}
			}
			for i, m := range reference { // what the first pass measured, or the repetition where there was one
				line := fmt.Sprintf("%-45s keepalived+keepalived %5d ms", m.name, m.took.Milliseconds())
				for k, pair := range pairs {
					if i < len(measured[k]) {
						line += fmt.Sprintf("  %s %5d ms", pair, measured[k][i].took.Milliseconds())
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
	ctx := within(t, 90*time.Second)
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

func disagreeing(reference []transition, measured [][]transition, pairs []string, tolerance time.Duration) []string {
	var again []string
	for i, pair := range pairs {
		if len(compare(reference, measured[i], tolerance)) > 0 {
			again = append(again, pair)
		}
	}
	return again
}

func compare(reference, measured []transition, tolerance time.Duration) []string {
	var complaints []string
	for i, want := range reference {
		if got := measured[i]; (got.took - want.took).Abs() > tolerance {
			complaints = append(complaints, fmt.Sprintf("%s took %v, keepalived with keepalived %v, want within %v", want.name, got.took, want.took, tolerance))
		}
	}
	return complaints
}
