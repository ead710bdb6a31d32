package confparse

import (
	"time"
)

// instanceDefaults are the settings of global_defs that instances inherit.
type instanceDefaults struct {
	masterDelay, lowerDelay, masterRefresh   opt[time.Duration]
	masterRepeat, refreshRepeat, lowerRepeat opt[int]
	downTimer                                opt[int]
	lowerNoAdvert, higherSend                opt[bool]
	strict, checkUnicast, skipCheck          bool
}

// maxBurstSeconds is the longest time that is counted in 32 bits of microseconds.
const maxBurstSeconds = 4294

// instanceDefaultRows are the rows of what instances inherit. Most are printed with each of them.
var instanceDefaultRows = blockOf[Global]{
	handedDown(keyword{name: "vrrp_garp_master_delay", value: secs(0, maxBurstSeconds), def: "5",
		num: func(d *decoder, at site, v int64) { d.gs.masterDelay.put(time.Duration(v) * time.Second) }}),
	handedDown(keyword{name: "vrrp_garp_master_repeat", value: whole(0, maxUint32), def: "5",
		num: func(d *decoder, at site, v int64) { d.gs.masterRepeat.put(d.atLeastOne(at.n, v)) }}),
	handedDown(keyword{name: "vrrp_garp_master_refresh", value: secs(0, maxUint32), def: "0",
		num: func(d *decoder, at site, v int64) { d.gs.masterRefresh.put(time.Duration(v) * time.Second) },
		bad: func(d *decoder, at site) { d.gs.masterRefresh.put(0) }}),
	handedDown(keyword{name: "vrrp_garp_master_refresh_repeat", value: whole(0, maxUint32), def: "1",
		num: func(d *decoder, at site, v int64) { d.gs.refreshRepeat.put(d.atLeastOne(at.n, v)) }}),
	handedDown(keyword{name: "vrrp_garp_lower_prio_delay", value: secs(0, maxBurstSeconds),
		def: "vrrp_garp_master_delay",
		num: func(d *decoder, at site, v int64) { d.gs.lowerDelay.put(time.Duration(v) * time.Second) }}),
	handedDown(keyword{name: "vrrp_garp_lower_prio_repeat", value: whole(0, maxInt32), def: "vrrp_garp_master_repeat",
		num: func(d *decoder, at site, v int64) { d.gs.lowerRepeat.put(int(v)) }}),
	handedDown(keyword{name: "vrrp_down_timer_adverts", value: whole(1, 100), def: "3",
		num: func(d *decoder, at site, v int64) { d.gs.downTimer.put(int(v)) }}),
	handedDown(keyword{name: "vrrp_lower_prio_no_advert", value: value{kind: boolean}, def: "off, on in strict mode",
		yes: func(d *decoder, at site, v bool) { d.gs.lowerNoAdvert.put(v) }}),
	handedDown(keyword{name: "vrrp_higher_prio_send_advert", value: value{kind: boolean}, def: "on (keepalived: off)",
		yes: func(d *decoder, at site, v bool) { d.gs.higherSend.put(v) }}),
	handedDown(keyword{name: "vrrp_skip_check_adv_addr", value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, at site, v bool) { d.gs.skipCheck = v }}),
	handedDown(keyword{name: "vrrp_strict", value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, at site, v bool) { d.gs.strict = v }}),
}

// handedDown is a row of what instances inherit and are printed with.
func handedDown(k keyword) row[Global] { return row[Global]{keyword: k} }

// vrrp_check_unicast_src is printed here when all instances have it.
var checkUnicast = row[Global]{
	keyword: keyword{name: "vrrp_check_unicast_src", value: value{kind: bare}, def: "off",
		on: func(d *decoder, at site) { d.gs.checkUnicast = true }},
	print: func(p *printer, _ *Global) { p.flag(p.checksUnicast, "vrrp_check_unicast_src") },
}

// leastGARP is vrrp_min_garp, settled: one announcement, no repeat, unless something else was asked for.
func (i *instanceDefaults) leastGARP() {
	for _, o := range []*opt[int]{&i.masterRepeat, &i.refreshRepeat, &i.lowerRepeat} {
		if !o.set {
			o.put(1)
		}
	}
	for _, o := range []*opt[time.Duration]{&i.masterDelay, &i.lowerDelay} {
		if !o.set {
			o.put(0)
		}
	}
}
