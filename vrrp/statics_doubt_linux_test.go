package vrrp

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/netio"
	"vigil/internal/routing"
	"vigil/vrrp/election"
)

// flapping is a node with an instance that follows a track group, and in that a route and an address on another interface than the
// instance's.
type flapping struct {
	*node
	link netio.Link
	own  routing.Route
	spec election.Spec
}

func newFlapping(t *testing.T) *flapping {
	t.Helper()
	var n ethernet
	h := n.newHost("10.77.0.1/24")
	f := &flapping{link: netio.Link{Index: 3, Name: "eth1", Up: true, MTU: 1500, Ether: true, MAC: "\x02\x00\x00\x00\x00\x03"}}
	h.setLink(f.link)
	f.own = routing.Route{Dest: netip.MustParsePrefix("10.9.0.0/24"), Type: unix.RTN_UNICAST, Hop: routing.NextHop{Link: "eth1"}}
	f.node = start(t, h, Options{})
	in := testInstance("V", 51, 100)
	in.Trackers = []election.TrackSpec{{ID: staticID("T")}}
	f.spec = testSpec(in)
	f.spec.Statics = []election.Static{{Resource: election.Route{Route: f.own}, TrackGroup: "T"},
		{Resource: election.Address{Prefix: netip.MustParsePrefix("10.78.0.9/32"), Link: "eth1"}, TrackGroup: "T"}}
	if err := f.Apply(context.Background(), f.spec); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Second)
	want(t, "state", f.state("V"), election.Master)
	f.TakeChanges()
	return f
}

// cable plugs eth1 in or out. Without it the kernel has no route on it, and does not tell that.
func (f *flapping) cable(in bool) {
	f.link.Up = in
	f.host.setLink(f.link)
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	if !in {
		f.host.routes = nil
	}
}

// became is what has become of V since the last call.
func (f *flapping) became() (states []election.State) {
	synctest.Wait()
	for _, c := range f.TakeChanges() {
		states = append(states, c.To)
	}
	return states
}

// TestTrackGroupAfterAFlap: it is down until what the interface took along is known to be there again, so that its members come back
// once.
func TestTrackGroupAfterAFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlapping(t)
		for range 3 {
			f.cable(false)
			want(t, "down", f.became(), []election.State{election.Fault})
			f.cable(true)
			time.Sleep(time.Second) // what is lost again and again is put back after a pause
			want(t, "up", f.became(), []election.State{election.Backup})
			time.Sleep(10 * time.Second)
			want(t, "later", f.became(), []election.State{election.Master})
		}
		missing, _ := f.host.MissingRoutes([]routing.Route{f.own})
		want(t, "missing", len(missing), 0)
	})
}

// TestTrackGroupWhoseRouteDoesNotComeBack stays down, and its members never leave FAULT, until it can be had.
func TestTrackGroupWhoseRouteDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlapping(t)
		f.cable(false)
		want(t, "down", f.became(), []election.State{election.Fault})
		refuse := func(err error) {
			f.host.mu.Lock()
			defer f.host.mu.Unlock()
			f.host.refuse = func(op string, _ netip.Addr) error {
				if op == "add route" {
					return err
				}
				return nil
			}
		}
		refuse(unix.ENETUNREACH)
		f.cable(true)
		time.Sleep(10 * time.Minute)
		want(t, "refused", f.became(), []election.State(nil))
		refuse(nil)
		time.Sleep(2 * time.Minute)
		want(t, "allowed", f.became(), []election.State{election.Backup, election.Master})
	})
}

// TestTrackGroupOfAnotherConfiguration: a reload that takes something out of it and another that puts it back leave no doubt about it.
func TestTrackGroupOfAnotherConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlapping(t)
		f.cable(false)
		synctest.Wait()
		without := f.spec
		without.Statics = nil
		for _, s := range []election.Spec{without, f.spec} {
			if err := f.Apply(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			f.cable(true)
			time.Sleep(10 * time.Second)
		}
		want(t, "state", f.state("V"), election.Master)
	})
}

// TestTrackGroupThatCannotBeLookedAt: what was not read is unknown. It is asked again.
func TestTrackGroupThatCannotBeLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlapping(t)
		f.cable(false)
		want(t, "down", f.became(), []election.State{election.Fault})
		unreadable := func(err error) {
			f.host.mu.Lock()
			defer f.host.mu.Unlock()
			f.host.unreadable = err
		}
		unreadable(errors.New("interrupted"))
		f.cable(true)
		time.Sleep(10 * time.Minute)
		want(t, "unknown", f.became(), []election.State(nil))
		unreadable(nil)
		time.Sleep(2 * time.Minute)
		want(t, "known", f.became(), []election.State{election.Backup, election.Master})
	})
}
