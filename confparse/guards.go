package confparse

import "time"

// guardRows are the rows of virtual_server that keepalived does not have: servers in reserve, and what keeps checks and
// reloads from doing harm. All of them are off by default.
var guardRows = blockOf[serverScratch]{
	numberRow("failover_threshold", whole(1, maxUint32), 1, func(vs *serverScratch) *uint32 { return &vs.FailoverThreshold }).
		printed(func(p *printer, vs *serverScratch) { p.number("failover_threshold", int64(vs.FailoverThreshold), 0) }).from(ours),
	countRow("panic_threshold", whole(1, 100), 0, func(vs *serverScratch) *uint8 { return &vs.PanicThreshold }).because("off").from(ours),
	ownRow("flap_damping", "off", (*decoder).flapDamping, func(p *printer, vs *serverScratch) {
		if vs.FlapFailures > 0 {
			p.line("flap_damping", vs.FlapFailures, int64(vs.FlapWithin/time.Second))
		}
	}).from(ours),
	durationRow("slow_start", decimal(0, maxMicros), func(vs *serverScratch) *time.Duration { return &vs.SlowStart }).from(ours),
	durationRow("drain_on_remove", decimal(0, maxMicros), func(vs *serverScratch) *time.Duration { return &vs.DrainOnRemove }).from(ours),
}

// flapDamping decodes "flap_damping FAILURES SECONDS".
func (d *decoder) flapDamping(n *Node, vs *serverScratch) {
	if len(n.Args) < 2 {
		d.missing(n, false)
		return
	}
	failures, ok := d.wholeNumber(n, n.Args[0], wholeStrict(2, 100))
	within, also := d.wholeNumber(n, n.Args[1], wholeStrict(1, 2678400))
	if ok && also {
		vs.FlapFailures, vs.FlapWithin = uint32(failures), time.Duration(within)*time.Second
	}
}
