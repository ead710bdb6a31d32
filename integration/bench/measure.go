package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/moby/ipvs"
	"golang.org/x/sys/unix"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// scale is the size of the configuration.
type scale struct {
	services, servers int
	window            time.Duration // of the health checks
}

func (s scale) destinations() int { return s.services * s.servers }

// config writes the configuration; the first omit real servers of the first service are left out. All real servers are
// loopback addresses, and one listener answers for all.
func (s scale) config(delayLoop time.Duration, omit int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n  router_id bench\n}\n")
	for i := range s.services {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.%d 80 {\n  delay_loop %d\n  lb_algo wrr\n  lb_kind NAT\n  protocol TCP\n", 100+i>>16, i>>8&255, i&255,
			int(delayLoop.Seconds()))
		for k := range s.servers {
			if i == 0 && k < omit {
				continue
			}
			fmt.Fprintf(&b, "  real_server 127.%d.%d.%d 8080 {\n    weight 1\n    TCP_CHECK {\n      connect_timeout 3\n      retry 1\n      delay_before_retry 1\n    }\n  }\n",
				1+k, i>>8&255, i&255)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// result is what one program needed.
type result struct {
	programmed  time.Duration // from its start until the kernel has every destination
	memory      float64       // resident, MB, after that
	reloadCPU   time.Duration
	dropped     time.Duration // from SIGHUP until the kernel shows it
	memoryAfter float64
	stopped     time.Duration
	left        int           // destinations after the stop
	perCheck    time.Duration // CPU
}

// bench is one program on a host of its own.
type bench struct {
	scale
	program labkit.Program
	host    *testlan.Host
	dir     string
	process *testlan.Process
	checks  atomic.Int64 // connections accepted
}

func measure(ctx context.Context, s scale, program labkit.Program) (r result, err error) {
	fmt.Printf("measuring %s", program.Name)
	defer fmt.Println()
	lab, err := testlan.New()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	host, err := lab.Host("bench")
	if err != nil {
		return r, err
	}
	b := &bench{scale: s, program: program, host: host, dir: lab.Dir()}
	if err := errors.Join(host.Sysctl("net/ipv4/ip_local_port_range", "1024 65000"), host.Sysctl("net/ipv4/tcp_tw_reuse", "1")); err != nil {
		return r, err
	}
	var l net.Listener
	if err := host.Do(func() (err error) { l, err = net.Listen("tcp4", ":8080"); return err }); err != nil {
		return r, err
	}
	defer l.Close()
	go b.answer(l)

	// First with checks so rare that they do not count.
	const rarely = time.Hour
	if r.programmed, err = b.start(ctx, rarely); err != nil {
		return r, err
	}
	fmt.Print(" .")
	if err := b.quiet(ctx, 0); err != nil {
		return r, err
	}
	r.memory = b.process.Memory()
	idle, err := b.idle(ctx)
	if err != nil {
		return r, err
	}
	before, since := b.process.CPU(), time.Now()
	if err := b.process.Signal(syscall.SIGHUP); err != nil {
		return r, err
	}
	if err := b.quiet(ctx, idle); err != nil {
		return r, err
	}
	// What it would have used anyway is not the reload's.
	r.reloadCPU = max(b.process.CPU()-before-time.Duration(idle.Seconds()*float64(time.Since(since))), 0)
	fmt.Print(" .")
	if r.dropped, err = b.drop(ctx, rarely); err != nil {
		return r, err
	}
	if err := b.quiet(ctx, idle); err != nil {
		return r, err
	}
	r.memoryAfter = b.process.Memory()
	fmt.Print(" .")
	if r.stopped, r.left, err = b.stop(ctx); err != nil {
		return r, err
	}
	fmt.Print(" .")

	// Then with checks that are spread evenly over a minute.
	if _, err := b.start(ctx, time.Minute); err != nil {
		return r, err
	}
	if err := sleep(ctx, 10*time.Second); err != nil {
		return r, err
	}
	cpu, checks := b.process.CPU(), b.checks.Load()
	if err := sleep(ctx, b.window); err != nil {
		return r, err
	}
	cpu, checks = b.process.CPU()-cpu, b.checks.Load()-checks
	if checks == 0 {
		return r, errors.New(program.Name + " made no checks")
	}
	r.perCheck = cpu / time.Duration(checks)
	b.process.Kill()
	fmt.Printf(" %d checks", checks)
	return r, b.clear(ctx)
}

// answer takes connections and counts them.
func (b *bench) answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b.checks.Add(1)
		c.Close()
	}
}

