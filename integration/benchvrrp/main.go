// Command benchvrrp measures virtual routers at the edge of what they are asked to do, in network namespaces on this machine:
// a thousand of them, many addresses at once, programs and peers that are slow, masters that are stopped or cut off, somebody who
// floods the LAN, a machine that is overloaded. Each figure is printed beside its bar; exit status 1 says that a bar is missed. The
// bars are for a machine that has nothing else to do: what it does to who asks for nothing is printed with each measurement.
//
//	benchvrrp [-vigil bin/keepalived] [-keepalived /usr/sbin/keepalived|off] [-list] [options] [measurement ...]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"vigil/integration/debian"
	"vigil/integration/labkit"
)

// scale is how much is asked.
type scale struct {
	instances, links int           // of scale
	window           time.Duration // that is looked at while nothing happens
	takeovers        int           // of addresses
	programs, flaps  int           // of slow
	sleeps           time.Duration // that a program takes
	requests         int           // of outage, for each form
	forms            string        // of outage; "" is all
	cuts             int           // of each pair, for each fault
	rate             int           // of hostile, packets in a second
	attack           time.Duration // how long each takes
	lasts            time.Duration // load
	checks           int           // in a second
	reloads          time.Duration // between two of them
	servers          int           // of failing
	globals          string        // more lines for global_defs
}

func (s *scale) flags(fs *flag.FlagSet) {
	fs.IntVar(&s.instances, "instances", 1000, "scale: virtual routers")
	fs.IntVar(&s.links, "links", 4, "scale: interfaces that they are on")
	fs.DurationVar(&s.window, "window", 30*time.Second, "scale: how long adverts and CPU are watched in each state")
	fs.IntVar(&s.takeovers, "takeovers", 10, "addresses: how often 255 addresses move")
	fs.IntVar(&s.programs, "programs", 200, "slow: virtual routers, each with a notify script that sleeps")
	fs.IntVar(&s.flaps, "flaps", 30, "slow: how often they fail and come back")
	fs.DurationVar(&s.sleeps, "sleeps", 10*time.Second, "slow: how long each script sleeps")
	fs.IntVar(&s.requests, "requests", 2000, "outage: requests of each form around the stops")
	fs.StringVar(&s.forms, "forms", "", "outage: only these `forms`, separated by commas")
	fs.IntVar(&s.cuts, "cuts", 20, "cut: how often the cable of each master is cut, for each fault")
	fs.IntVar(&s.rate, "rate", 10_000, "hostile: packets in a second")
	fs.DurationVar(&s.attack, "attack", 20*time.Second, "hostile: how long each attack takes")
	fs.DurationVar(&s.lasts, "lasts", 10*time.Minute, "load: how long")
	fs.IntVar(&s.checks, "checks", 20_000, "load: real servers, each checked every second, five lines of the configuration each")
	fs.DurationVar(&s.reloads, "reloads", 5*time.Second, "load: time between two reloads")
	fs.IntVar(&s.servers, "servers", 10_000, "failing: real servers, each checked every second")
	fs.StringVar(&s.globals, "globals", "", "more `lines` for global_defs of every configuration, as in 'vrrp_rt_priority 50'")
}

// measurement is one that can be asked for by its name.
type measurement struct {
	name, about string
	run         func(ctx context.Context, s scale, p labkit.Program) ([]figure, error)
}

var measurements = []measurement{
	{"scale", "many virtual routers on one host, a second between adverts: on time, how much CPU and memory, start, fail-over", measureScale},
	{"addresses", "255 addresses move at once", measureAddresses},
	{"slow", "notify scripts that sleep, a FIFO that nobody reads, a mail server that never answers", measureSlow},
	{"outage", "requests around the stop of a master, and its return, in every form of virtual router", measureOutage},
	{"cut", "the cable of a master is cut at a random moment: the backup takes over within what the protocol asks for, and 20 ms", measureCut},
	{"hostile", "a host on the LAN floods a pair with junk, forged adverts, wrong passwords, adverts from 10000 addresses", measureHostile},
	{"load", "advert_int 0.05 while checks and reloads keep all processors busy: no false fail-over", measureLoad},
	{"failing", "advert_int 0.05 while ten thousand real servers fail within a second, and come back", measureFailing},
}

func main() {
	labkit.Main()
	standInMain()
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchvrrp:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

func run() (int, error) {
	vigil := flag.String("vigil", "bin/keepalived", "the program under test")
	keepalived := flag.String("keepalived", "off", "a program to compare with, or off; its figures have no bars")
	list := flag.Bool("list", false, "say which measurements there are")
	var s scale
	s.flags(flag.CommandLine)
	flag.Parse()
	if *list {
		for _, m := range measurements {
			fmt.Printf("%-10s %s\n", m.name, m.about)
		}
		return 0, nil
	}
	chosen, err := choose(flag.Args())
	if err != nil {
		return 0, err
	}
	path, err := filepath.Abs(*vigil)
	if err != nil {
		return 0, err
	}
	programs := []labkit.Program{labkit.Vigil(path)}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *keepalived != "off" {
		if err := debian.Install(ctx, os.Stdout, debian.Peers...); err != nil {
			return 0, err
		}
		programs = append(programs, labkit.Program{Name: "keepalived", Argv: []string{*keepalived}})
	}
	status := 0
	for _, m := range chosen {
		missed, err := compare(ctx, m, s, programs)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.name, err)
		}
		if missed {
			status = 1
		}
	}
	return status, nil
}

// choose returns the measurements that are named, all of them if none is.
func choose(names []string) ([]measurement, error) {
	if len(names) == 0 {
		return measurements, nil
	}
	var chosen []measurement
	for _, name := range names {
		i := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no measurement %q; -list says which there are", name)
		}
		chosen = append(chosen, measurements[i])
	}
	return chosen, nil
}

// errCannot is why a program is not measured.
var errCannot = errors.New("cannot be measured here")

// compare makes a measurement with each program, and prints its figures. missed says that the first one misses a bar.
func compare(ctx context.Context, m measurement, s scale, programs []labkit.Program) (missed bool, err error) {
	fmt.Printf("\n%s: %s\n", m.name, m.about)
	var columns [][]figure
	var names []string
	for _, p := range programs {
		began := time.Now()
		noise, err := watchNoise()
		if err != nil {
			return false, err
		}
		figures, err := m.run(ctx, s, p)
		machine, noiseErr := noise.end()
		switch {
		case errors.Is(err, errCannot):
			fmt.Printf("  %s: %v\n", p.Name, err)
			continue
		case err != nil || noiseErr != nil:
			return false, fmt.Errorf("%s: %w", p.Name, errors.Join(err, noiseErr))
		}
		fmt.Printf("  %s took %v. Of the machine: %s\n", p.Name, time.Since(began).Round(time.Second), machine)
		columns, names = append(columns, figures), append(names, p.Name)
	}
	if len(columns) == 0 {
		return false, nil
	}
	fmt.Print(table(names, columns))
	return slices.ContainsFunc(columns[0], figure.missed) && names[0] == programs[0].Name, nil
}

// indent is lines, as they are written into a block.
func indent(lines string) string {
	if lines == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimRight(lines, "\n"), "\n", "\n  ") + "\n"
}
