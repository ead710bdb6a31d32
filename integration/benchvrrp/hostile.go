package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// moreMemory is by how many MB a master may grow: as much as its collector lets lie about before it first looks. Of two hundred thousand
// packets it is twenty bytes each, of ten thousand sources four hundred.
const moreMemory = 4

// mostLost is how much of an attack, in percent, a kernel may keep from the master's sockets: what does not arrive shows nothing.
const mostLost = 50

const (
	// linesPerMinute is how many lines both directors may write of what they refuse or ignore: of the first sixteen sources that each
	// hears and of all the others as one, eight in a minute.
	linesPerMinute = 2 * (16 + 1) * 8
	// linesPerRound is how many the master writes of a round of announcements: that it is due, and five times each address.
	linesPerRound = 1 + 5
)

// linesAllowed is how many lines there may be in a time, the details among them. The minute of a source begins with its first line;
// a lower master is answered with a round of announcements once in half an interval, however often it is heard.
func (a attack) linesAllowed(d time.Duration) int {
	n := linesPerMinute * (1 + int(d/time.Minute))
	if a.answered {
		n += linesPerRound * (1 + int(2*d/a.interval()))
	}
	return n
}

// measureHostile has a third host on the LAN of a pair send what must change nothing, each attack to a pair of its own.
func measureHostile(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	for _, a := range attacks {
		list, err := a.measure(ctx, s, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		figures = append(figures, list...)
	}
	return figures, nil
}

func (a attack) measure(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	var st *station
	site, err := newSite(p, 1, func(s *site) (err error) {
		st, err = newStation(s, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := errors.Join(st.close(), site.close()); err == nil {
			err = e
		}
	}()
	for d, director := range site.directors {
		// Forged sources are those of nobody: no filter of the kernel is to help.
		for _, of := range []string{"all", "eth0"} {
			if err := director.Host.Sysctl("net/ipv4/conf/"+of+"/rp_filter", "0"); err != nil {
				return nil, err
			}
		}
		if err := site.start(d, "global_defs {\n  router_id bench\n"+indent(s.globals)+"}\n"+a.config(d)); err != nil {
			return nil, err
		}
	}
	if _, err := site.said(ctx, 0, "Entering MASTER STATE", site.directors[0].Process.Started, 1); err != nil {
		return nil, err
	}
	if err := pause(ctx, settled); err != nil {
		return nil, err
	}
	return a.look(ctx, s, site, st)
}

// look attacks a pair and looks at what comes of it.
func (a attack) look(ctx context.Context, s scale, site *site, st *station) ([]figure, error) {
	d1, d2 := site.directors[0], site.directors[1]
	quiet := time.Now()
	if err := pause(ctx, settled); err != nil {
		return nil, err
	}
	memory, cpu1, cpu2 := d1.Process.Memory(), d1.Process.CPU(), d2.Process.CPU()
	arrived, err := deliveries(d1.Host)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	sent, err := flood(ctx, st.send, s.rate, s.attack)
	if err != nil {
		return nil, err
	}
	ended := time.Now()
	took := ended.Sub(began).Seconds()
	cpu1, cpu2 = d1.Process.CPU()-cpu1, d2.Process.CPU()-cpu2
	memory = d1.Process.Memory() - memory
	after, err := deliveries(d1.Host)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, takenOver); err != nil { // whoever believed in silence has acted on it
		return nil, err
	}
	if err := errors.Join(d1.Running(), d2.Running()); err != nil {
		return nil, err
	}
	changes, lines := 0, 0
	for _, d := range site.directors {
		list := d.Process.Log.Lines()
		changes, lines = changes+changesOfState(list, began), lines+linesSince(list, began)
	}
	before, while := between(site.capture.Adverts("d1", quiet), began), site.capture.Adverts("d1", began)
	late := lateAdverts(while, a.interval())
	name := a.name + ": "
	return []figure{
		number(name+"changes of state", changes, 0),
		milliseconds(name+"adverts of the master late, 99 %", late.p99, 5*time.Millisecond),
		told(name+"adverts late, latest", float64(late.max.Microseconds())/1000, "ms"),
		told(name+"adverts late before, latest", float64(lateAdverts(before, a.interval()).max.Microseconds())/1000, "ms"),
		{name + "memory of the master, more than before", memory, "MB", moreMemory},
		number(name+"lines in both logs", lines, a.linesAllowed(ended.Sub(began)+takenOver)),
		told(name+"packets sent in a second", float64(sent)/took, ""),
		{name + "of them lost on the way to the master", 100 * float64(sent-(after-arrived)) / float64(sent), "%", mostLost},
		told(name+"adverts of the master in a second", float64(len(between(while, ended)))/took, ""),
		told(name+"CPU of the master, of one core", 100*cpu1.Seconds()/took, "%"),
		told(name+"CPU of the backup, of one core", 100*cpu2.Seconds()/took, "%"),
	}, nil
}

// changesOfState counts what a log says of them since a moment.
func changesOfState(lines []testlan.Line, since time.Time) (n int) {
	for _, line := range lines {
		if !line.Time.Before(since) && strings.Contains(line.Text, ") Entering ") {
			n++
		}
	}
	return n
}

func linesSince(lines []testlan.Line, since time.Time) (n int) {
	for _, line := range lines {
		if !line.Time.Before(since) {
			n++
		}
	}
	return n
}
