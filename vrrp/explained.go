package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// Explained is why one virtual router is what it is.
type Explained struct {
	Spec   election.InstanceSpec
	Status election.MachineStatus
	Why    election.Explanation
	Epoch  time.Time // when the Instants of Why begin
}

// causes are the causes of transitions, in words.
var causes = map[election.Cause]string{
	election.CauseStart: "it has started", election.CauseTimeout: "no advert came in time",
	election.CauseHigherPriority: "a master of higher priority was heard",
	election.CauseSamePriority:   "a master of the same priority and a higher address was heard",
	election.CauseFault:          "what it needs is not there", election.CauseFaultCleared: "the last reason for FAULT has gone",
	election.CauseResourceLost: "somebody else has removed an address, a route or a rule",
	election.CauseEffectFailed: "none of its addresses could be installed", election.CauseGroup: "another member of its sync group has moved",
	election.CauseResume: "its process came back in time", election.CauseStop: "it was told to stop",
	election.CauseOwner: "it owns its addresses", election.CauseTimerExpired: "this process was not run for so long that another must have taken over",
}

// Cause says why the router has come to its state.
func (e *Explained) Cause() string { return causes[e.Why.Last.Cause] }

// timers are what deadlines are for, in words.
var timers = map[election.Timer]string{
	election.TimerAdvert: "sends an advert", election.TimerActiveDown: "becomes MASTER",
	election.TimerStartup: "begins", election.TimerRelease: "releases its addresses",
	election.TimerRetry: "tries again what could not be installed or removed", election.TimerAnnouncements: "announces its addresses",
	election.TimerPreMaster: "waits no longer for pre_master", election.TimerEnsureMaster: "runs ensure_master again",
}

// Next says what the router does by itself at Why.Deadline, or "".
func (e *Explained) Next() string { return timers[e.Why.Timer] }

// condition says what the tracked object of t has to be for the router to stand for election, or, not so, what keeps it from it.
func condition(t election.TrackSpec, so bool) string {
	return t.ID.String() + " " + t.ID.Kind.Condition(so != t.Reverse)
}

// Faults says what has to be otherwise for the router to leave FAULT, one condition for each reason.
func (e *Explained) Faults() (needs []string) {
	for _, f := range e.Why.Faults {
		needs = append(needs, e.need(f))
	}
	return needs
}

// inVRF names the VRF of a router without an interface, if it has one.
func inVRF(s *election.InstanceSpec) string {
	if s.VRF == "" {
		return ""
	}
	return " of VRF " + s.VRF
}

func (e *Explained) need(f election.FaultReason) string {
	switch f.Kind {
	case election.FaultLink:
		if e.Spec.Link == "" {
			return fmt.Sprintf("an interface%s that is up, with carrier, has the address %v", inVRF(&e.Spec), e.Spec.Source)
		}
		return "interface " + e.Spec.Link + " is there and up, with carrier"
	case election.FaultSource:
		return fmt.Sprintf("interface %s has an %v address that adverts can leave from", e.Spec.Link, e.Spec.Family)
	case election.FaultTracker:
		for _, t := range e.Spec.Trackers {
			if t.ID == f.Tracker {
				return condition(t, true)
			}
		}
		return f.Tracker.String() + " is in order"
	case election.FaultResources:
		return "one of its addresses can be installed"
	case election.FaultGroup:
		return "instance " + string(f.Member) + " of its sync group leaves FAULT"
	case election.FaultNoPeers:
		return "it has a unicast_peer"
	case election.FaultNoKey:
		return "the active key of auth_hmac is there"
	}
	return "an unknown reason goes"
}

