package confparse

import (
	"fmt"
	"slices"

	"vigil/confparse/diag"
)

// SchedulerFlags are the kernel's per-service scheduler flags (IP_VS_SVC_F_*).
type SchedulerFlags uint32

// The flags; sh-fallback/mh-fallback are Flag1, sh-port/mh-port are Flag2.
const (
	SchedulerFlag1 SchedulerFlags = 0x0008
	SchedulerFlag2 SchedulerFlags = 0x0010
	SchedulerFlag3 SchedulerFlags = 0x0020
)

// schedulers are the lb_algo words.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"}

func (d *decoder) scheduler(n *Node, s string, vs *serverScratch) {
	if !slices.Contains(schedulers, s) {
		near := nearest(s, schedulers)
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Invalid lvs_scheduler '%s' - ignoring", s),
			near)
		return
	}
	vs.Scheduler = s
}

// schedulerFlag sets a flag that only works once the scheduler it is for has been chosen.
func (d *decoder) schedulerFlag(n *Node, scheduler string, f SchedulerFlags, vs *serverScratch) {
	switch vs.Scheduler {
	case scheduler:
		vs.SchedulerFlags |= f
		return
	case "sh", "mh": // the flag of the one means nothing to the other
		return
	}
	d.about(n, diag.CodeSchedulerFlag, fmt.Sprintf("%s only applies to %s scheduler - ignoring", n.Keyword.Text,
		scheduler), "lb_algo "+scheduler+" must stand above it")
}

// hashed does nothing, as it does in keepalived: the kernel sets the flag itself.
func (d *decoder) hashed(n *Node, vs *serverScratch) {
	if vs.Scheduler != "sh" && vs.Scheduler != "mh" {
		d.about(n, diag.CodeSchedulerFlag, "hashed only applies to sh scheduler - ignoring", "")
	}
}
