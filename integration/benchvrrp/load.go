package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// hasty is the shortest interval that users have; a backup waits a little less than four of them.
const hasty = 50 * time.Millisecond

const (
	checkedPort   = 8080
	perService    = 100
	linesPerCheck = 5
)

// loadConfig has one virtual router, and, of the director that is loaded, real servers that are all one listener on loopback
// addresses. Each generation of the file gives other weights to one server of each virtual server.
func loadConfig(s scale, priority, checks, generation int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id bench\n%s}\nvrrp_instance V {\n  state BACKUP\n  interface eth0\n  virtual_router_id 51\n  version 3\n"+
		"  priority %d\n  advert_int %v\n  virtual_ipaddress {\n    10.100.0.1/32\n  }\n}\n", indent(s.globals), priority, hasty.Seconds())
	for i := range checks {
		service, server := i/perService, i%perService
		if server == 0 {
			if service > 0 {
				b.WriteString("}\n")
			}
			fmt.Fprintf(&b, "virtual_server 10.101.%d.%d 80 {\n  delay_loop 1\n  lb_algo wrr\n  lb_kind NAT\n  protocol TCP\n", service>>8, service&255)
		}
		weight := 1
		if server == generation%perService {
			weight = 2
		}
		fmt.Fprintf(&b, "  real_server 127.%d.%d.%d %d {\n    weight %d\n    TCP_CHECK {\n    }\n  }\n", 1+server, service>>8, service&255, checkedPort, weight)
	}
	if checks > 0 {
		b.WriteString("}\n")
	}
	return b.String()
}

// loaded is director 1 at work.
type loaded struct {
	scale
	site     *site
	listener net.Listener // of all servers
	answers  atomic.Int64 // connections of checks
}

// measureLoad keeps director 1 busy with checks and reloads, on a machine that has no time for more. Director 2 must not think
// that it has died.
func measureLoad(ctx context.Context, s scale, p labkit.Program) ([]figure, error) {
	return withServers(ctx, s, p, s.checks, (*loaded).reload)
}

// withServers has director 1 master with so many real servers, director 2 its backup, and measures.
func withServers(ctx context.Context, s scale, p labkit.Program, n int, measure func(*loaded, context.Context) ([]figure, error)) (figures []figure, err error) {
	if haveIPVS := testlan.HaveIPVS(); haveIPVS != nil {
		if p.Name != labkit.Vigil("").Name {
			return nil, fmt.Errorf("%w: %w", errCannot, haveIPVS)
		}
		if p, err = standIn(); err != nil {
			return nil, err
		}
		fmt.Println("  this kernel has no IPVS: the daemon has its table in memory")
	}
	site, err := newSite(p, 1, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := site.close(); err == nil {
			err = e
		}
	}()
	l := &loaded{scale: s, site: site}
	if err := l.listen(); err != nil {
		return nil, err
	}
	if err := site.start(1, loadConfig(s, 100, 0, 0)); err != nil {
		return nil, err
	}
	if err := site.start(0, loadConfig(s, 200, n, 0)); err != nil {
		return nil, err
	}
	if err := site.heard(ctx, 0, site.directors[0].Process.Started, 1); err != nil {
		return nil, err
	}
	if err := pause(ctx, settled); err != nil {
		return nil, err
	}
	return measure(l, ctx)
}

// listen answers the checks.
func (l *loaded) listen() error {
	h := l.site.directors[0].Host
	for key, value := range map[string]string{"ip_local_port_range": "1024 65000", "tcp_tw_reuse": "1"} {
		if err := h.Sysctl("net/ipv4/"+key, value); err != nil {
			return err
		}
	}
	return h.Do(func() error {
		listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", checkedPort))
		if err != nil {
			return err
		}
		l.listener = listener
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				l.answers.Add(1)
				c.Close()
			}
		}()
		return nil
	})
}

// reload has director 1 read its configuration again and again.
func (l *loaded) reload(ctx context.Context) ([]figure, error) {
	d1 := l.site.directors[0]
	began, answers, busy := time.Now(), l.answers.Load(), busyProcessors()
	asked := 0
	for next := began; time.Since(began) < l.lasts; next = next.Add(l.reloads) {
		asked++
		if err := d1.Configure(loadConfig(l.scale, 200, l.checks, asked)); err != nil {
			return nil, err
		}
		if err := d1.Reload(); err != nil {
			return nil, err
		}
		if err := pause(ctx, min(max(0, time.Until(next.Add(l.reloads))), max(0, l.lasts-time.Since(began)))); err != nil {
			return nil, err
		}
	}
	ended := time.Now()
	took := ended.Sub(began).Seconds()
	rate := float64(l.answers.Load()-answers) / took
	share := (busyProcessors() - busy).Seconds() / took / float64(runtime.NumCPU())
	reloads := 0
	for _, line := range d1.Process.Log.Lines() {
		if line.Time.After(began) && strings.Contains(line.Text, "Reload complete") {
			reloads++
		}
	}
	master := between(l.site.capture.Adverts("d1", began), ended)
	usurped := between(l.site.capture.Adverts("d2", began), ended)
	late := lateAdverts(master, hasty)
	if err := d1.Running(); err != nil {
		return nil, err
	}
	return []figure{
		number("false fail-overs", len(episodes(usurped)), 0),
		told("adverts of the usurper", float64(len(usurped)), ""),
		told("adverts of the master late, 99 %", float64(late.p99.Microseconds())/1000, "ms"),
		told("adverts of the master late, latest", float64(late.max.Microseconds())/1000, "ms"),
		told("a fail-over when late by", float64((2*hasty+hasty*156/256).Microseconds())/1000, "ms"),
		told("time that was watched", took, "s"),
		told("checks in a second", rate, ""),
		told("lines of the configuration", float64(linesPerCheck*l.checks), ""),
		told("reloads done", float64(reloads), ""),
		told("reloads asked for", float64(asked), ""),
		told("processors busy", 100*share, "%"),
		told("memory", d1.Process.Memory(), "MB"),
	}, nil
}

// episodes are when somebody began to be master: after a silence of a second, or at first.
func episodes(adverts []testlan.Advert) (list []time.Time) {
	var last time.Time
	for _, a := range adverts {
		if a.Priority > 0 && a.Time.Sub(last) > time.Second {
			list = append(list, a.Time)
		}
		last = a.Time
	}
	return list
}

// busyProcessors is how long all processors together have done something.
func busyProcessors() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(text), "\n")
	ticks := 0
	for i, field := range strings.Fields(first) {
		const idle, waiting, steal = 4, 5, 8
		if i == 0 || i == idle || i == waiting || i >= steal {
			continue
		}
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
