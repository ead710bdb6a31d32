package labkit

import (
	"net/netip"
	"time"
)

// The control is a web server beside the pair that no fault touches, and that the client asks all the time: what happens to those
// requests is the machine's doing, not the directors'.
var control = netip.MustParseAddrPort("192.0.2.250:80")

// Rarely enough that an emulated machine has time for the directors of several pairs.
const controlInterval = 5 * Interval

// Noise is what a busy or emulated machine did to a client in a window of time, without any fault.
type Noise struct {
	// Delay is how much later than due the answer came for which the client waited longest, the longest change of an address, or the
	// longest wait of a director for a processor.
	Delay  time.Duration
	Failed int // requests that were not answered in time
}

// noise tells it from what the client saw of the control.
func noise(r Report) Noise { return Noise{Delay: max(0, r.Gap-controlInterval), Failed: r.Failed} }

// Allowance is how late something may be that is due at a moment: its program, the one that it tells of it, and the one that
// sees it may each have to wait for the machine.
func (n Noise) Allowance() time.Duration { return 100*time.Millisecond + 3*n.Delay }

// Starved reports whether the machine kept the control waiting until after its next request was due, or a director for as long. What is late then by
// tens of milliseconds says nothing about the directors.
func (n Noise) Starved() bool { return n.Delay >= controlInterval }

// Excused is how many requests to the directors, made every Interval, may fail for the machine's sake: those that it failed the
// control, which asks more rarely, and on a starved machine those that were due while things were late. It is 0 on a machine
// that has time.
func (n Noise) Excused() int {
	excused := n.Failed * int(controlInterval/Interval)
	if n.Starved() {
		excused += int(3 * n.Delay / Interval)
	}
	return excused
}

// Noise looks at a window of time.
func (p *Pair) Noise(from, to time.Time) Noise {
	n := noise(Summarize(p.control.Requests(), from, to))
	address, _ := p.changes.Longest(from, to)
	n.Delay = max(n.Delay, address, p.waits.longest(from, to))
	return n
}

// rulesWithin is how long a director waits for its rules that pass connections on or make an address quiet.
const rulesWithin = 50 * time.Millisecond

// LateRules reports whether rules that directors made in a window of time may have been too late for the machine's sake, and how
// long the kernel took at most for one change of nftables. It did if one took half of the time that a director gives them then;
// or if a director has said that they were, and one took a sixth of it at any time: rules for which nobody could prepare are three
// changes, and none of the control's need have been made at the same moment.
func (p *Pair) LateRules(from, to time.Time) (longest time.Duration, late bool) {
	if _, longest = p.changes.Longest(from, to); longest > rulesWithin/2 {
		return longest, true
	}
	for _, d := range p.Directors {
		for _, l := range d.Log {
			if _, said := l.Find("connections under way will be reset", from); said {
				_, longest = p.changes.Longest(time.Time{}, to)
				return longest, longest > rulesWithin/6
			}
		}
	}
	return longest, false
}

func (p *Pair) buildControl() error {
	h, _, err := p.host("control", p.lan, control.Addr().String()+"/24")
	if err != nil {
		return err
	}
	if _, err := StartServer(h, "control", control.String()); err != nil {
		return err
	}
	if p.control, err = StartProber(p.Client, control, controlInterval, nil); err != nil {
		return err
	}
	p.changes = StartReconfiguring(h, controlInterval/2)
	p.waits = startWaits(func() (pids []int) {
		for _, d := range p.Directors {
			if pid := int(d.pid.Load()); pid != 0 {
				pids = append(pids, pid)
			}
		}
		return pids
	}, controlInterval)
	return nil
}
