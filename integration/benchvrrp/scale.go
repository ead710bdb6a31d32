package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"vigil/integration/labkit"
)

// settled is how long after a fail-over the second round of announcements, five seconds later, is over too.
const settled = 8 * time.Second

// takenOver is how long after the death of a master at an interval of a second its addresses have been announced, and not again.
const takenOver = 5 * time.Second

// scaleConfig has virtual routers with two addresses each, spread over the interfaces.
func scaleConfig(s scale, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id bench\n%s}\n", indent(s.globals))
	for n := range s.instances {
		link, vrid := n%s.links, n/s.links+1
		fmt.Fprintf(&b, "vrrp_instance V_%d_%d {\n  state BACKUP\n  interface eth%d\n  virtual_router_id %d\n  priority %d\n  advert_int 1\n"+
			"  virtual_ipaddress {\n    10.%d.%d.1/32\n    10.%d.%d.2/32\n  }\n}\n", link, vrid, link, vrid, priority, 100+link, vrid, 100+link, vrid)
	}
	return b.String()
}

// measureScale watches director 2, first alone, then as the backup of director 1, then as its heir.
func measureScale(ctx context.Context, s scale, p labkit.Program) (figures []figure, err error) {
	if s.links < 1 || (s.instances+s.links-1)/s.links > 255 {
		return nil, fmt.Errorf("%d virtual routers do not fit on %d interfaces", s.instances, s.links)
	}
	site, err := newSite(p, s.links, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := site.close(); err == nil {
			err = e
		}
	}()
	const first, second = 0, 1
	for _, d := range site.directors {
		d.Terse = true // as programs are run that have so much to say
	}
	if err := site.start(second, scaleConfig(s, 100)); err != nil {
		return nil, err
	}
	d2 := site.directors[second].Process
	up, err := site.said(ctx, second, "Entering BACKUP STATE", d2.Started, s.instances)
	if err != nil {
		return nil, err
	}
	if err := site.heard(ctx, second, d2.Started, s.instances); err != nil {
		return nil, err
	}
	asMaster, err := site.steady(ctx, second, second, s)
	if err != nil {
		return nil, err
	}
	if err := site.start(first, scaleConfig(s, 200)); err != nil {
		return nil, err
	}
	if err := site.heard(ctx, first, site.directors[first].Process.Started, s.instances); err != nil {
		return nil, err
	}
	asBackup, err := site.steady(ctx, second, first, s)
	if err != nil {
		return nil, err
	}
	before, killed := d2.CPU(), time.Now()
	site.directors[first].Kill()
	if err := pause(ctx, takenOver); err != nil {
		return nil, err
	}
	cpu := d2.CPU() - before
	if err := pause(ctx, settled-takenOver); err != nil {
		return nil, err
	}
	adverts := site.capture.Adverts(site.name(second), killed)
	announcements := site.capture.Announcements(site.name(second), killed)
	announced := firstAnnouncements(announcements)
	all := until(announced, killed, 2*s.instances)
	sent := 0
	for _, a := range announcements {
		if a.Time.Sub(killed) <= all {
			sent++
		}
	}
	afterwards := lateAdverts(adverts, time.Second)
	return []figure{
		seconds("start until all are BACKUP", up.Sub(d2.Started), 2*time.Second),
		milliseconds("adverts late while alone, 99 %", asMaster.late.p99, 5*time.Millisecond),
		told("adverts late while alone, latest", float64(asMaster.late.max.Microseconds())/1000, "ms"),
		milliseconds("adverts of the master late beside a backup, 99 %", asBackup.late.p99, 5*time.Millisecond),
		told("adverts of the master late beside a backup, latest", float64(asBackup.late.max.Microseconds())/1000, "ms"),
		{"CPU as MASTER, of one core", asMaster.cpu, "%", 15},
		{"CPU as BACKUP, of one core", asBackup.cpu, "%", 15},
		{"memory as MASTER", asMaster.memory, "MB", 60},
		{"memory as BACKUP", asBackup.memory, "MB", 60},
		seconds("fail-over until all advertise, after the master was killed", until(firstAdverts(adverts), killed, s.instances), 3700*time.Millisecond),
		seconds("fail-over until all addresses are announced", all, 3700*time.Millisecond),
		number("addresses not announced", 2*s.instances-len(announced), 0),
		told("adverts late during and after the fail-over, 99 %", float64(afterwards.p99.Microseconds())/1000, "ms"),
		told("adverts late during and after the fail-over, latest", float64(afterwards.max.Microseconds())/1000, "ms"),
		told("announcements sent until then, repetitions among them", float64(sent), ""),
		told("CPU of the fail-over", float64(cpu.Milliseconds()), "ms"),
		told("memory after the fail-over", d2.Memory(), "MB"),
	}, nil
}

// state is how a director does while nothing happens.
type state struct {
	cpu    float64
	memory float64
	late   lateness // of the master's adverts
}

// steady watches a director, and the adverts of the master.
func (s *site) steady(ctx context.Context, watched, master int, sc scale) (st state, err error) {
	if err := pause(ctx, settled); err != nil {
		return st, err
	}
	began := time.Now()
	if st.cpu, err = used(ctx, s.directors[watched].Process, sc.window); err != nil {
		return st, err
	}
	st.memory = s.directors[watched].Process.Memory()
	st.late = lateAdverts(s.capture.Adverts(s.name(master), began), time.Second)
	return st, s.directors[watched].Running()
}
