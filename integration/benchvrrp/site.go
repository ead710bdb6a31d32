package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// hung is when something that is expected is given up.
const hung = 3 * time.Minute

// site is two directors with the same interfaces, eth0 and on, each on a segment of its own.
type site struct {
	lab       *testlan.Lab
	segments  []*testlan.Segment
	directors [2]*labkit.Director
	capture   *testlan.Capture
	unheard   []*testlan.Host // who is not in capture
}

// newSite wires it up. more adds hosts before the wires are watched. Close it, also after an error.
func newSite(p labkit.Program, links int, more func(*site) error) (*site, error) {
	lab, err := testlan.New()
	if err != nil {
		return nil, err
	}
	s := &site{lab: lab}
	if err := s.build(p, links, more); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *site) close() error { return s.lab.Close() }

func (s *site) build(p labkit.Program, links int, more func(*site) error) error {
	for i := range links {
		segment, err := s.lab.Segment(fmt.Sprintf("lan%d", i))
		if err != nil {
			return err
		}
		s.segments = append(s.segments, segment)
	}
	for d := range s.directors {
		h, err := s.lab.Host(fmt.Sprintf("d%d", d+1))
		if err != nil {
			return err
		}
		var cables []*testlan.Cable
		for i, segment := range s.segments {
			cable, err := h.Attach(segment, fmt.Sprintf("eth%d", i), directorAddress(d, i), directorAddress6(d, i))
			if err != nil {
				return err
			}
			cables = append(cables, cable)
		}
		if s.directors[d], err = labkit.NewDirector(s.lab, h, p); err != nil {
			return err
		}
		s.directors[d].Cable = cables[0]
	}
	if more != nil {
		if err := more(s); err != nil {
			return err
		}
	}
	var err error
	s.capture, err = s.lab.Capture(s.unheard...)
	return err
}

// directorAddress is that of director d, from 0, on interface i.
func directorAddress(d, i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(i), byte(d + 1)}), 24)
}

func directorAddress6(d, i int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("fd00:77:%d::%d/64", i, d+1))
}

// start configures a director and starts it.
func (s *site) start(d int, config string) error {
	if err := s.directors[d].Configure(config); err != nil {
		return err
	}
	return s.directors[d].Start()
}

// said waits until a director has written lines with the text n times since a moment, and returns when the last of them came.
func (s *site) said(ctx context.Context, d int, text string, since time.Time, n int) (at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, hung)
	defer cancel()
	err = patiently(ctx, fmt.Sprintf("d%d says %q %d times", d+1, text, n), func() error {
		seen := 0
		for _, line := range s.directors[d].Process.Log.Lines() {
			if !line.Time.Before(since) && strings.Contains(line.Text, text) {
				if seen++; seen == n {
					at = line.Time
					return nil
				}
			}
		}
		return errors.Join(fmt.Errorf("%d times", seen), s.directors[d].Running())
	})
	return at, err
}

// heard waits until a director speaks for n virtual routers since a moment.
func (s *site) heard(ctx context.Context, d int, since time.Time, n int) error {
	ctx, cancel := context.WithTimeout(ctx, hung)
	defer cancel()
	return patiently(ctx, fmt.Sprintf("d%d is master of %d", d+1, n), func() error {
		if have := len(firstAdverts(s.capture.Adverts(s.name(d), since))); have < n {
			return errors.Join(fmt.Errorf("of %d", have), s.directors[d].Running())
		}
		return nil
	})
}

func (s *site) name(d int) string { return s.directors[d].Host.Name }

// patiently looks again and again, but not so often that it disturbs what is looked at.
func patiently(ctx context.Context, what string, cond func() error) error {
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// used is what share of one processor a program uses in a window of time, in percent.
func used(ctx context.Context, p *testlan.Process, window time.Duration) (float64, error) {
	before, began := p.CPU(), time.Now()
	err := pause(ctx, window)
	return 100 * (p.CPU() - before).Seconds() / time.Since(began).Seconds(), err
}
