package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// Scheduling is how one of keepalived's processes wants the CPU.
type Scheduling struct {
	Nice       int           // -20..19
	RealTime   int           // SCHED_RR priority, 1..99; 0 = off
	RTTime     time.Duration // RLIMIT_RTTIME
	NoSwap     bool
	Affinity   []int // CPUs; nil = all
	NiceIsSet  bool
	RTTimeSet  bool
	AutoRTMax  int // max_auto_priority, for the VRRP part only
	AutoRTWait time.Duration
}

// schedulingRows are the rows that each of keepalived's processes has.
func schedulingRows(part string, of func(*Global) *Scheduling) blockOf[Global] {
	nice := row[Global]{
		keyword: keyword{name: part + "_priority", value: whole(-20, 19).withoutFatal(), def: "unset",
			num: func(d *decoder, at site, v int64) { s := of(here[Global](at)); s.Nice, s.NiceIsSet = int(v), true },
			bad: func(d *decoder, at site) { of(here[Global](at)).Nice = 0 }},
		print: func(p *printer, g *Global) {
			if s := of(g); s.NiceIsSet {
				p.line(part+"_priority", s.Nice)
			}
		},
	}
	realTime := countRow(part+"_rt_priority", whole(minInt32, maxInt32).withoutFatal(), 0,
		func(g *Global) *int { return &of(g).RealTime }).because("off")
	realTime.num = func(d *decoder, at site, v int64) { of(here[Global](at)).RealTime = d.clamp(at.n, v, 1, 99) }
	limit := realTimeLimit(part, of)
	return blockOf[Global]{
		nice,
		flagRow(part+"_no_swap", func(g *Global) *bool { return &of(g).NoSwap }),
		realTime,
		ownRow(part+"_cpu_affinity", "all", func(d *decoder, n *Node, g *Global) { of(g).Affinity = d.cpus(n) },
			func(p *printer, g *Global) { p.ints(part+"_cpu_affinity", of(g).Affinity) }),
		limit, limit.asOldName(part + "_rlimit_rtime"),
	}
}

// realTimeLimit is the time that a process may run without a pause, in microseconds.
func realTimeLimit(part string, of func(*Global) *Scheduling) row[Global] {
	name := part + "_rlimit_rttime"
	return row[Global]{
		keyword: keyword{name: name, value: whole(1, maxUint32), def: "10000",
			num: func(d *decoder, at site, v int64) {
				if v == 1 {
					d.report(at.n, at.n.RangeOf(at.n.Args[0]), diag.CodeRaised, at.n.Keyword.Text+" 1 is too small, setting to 2", "")
					v = 2
				}
				s := of(here[Global](at))
				s.RTTime, s.RTTimeSet = time.Duration(v)*time.Microsecond, true
			},
			bad: func(d *decoder, at site) { s := of(here[Global](at)); s.RTTime, s.RTTimeSet = 0, true }},
		reset: func(g *Global) { of(g).RTTime = 10 * time.Millisecond },
		print: func(p *printer, g *Global) {
			if s := of(g); s.RTTimeSet && s.RTTime > 0 {
				p.line(name, s.RTTime.Microseconds())
			}
		},
	}
}

// autoPriorityRows are what the VRRP part may do about its own priority.
var autoPriorityRows = blockOf[Global]{
	ownRow("max_auto_priority", "0; 99 when bare", func(d *decoder, n *Node, g *Global) {
		g.VRRPScheduling.AutoRTMax = int(d.optionalNumber(n, whole(-1, 99), 99, 0))
	}, func(p *printer, g *Global) { p.number("max_auto_priority", int64(g.VRRPScheduling.AutoRTMax), 0) }),
	{
		keyword: keyword{name: "min_auto_priority_delay", value: whole(1, 10_000_000).withoutFatal(), def: "1000000",
			num: func(d *decoder, at site, v int64) {
				here[Global](at).VRRPScheduling.AutoRTWait = time.Duration(v) * time.Microsecond
			}},
		reset: func(g *Global) { g.VRRPScheduling.AutoRTWait = time.Second },
		print: func(p *printer, g *Global) {
			p.line("min_auto_priority_delay", g.VRRPScheduling.AutoRTWait.Microseconds())
		},
	},
}

// cpus decodes a list of CPU numbers; one bad number makes it empty.
func (d *decoder) cpus(n *Node) []int {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return nil
	}
	var list []int
	for _, a := range n.Args {
		v, ok := d.wholeNumber(n, a, whole(0, 8191))
		if !ok {
			return nil
		}
		list = append(list, int(v))
	}
	return list
}
