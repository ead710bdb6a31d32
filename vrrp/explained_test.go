package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// TestWhatWouldChangeARouter: in each state, and for each kind of object that it follows.
func TestWhatWouldChangeARouter(t *testing.T) {
	master := netip.MustParseAddr("192.0.2.3")
	id := func(k track.Kind, name string) track.ID { return track.ID{Kind: k, Name: name} }
	script := election.TrackSpec{ID: id(track.Script, "s"), Weight: -20}
	plus := election.TrackSpec{ID: id(track.BFD, "b"), Weight: 60}
	file := election.TrackSpec{ID: id(track.File, "f"), Weight: 2, Reverse: true}
	base := func(state election.State, change func(*Explained)) Explained {
		e := Explained{Spec: election.InstanceSpec{Name: "A", Link: "eth0", Family: confparse.IPv4, Priority: 100},
			Why: election.Explanation{State: state, BasePriority: 100, Priority: 100}}
		e.Status.Source = netip.MustParseAddr("192.0.2.2")
		if change != nil {
			change(&e)
		}
		return e
	}
	backup := func(change func(*Explained)) Explained {
		return base(election.Backup, func(e *Explained) {
			e.Status.MasterSource, e.Status.MasterPriority = master, 150
			if change != nil {
				change(e)
			}
		})
	}
	for _, c := range []struct {
		name string
		e    Explained
		want []string
	}{
		{"a master", base(election.Master, nil), []string{"gives way to a master with a priority above 100, or with 100 and an address above 192.0.2.2"}},
		{"an owner", base(election.Master, func(e *Explained) { e.Spec.Priority = 255 }), []string{"gives way to nobody, for it owns its addresses"}},
		{"resigning", base(election.Master, func(e *Explained) { e.Status.Resigning = true }), []string{"it is on its way out, and stays there"}},
		{"nobody heard", base(election.Backup, nil), []string{"becomes MASTER unless the advert of a better router is heard first"}},
		{"a better master", backup(nil), []string{"becomes MASTER when no advert of 192.0.2.3 comes in time", "takes over from 192.0.2.3 with a priority above 150"}},
		{"nopreempt", backup(func(e *Explained) { e.Spec.NoPreempt, e.Why.Priority = true, 200 }), []string{"becomes MASTER when no advert of 192.0.2.3 comes in time",
			"leaves a living master alone, whatever the priorities (nopreempt); that of 192.0.2.3 is 150"}},
		{"preempting soon", backup(func(e *Explained) { e.Why.Priority, e.Spec.PreemptDelay = 200, time.Minute }), []string{
			"becomes MASTER when no advert of 192.0.2.3 comes in time", "takes over from 192.0.2.3, whose priority is 150, when preempt_delay (1m0s) is over"}},
		{"a weight that would decide", backup(func(e *Explained) {
			e.Why.Contributions = []election.Contribution{{Tracker: plus, Value: track.Down}, {Tracker: script, Value: track.Up}}
		}), []string{"becomes MASTER when no advert of 192.0.2.3 comes in time", "takes over from 192.0.2.3 with a priority above 150",
			"priority becomes 160 when bfd b is up: it takes over", "priority becomes 80 when script s fails"}},
		{"a weight that would cost the role", base(election.Master, func(e *Explained) {
			e.Why.Contributions = []election.Contribution{{Tracker: script, Value: track.Up}}
			e.Why.Peers = []election.Peer{{Source: master, Priority: 90}, {Source: netip.MustParseAddr("192.0.2.9"), Priority: 250, Heard: election.Never}}
		}), []string{"gives way to a master with a priority above 100, or with 100 and an address above 192.0.2.2",
			"priority becomes 80 when script s fails: below the 90 of 192.0.2.3"}},
		{"a number, and the bounds", base(election.Master, func(e *Explained) {
			e.Why.Contributions = []election.Contribution{{Tracker: file, Value: 3, Points: -6},
				{Tracker: election.TrackSpec{ID: id(track.Process, "p"), Weight: 250}, Value: track.Down}}
			e.Why.Priority = 94
		}), []string{"gives way to a master with a priority above 94, or with 94 and an address above 192.0.2.2",
			"priority changes by -2 with each 1 in file f", "priority becomes 254 when process p has its quorum"}},
		{"vetoes", base(election.Master, func(e *Explained) {
			e.Spec.Priority = 255
			e.Why.Vetoes = []election.Veto{{Tracker: election.TrackSpec{ID: id(track.Script, "new")}},
				{Tracker: election.TrackSpec{ID: track.InterfaceID("eth1")}, Value: 1, Known: true},
				{Tracker: election.TrackSpec{ID: id(track.File, "g"), Reverse: true}, Value: 1, Known: true}}
		}), []string{"gives way to nobody, for it owns its addresses", "waits for the first result of script new", "goes to FAULT when interface eth1 is down",
			"goes to FAULT when file g says 0"}},
	} {
		if diff := cmp.Diff(c.want, c.e.Changes()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	reversed := election.TrackSpec{ID: id(track.Script, "r"), Reverse: true}
	for reason, want := range map[election.FaultReason]string{
		{Kind: election.FaultLink}:                                       "interface eth0 is there and up, with carrier",
		{Kind: election.FaultSource}:                                     "interface eth0 has an IPv4 address that adverts can leave from",
		{Kind: election.FaultTracker, Tracker: script.ID}:                "script s succeeds",
		{Kind: election.FaultTracker, Tracker: reversed.ID}:              "script r fails",
		{Kind: election.FaultTracker, Tracker: id(track.Static, "gone")}: "static gone is in order",
		{Kind: election.FaultResources}:                                  "one of its addresses can be installed",
		{Kind: election.FaultGroup, Member: "B"}:                         "instance B of its sync group leaves FAULT",
		{Kind: election.FaultNoPeers}:                                    "it has a unicast_peer",
		{Kind: election.FaultNoKey}:                                      "the active key of auth_hmac is there",
	} {
		e := base(election.Fault, func(e *Explained) {
			e.Spec.Trackers = []election.TrackSpec{script, reversed}
			e.Why.Faults = []election.FaultReason{reason, reason}
		})
		if got := e.Changes(); len(got) != 1 || got[0] != "leaves FAULT when "+want+", and "+want {
			t.Errorf("%+v: %q", reason, got)
		}
	}
}

// TestEveryCauseAndTimerHasWords, in which they are explained.
func TestEveryCauseAndTimerHasWords(t *testing.T) {
	for c := election.CauseStart; c <= election.CauseTimerExpired; c++ {
		e := Explained{Why: election.Explanation{Last: election.Transition{Cause: c}}}
		if e.Cause() == "" {
			t.Errorf("cause %d has none", c)
		}
	}
	for x := election.TimerAdvert; x <= election.TimerEnsureMaster; x++ {
		e := Explained{Why: election.Explanation{Timer: x}}
		if e.Next() == "" {
			t.Errorf("timer %d has none", x)
		}
	}
}