func (b *bench) configure(delayLoop time.Duration, omit int) error {
	return os.WriteFile(filepath.Join(b.dir, "keepalived.conf"), []byte(b.config(delayLoop, omit)), 0o644)
}

// start starts the program and waits until the kernel's table is complete.
func (b *bench) start(ctx context.Context, delayLoop time.Duration) (time.Duration, error) {
	if err := b.configure(delayLoop, 0); err != nil {
		return 0, err
	}
	file := func(name string) string { return filepath.Join(b.dir, name) }
	argv := append(append([]string{}, b.program.Argv...), "-C", "-n", "-l", "-f", file("keepalived.conf"), "-p", file("p.pid"),
		"-c", file("c.pid"), "-r", file("r.pid"), "-b", file("b.pid"))
	p, err := b.host.Start(b.program.Name, nil, argv...)
	if err != nil {
		return 0, err
	}
	b.process = p
	return b.until(ctx, p.Started, b.destinations())
}

// until waits for a number of destinations and returns the time since a moment.
func (b *bench) until(ctx context.Context, since time.Time, want int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		have, err := labkit.Destinations(b.host)
		if err != nil {
			return 0, err
		}
		if have == want {
			return time.Since(since), nil
		}
		select {
		case <-b.process.Done():
			return 0, fmt.Errorf("%s ended with %d of %d destinations: %w\n%s", b.program.Name, have, want, b.process.Err(), b.process.Log.Tail(10))
		case <-ctx.Done():
			return 0, fmt.Errorf("%s has %d of %d destinations: %w", b.program.Name, have, want, ctx.Err())
		case <-time.After(50 * time.Millisecond): // reading the table is not free
		}
	}
}

// drop has the program read a file without the first real server, and waits until the kernel shows it. It asks for the
// one service that changes: reading the whole table again and again would keep a processor busy that the program needs.
func (b *bench) drop(ctx context.Context, delayLoop time.Duration) (took time.Duration, err error) {
	if err := b.configure(delayLoop, 1); err != nil {
		return 0, err
	}
	var table *ipvs.Handle
	if err := b.host.Do(func() (err error) { table, err = ipvs.New(""); return err }); err != nil {
		return 0, err
	}
	defer table.Close()
	first := &ipvs.Service{AddressFamily: unix.AF_INET, Protocol: unix.IPPROTO_TCP, Address: net.IPv4(10, 100, 0, 0), Port: 80,
		Netmask: 0xffffffff}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	at := time.Now()
	if err := b.process.Signal(syscall.SIGHUP); err != nil {
		return 0, err
	}
	for {
		dests, err := table.GetDestinations(first)
		if err != nil {
			return 0, err
		}
		if len(dests) == b.servers-1 {
			return time.Since(at), nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, fmt.Errorf("the first service has %d servers: %w", len(dests), err)
		}
	}
}

// stop ends the program in order, and clears what it has left.
func (b *bench) stop(ctx context.Context) (took time.Duration, left int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	at := time.Now()
	if err := b.process.Stop(ctx); err != nil && ctx.Err() != nil {
		return 0, 0, err
	}
	took = time.Since(at)
	if left, err = labkit.Destinations(b.host); err != nil {
		return 0, 0, err
	}
	b.process.Kill()
	return took, left, b.clear(ctx)
}

func (b *bench) clear(ctx context.Context) error {
	_, err := b.host.Output(ctx, "ipvsadm", "-C")
	return err
}

// quiet waits until the program has used next to no CPU beyond idle, its usual amount in a second, for two seconds.
func (b *bench) quiet(ctx context.Context, idle time.Duration) error {
	last := b.process.CPU()
	for calm := 0; calm < 2; {
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
		now := b.process.CPU()
		if now-last <= idle+50*time.Millisecond {
			calm++
		} else {
			calm = 0
		}
		last = now
	}
	return nil
}

// idle is the CPU that the program uses in a second when nothing is asked of it.
func (b *bench) idle(ctx context.Context) (time.Duration, error) {
	const seconds = 10
	before := b.process.CPU()
	err := sleep(ctx, seconds*time.Second)
	return (b.process.CPU() - before) / seconds, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