// Changes says what would change the state or the priority of the router.
func (e *Explained) Changes() (list []string) {
	switch {
	case e.Status.Resigning:
		return []string{"it is on its way out, and stays there"}
	case e.Why.State == election.Fault:
		if needs := e.Faults(); len(needs) > 0 {
			list = append(list, "leaves FAULT when "+strings.Join(needs, ", and "))
		}
	case e.Why.State == election.Backup:
		list = append(list, e.promotion()...)
	case e.Why.State == election.Master && e.Spec.Priority == election.OwnerPriority:
		list = append(list, "gives way to nobody, for it owns its addresses")
	case e.Why.State == election.Master:
		list = append(list, fmt.Sprintf("gives way to a master with a priority above %d, or with %d and an address above %v", e.Why.Priority, e.Why.Priority,
			e.Status.Source))
	}
	for _, c := range e.Why.Contributions {
		list = append(list, e.turned(c))
	}
	for _, v := range e.Why.Vetoes {
		switch {
		case !v.Known:
			list = append(list, "waits for the first result of "+v.Tracker.ID.String())
		case !v.Fails:
			list = append(list, "goes to FAULT when "+condition(v.Tracker, false))
		}
	}
	return list
}

// promotion is what would make a BACKUP the master.
func (e *Explained) promotion() (list []string) {
	master := e.Status.MasterSource
	if !master.IsValid() {
		return []string{"becomes MASTER unless the advert of a better router is heard first"}
	}
	theirs := e.Status.MasterPriority
	list = append(list, fmt.Sprintf("becomes MASTER when no advert of %v comes in time", master))
	switch {
	case e.Spec.NoPreempt:
		list = append(list, fmt.Sprintf("leaves a living master alone, whatever the priorities (nopreempt); that of %v is %d", master, theirs))
	case e.Why.Priority > theirs:
		how := ""
		if e.Spec.PreemptDelay > 0 {
			how = fmt.Sprintf(", when preempt_delay (%v) is over", e.Spec.PreemptDelay)
		}
		if e.Why.Waits != (track.ID{}) {
			how += ", when " + condition(election.TrackSpec{ID: e.Why.Waits}, true)
		}
		list = append(list, fmt.Sprintf("takes over from %v, whose priority is %d%s", master, theirs, how))
	default:
		list = append(list, fmt.Sprintf("takes over from %v with a priority above %d", master, theirs))
	}
	return list
}

// turned is what the priority would be with one tracked object the other way round.
func (e *Explained) turned(c election.Contribution) string {
	t := c.Tracker
	if t.ID.Kind == track.File {
		return fmt.Sprintf("priority changes by %+d with each 1 in %v", t.Points(1), t.ID)
	}
	other := track.Down
	if c.Value == track.Down {
		other = track.Up
	}
	total := int(e.Why.BasePriority) + t.Points(other) - c.Points
	for _, o := range e.Why.Contributions {
		total += o.Points
	}
	total = max(1, min(election.OwnerPriority-1, total))
	s := fmt.Sprintf("priority becomes %d when %v %s", total, t.ID, t.ID.Kind.Condition(other == track.Up))
	theirs := int(e.Status.MasterPriority)
	switch {
	case e.Why.State == election.Backup && e.Status.MasterSource.IsValid() && !e.Spec.NoPreempt && total > theirs && int(e.Why.Priority) <= theirs:
		s += ": it takes over"
	case e.Why.State == election.Master:
		if rival, p := e.rival(); rival.IsValid() && total < p && int(e.Why.Priority) >= p {
			s += fmt.Sprintf(": below the %d of %v", p, rival)
		}
	}
	return s
}

// rival is the best of the other routers that were heard.
func (e *Explained) rival() (best netip.Addr, priority int) {
	for _, p := range e.Why.Peers {
		if p.Heard != election.Never && int(p.Priority) > priority {
			best, priority = p.Source, int(p.Priority)
		}
	}
	return best, priority
}

// Moment is an Instant of Why as time of the day; the zero Time for Never.
func (e *Explained) Moment(at election.Instant) time.Time {
	if at == election.Never {
		return time.Time{}
	}
	return e.Epoch.Add(time.Duration(at)).Round(0)
}

// Failures are the resources that are not as they should be.
func (e *Explained) Failures() []FailureStatus { return failureStatus(e.Why.Failures) }
