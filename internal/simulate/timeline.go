package simulate

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/vrrptest"
)

// timeline prints what happens, and keeps account of who serves which address.
type timeline struct {
	w       io.Writer
	err     error
	network *network
	holders map[netip.Addr]*holding
	order   []netip.Addr // of the addresses, as they were first seen
}

// holding is who serves an address.
type holding struct {
	hosts  string
	since  time.Duration // nobody serves it; only then
	served bool          // somebody has served it before
	total  time.Duration // in which nobody did, since then
	longer time.Duration // of those the longest
	times  int
}

func (t *timeline) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, "%9.3f s  "+format+"\n", append([]any{t.network.Now.Seconds()}, args...)...)
	}
}

func (t *timeline) step(s Step) { t.printf("-- %s", s.Text) }

// acted is told of every action before it is carried out.
func (t *timeline) acted(n *vrrptest.Node, a election.InstanceAction) {
	switch act := a.Action.(type) {
	case election.StateChanged:
		to := act.To.String()
		if act.To == election.Init {
			to = "stopping"
		}
		t.printf("%s %s: %s, priority %d: %s", n.Name, a.Name, to, act.Priority, t.reason(n, a.Handle, act))
	case election.GroupChanged:
		t.printf("%s group %s: %v", n.Name, act.Group, act.To)
	case election.Report:
		if text := t.report(act); text != "" {
			t.printf("%s %s: %s", n.Name, a.Name, text)
		}
	case election.RunHook:
		t.printf("%s %s: runs %v", n.Name, a.Name, act.Hook)
	}
}

// report says what is remarkable beside a change of state.
func (t *timeline) report(r election.Report) string {
	switch r.Kind {
	case election.ReportPriorityChanged:
		return fmt.Sprintf("priority %d -> %d", r.Theirs, r.Ours)
	case election.ReportAddressesDiffer:
		return fmt.Sprintf("%s advertises other addresses", t.name(r.Source))
	case election.ReportIntervalDiffers:
		return fmt.Sprintf("%s has another advert_int", t.name(r.Source))
	case election.ReportRejected:
		return fmt.Sprintf("adverts of %s are refused: %v", t.name(r.Source), r.Rejected)
	case election.ReportSameAddress:
		return "another router sends from the same address"
	case election.ReportPreemptDelayStarted:
		return "preempt_delay begins"
	case election.ReportPreemptionWaits:
		return fmt.Sprintf("leaves %s alone until it has its connections", t.name(r.Source))
	case election.ReportResourceFailed:
		return fmt.Sprintf("%v cannot be installed", resource(r.Resource))
	case election.ReportResourceInstalled:
		return fmt.Sprintf("%v is in place now", resource(r.Resource))
	case election.ReportResourceRepaired:
		return fmt.Sprintf("%v is put back", resource(r.Resource))
	}
	return ""
}

func resource(r election.Resource) string {
	if a, ok := r.(election.Address); ok {
		return a.Prefix.String()
	}
	return fmt.Sprint(r)
}

// name is the host that sends from an address.
func (t *timeline) name(source netip.Addr) string {
	for i, spec := range t.network.specs {
		for j := range spec.Instances {
			in := &spec.Instances[j]
			if in.Source == source || t.network.source(i, in) == source {
				return t.network.hosts[i].Name
			}
		}
	}
	return source.String()
}

// reason says why a state changed.
func (t *timeline) reason(n *vrrptest.Node, h election.Handle, c election.StateChanged) string {
	e, _ := n.Explain(h)
	by := t.name(e.Last.By.Source)
	switch c.Cause {
	case election.CauseStart:
		return "it starts"
	case election.CauseTimeout:
		return silence(e, by)
	case election.CauseHigherPriority:
		return fmt.Sprintf("%s is MASTER with priority %d", by, e.Last.By.Priority)
	case election.CauseSamePriority:
		return fmt.Sprintf("%s is MASTER with the same priority and a higher address", by)
	case election.CauseFault:
		return faults(e)
	case election.CauseFaultCleared:
		return "what was wrong is over"
	case election.CauseResourceLost:
		return "somebody has removed an address"
	case election.CauseEffectFailed:
		return "none of its addresses can be installed"
	case election.CauseGroup:
		switch c.To {
		case election.Fault:
			return faults(e)
		case election.Master:
			return silence(e, by) + ", and its sync group agrees"
		}
		return "its sync group moves"
	case election.CauseResume:
		return "it is back before anybody missed it"
	case election.CauseStop:
		return "it is told to stop"
	case election.CauseOwner:
		return "it owns the addresses"
	case election.CauseTimerExpired:
		return "it has not been run for so long that another must have taken over"
	}
	return "no reason is known"
}

