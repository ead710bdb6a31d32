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
}

func (d *decoder) instanceExtra(n *Node) {
	d.vi.extraSet = true
	d.extraInterface(n, 0, &d.vi.ExtraGARP, &d.vi.ExtraGARPAll)
}

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
	}
	vi.GARP.LowerPrioDelay = vi.lowerDelay.or(vi.GARP.MasterDelay)
	vi.GARP.LowerPrioRepeat = vi.lowerRepeat.or(vi.GARP.MasterRepeat)
	if vi.Strict {
		vi.GARP.LowerPrioDelay, vi.GARP.LowerPrioRepeat = 0, 0
	}
}

func (p *printer) garp(vi *VRRPInstance) {
	g := &vi.GARP
	p.seconds("garp_master_delay", g.MasterDelay)
	p.line("garp_master_repeat", g.MasterRepeat)
	p.seconds("garp_master_refresh", g.MasterRefresh)
	p.line("garp_master_refresh_repeat", g.MasterRefreshRepeat)
	p.seconds("garp_lower_prio_delay", g.LowerPrioDelay)
	p.line("garp_lower_prio_repeat", g.LowerPrioRepeat)
	p.extra("garp_extra_if", vi.ExtraGARP, vi.ExtraGARPAll)
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
