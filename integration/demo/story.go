package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"vigil/integration/labkit"
)

// scene is one thing that is done to the pair, and what the client lost by it.
type scene struct {
	title string
	act   func(ctx context.Context) error // returns when the effect has been seen
}

// story brings everything up, plays the scenes and prints the sum.
func story(ctx context.Context, daemon string, colored bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 80*time.Second)
	defer cancel()
	fmt.Print(`
  client 192.0.2.200  ──►  192.0.2.100  on the master of  d1 (priority 150)  and  d2 (priority 100)  ──►  web servers rs1, rs2

  The client makes a new connection every 20 ms. One mark is one request: 1 or 2 is the server that answered, x is a loss.

`)
	p, err := labkit.NewPair(labkit.DR, programs(daemon))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			for _, d := range p.Directors {
				for _, log := range d.Log {
					fmt.Printf("-- %s\n%s", d.Host.Name, log.Tail(15))
				}
			}
		}
		err = errors.Join(err, p.Close())
	}()
	fmt.Println("Starting both directors; the first becomes master when it has heard nobody for three intervals …")
	settings := labkit.Settings{Mode: labkit.DR, Version: 2, Advert: "1", Pass: true, Priority: [2]int{150, 100}, Often: true}
	if err := p.Up(ctx, settings); err != nil {
		return err
	}
	s := newScreen(os.Stdout, colored)
	prober, err := labkit.StartProber(p.Client, labkit.HTTP, labkit.Interval, s.request)
	if err != nil {
		s.close()
		return err
	}
	type row struct {
		title  string
		report labkit.Report
	}
	var rows []row
	s.say("d1 is master")
	err = pause(ctx, 3*time.Second)
	for _, scene := range scenes(p, s) {
		if err != nil {
			break
		}
		from := time.Now()
		s.say("── %s ──", scene.title)
		if err = scene.act(ctx); err != nil {
			err = fmt.Errorf("%s: %w", scene.title, err)
			break
		}
		err = pause(ctx, 2500*time.Millisecond) // long enough that the last request of the scene has ended
		rows = append(rows, row{scene.title, s.report(from, time.Now().Add(-settle))})
	}
	_, stopErr := prober.Stop()
	s.close()
	if err = errors.Join(err, stopErr); err != nil {
		return err
	}
	fmt.Printf("\n  %-38s %9s  %6s  %s\n", "what happened", "requests", "lost", "longest silence")
	for _, r := range rows {
		fmt.Printf("  %-38s %9d  %6d  %10.2f s\n", r.title, r.report.Requests, r.report.Failed, r.report.Gap.Seconds())
	}
	fmt.Println()
	return nil
}

func scenes(p *labkit.Pair, s *screen) []scene {
	d1, rs2 := p.Directors[0], p.Servers[1]
	destinations := func(ctx context.Context, n int, text string) error {
		if err := p.WaitDestinations(ctx, 0, n); err != nil {
			return err
		}
		s.say("%s", text)
		return nil
	}
	holder := func(ctx context.Context, i int) error {
		if err := p.WaitHolder(ctx, i); err != nil {
			return errors.Join(err, p.Directors[i].Running())
		}
		s.say("d%d is master", i+1)
		return nil
	}
	return []scene{
		{"web server rs2 is killed", func(ctx context.Context) error {
			rs2.Process.Kill()
			return destinations(ctx, 1, "the health check has failed twice: rs2 is out of the table")
		}},
		{"web server rs2 returns", func(ctx context.Context) error {
			if err := rs2.Start(); err != nil {
				return err
			}
			return destinations(ctx, 2, "the health check succeeds: rs2 is back in the table")
		}},
		{"the master d1 is stopped (SIGTERM)", func(ctx context.Context) error {
			if err := d1.Terminate(); err != nil {
				return err
			}
			if err := holder(ctx, 1); err != nil {
				return err
			}
			return d1.Process.Wait(ctx)
		}},
		{"d1 is started and takes back", func(ctx context.Context) error {
			if err := d1.Start(); err != nil {
				return err
			}
			return holder(ctx, 0)
		}},
		{"the cable of the new master d1 is cut", func(ctx context.Context) error {
			if err := d1.Cable.Cut(); err != nil {
				return err
			}
			return holder(ctx, 1)
		}},
		{"the cable is mended", func(ctx context.Context) error {
			if err := d1.Cable.Mend(); err != nil {
				return err
			}
			return holder(ctx, 0)
		}},
	}
}

// pause lets the client go on.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