// silence says what a router heard last before its patience was over.
func silence(e election.Explanation, by string) string {
	p := e.Last.By
	ago := time.Duration(e.Last.At - p.Heard).Round(time.Millisecond)
	switch {
	case !p.Source.IsValid():
		return "nobody is heard"
	case p.Resigned:
		return by + " has resigned"
	case p.Priority < e.Priority && ago <= p.Interval+p.Interval/2:
		return fmt.Sprintf("it outranks %s, which has priority %d", by, p.Priority)
	}
	return fmt.Sprintf("nothing was heard of %s for %v", by, ago)
}

func faults(e election.Explanation) string {
	var list []string
	for _, f := range e.Faults {
		switch f.Kind {
		case election.FaultLink:
			list = append(list, "its interface is down")
		case election.FaultSource:
			list = append(list, "its interface has no address")
		case election.FaultTracker:
			list = append(list, trouble(f.Tracker))
		case election.FaultResources:
			list = append(list, "none of its addresses can be installed")
		case election.FaultGroup:
			list = append(list, string(f.Member)+" of its sync group is in FAULT")
		default:
			list = append(list, "its configuration keeps it there")
		}
	}
	return strings.Join(list, ", ")
}

func trouble(id track.ID) string {
	if id.Kind == track.File {
		return fmt.Sprintf("the number in %v", id)
	}
	return fmt.Sprintf("%v is down", id)
}

// look notes who serves what after an event. The first look at an address tells it as well.
func (t *timeline) look() {
	for _, spec := range t.network.specs {
		for _, in := range spec.Instances {
			for _, a := range in.All() {
				t.account(a.Prefix.Addr())
			}
		}
	}
}

func (t *timeline) account(a netip.Addr) {
	var names []string
	for _, n := range t.network.Nodes {
		if n.Serves(a) {
			names = append(names, n.Name)
		}
	}
	h, now := t.holders[a], t.network.Now
	if h == nil {
		h = &holding{}
		t.holders[a] = h
		t.order = append(t.order, a)
	}
	hosts := strings.Join(names, " and ")
	if hosts == h.hosts {
		return
	}
	switch {
	case hosts == "":
		h.since = now
		t.printf("%s: at nobody", a)
	case h.hosts == "" && h.served:
		gap := now - h.since
		h.total, h.longer, h.times = h.total+gap, max(h.longer, gap), h.times+1
		t.printf("%s: at %s, after %.3f s at nobody", a, hosts, gap.Seconds())
	default:
		t.printf("%s: at %s", a, hosts)
	}
	h.hosts, h.served = hosts, h.served || hosts != ""
}

// end prints what came of it.
func (t *timeline) end() {
	t.printf("-- the end")
	slices.SortFunc(t.order, netip.Addr.Compare)
	for _, a := range t.order {
		h := t.holders[a]
		at, gaps := "at "+h.hosts, "without an outage"
		if h.hosts == "" {
			at = "at nobody"
			if h.served {
				gap := t.network.Now - h.since
				h.total, h.longer, h.times = h.total+gap, max(h.longer, gap), h.times+1
			}
		}
		switch {
		case !h.served:
			gaps = "never served"
		case h.times == 1:
			gaps = fmt.Sprintf("one outage of %.3f s", h.total.Seconds())
		case h.times > 1:
			gaps = fmt.Sprintf("%d outages, %.3f s in all, the longest %.3f s", h.times, h.total.Seconds(), h.longer.Seconds())
		}
		if t.err == nil {
			_, t.err = fmt.Fprintf(t.w, "%s: %s, %s\n", a, at, gaps)
		}
	}
}
