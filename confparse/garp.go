package confparse

import (
	"time"
)

// GARP is the gratuitous ARP schedule of an instance, the vrrp_garp_* globals already merged in.
type GARP struct {
	MasterDelay         time.Duration // garp_master_delay, 5 s; 0 = no second round
	MasterRepeat        int           // garp_master_repeat, 5
	MasterRefresh       time.Duration // garp_master_refresh, 0 = off
	MasterRefreshRepeat int           // garp_master_refresh_repeat, 1
	LowerPrioDelay      time.Duration // garp_lower_prio_delay, = MasterDelay
	LowerPrioRepeat     int           // garp_lower_prio_repeat, = MasterRepeat; 0 = none
	Interval            time.Duration // vrrp_garp_interval, least spacing per interface, 0
	NAInterval          time.Duration // vrrp_gna_interval, the same for neighbour advertisements, 0
}

// garpRows are the rows of vrrp_instance about its announcements.
var garpRows = blockOf[instanceScratch]{
	inheritedSeconds("garp_master_delay", secs(0, maxBurstSeconds), "vrrp_garp_master_delay",
		func(vi *instanceScratch) *opt[time.Duration] { return &vi.masterDelay }).
		printed(func(p *printer, vi *instanceScratch) { p.seconds("garp_master_delay", vi.GARP.MasterDelay) }),
	rounds("garp_master_repeat", "vrrp_garp_master_repeat", func(vi *instanceScratch) *opt[int] { return &vi.masterRepeat }).
		printed(func(p *printer, vi *instanceScratch) { p.line("garp_master_repeat", vi.GARP.MasterRepeat) }),
	garpRefresh(),
	rounds("garp_master_refresh_repeat", "vrrp_garp_master_refresh_repeat",
		func(vi *instanceScratch) *opt[int] { return &vi.refreshRepeat }).
		printed(func(p *printer, vi *instanceScratch) {
			p.line("garp_master_refresh_repeat", vi.GARP.MasterRefreshRepeat)
		}),
	inheritedSeconds("garp_lower_prio_delay", secs(0, maxBurstSeconds), "vrrp_garp_lower_prio_delay, else garp_master_delay",
		func(vi *instanceScratch) *opt[time.Duration] { return &vi.lowerDelay }).
		printed(func(p *printer, vi *instanceScratch) { p.seconds("garp_lower_prio_delay", vi.GARP.LowerPrioDelay) }),
	inheritedCount("garp_lower_prio_repeat", whole(0, maxInt32), "vrrp_garp_lower_prio_repeat, else garp_master_repeat",
		func(vi *instanceScratch) *opt[int] { return &vi.lowerRepeat }).
		printed(func(p *printer, vi *instanceScratch) { p.line("garp_lower_prio_repeat", vi.GARP.LowerPrioRepeat) }),
	instanceExtra, instanceExtra.asDeprecated("vmac_garp_intvl"),
}

// rounds is how many announcements are made at a time, at least one.
func rounds(name, def string, field func(*instanceScratch) *opt[int]) row[instanceScratch] {
	r := inheritedCount(name, whole(0, maxUint32), def, field)
	r.num = func(d *decoder, at site, v int64) { field(here[instanceScratch](at)).put(d.atLeastOne(at.n, v)) }
	return r
}

// garpRefresh is how often announcements are repeated, which is never when that cannot be read.
func garpRefresh() row[instanceScratch] {
	r := inheritedSeconds("garp_master_refresh", secs(0, maxUint32), "vrrp_garp_master_refresh",
		func(vi *instanceScratch) *opt[time.Duration] { return &vi.masterRefresh })
	r.bad = func(_ *decoder, at site) { here[instanceScratch](at).masterRefresh.put(0) }
	return r.printed(func(p *printer, vi *instanceScratch) { p.seconds("garp_master_refresh", vi.GARP.MasterRefresh) })
}

// instanceExtra is how often announcements are made on further interfaces.
var instanceExtra = ownRow("garp_extra_if", "vrrp_garp_extra_if", func(d *decoder, n *Node, vi *instanceScratch) {
	vi.extraSet = true
	d.extraInterface(n, 0, &vi.ExtraGARP, &vi.ExtraGARPAll)
}, func(p *printer, vi *instanceScratch) { p.extra("garp_extra_if", vi.ExtraGARP, vi.ExtraGARPAll) })

// settleGARP merges the global schedule into the instance's.
func (d *decoder) settleGARP(vi *instanceScratch) {
	g := &d.gs
	vi.masterDelay.inherit(g.masterDelay)
	vi.masterRepeat.inherit(g.masterRepeat)
	vi.masterRefresh.inherit(g.masterRefresh)
	vi.refreshRepeat.inherit(g.refreshRepeat)
	vi.lowerDelay.inherit(g.lowerDelay)
	vi.lowerRepeat.inherit(g.lowerRepeat)
	vi.GARP = GARP{
		MasterDelay:         vi.masterDelay.or(5 * time.Second),
		MasterRepeat:        vi.masterRepeat.or(5),
		MasterRefresh:       vi.masterRefresh.or(0),
		MasterRefreshRepeat: vi.refreshRepeat.or(1),
		Interval:            d.cfg.Global.GARPInterval,
		NAInterval:          d.cfg.Global.GNAInterval,
	}
	vi.GARP.LowerPrioDelay = vi.lowerDelay.or(vi.GARP.MasterDelay)
	vi.GARP.LowerPrioRepeat = vi.lowerRepeat.or(vi.GARP.MasterRepeat)
}

// extra writes the announcements on further interfaces.
func (p *printer) extra(name string, every time.Duration, all bool) {
	if all {
		name += " all"
	}
	p.seconds(name, every)
}

// extraInterface decodes "[all] SECONDS".
func (d *decoder) extraInterface(n *Node, lo int64, every *time.Duration, all *bool) {
	args := n.Args
	if len(args) > 0 && args[0].Text == "all" {
		*all = true
		args = args[1:]
	}
	if len(args) == 0 {
		d.missing(n, true)
		return
	}
	if v, ok := d.wholeNumber(n, args[0], secs(lo, 86400)); ok {
		*every = time.Duration(v) * time.Second
	}
}
