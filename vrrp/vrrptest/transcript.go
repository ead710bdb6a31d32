package vrrptest

import (
	"fmt"
	"strings"

	"vigil/vrrp/election"
)

// Transcript plays the scenario and returns what the routers did, a line each, up to what is wrong.
func (sc Scenario) Transcript() string {
	var b strings.Builder
	o := sc.Play(func(s *Sim) {
		s.Trace = func(n *Node, a election.InstanceAction) {
			if text := describe(a.Action); text != "" && s.Violation == nil {
				fmt.Fprintf(&b, "  %14v %s %s %s\n", s.Now, n.Name, a.Name, text)
			}
		}
	})
	if o.Err != nil {
		fmt.Fprintf(&b, "  %v\n", o.Err)
	}
	return b.String()
}

// describe says what an action is, in few words; "" for what nobody wants to read.
func describe(a election.Action) string {
	switch a := a.(type) {
	case election.Start:
		return "starts"
	case election.Configure:
		return fmt.Sprintf("is reloaded: priority %d", a.Spec.Priority)
	case election.SendAdvert:
		return fmt.Sprintf("sends %d", a.Advert.Priority)
	case election.StateChanged:
		return fmt.Sprintf("%v -> %v, priority %d", a.From, a.To, a.Priority)
	case election.Own:
		quiet := ""
		if a.Quiet {
			quiet = ", quietly"
		}
		return fmt.Sprintf("holds %d%s, removes %d", len(a.Resources), quiet, len(a.Remove))
	case election.Announce:
		return fmt.Sprintf("announces %d, ×%d", len(a.Addresses), a.Repeat)
	case election.Notify:
		return fmt.Sprintf("tells of %v", a.To)
	case election.RunHook:
		return fmt.Sprintf("runs %v", a.Hook)
	case election.Stopped:
		return "is stopped"
	}
	return ""
}
