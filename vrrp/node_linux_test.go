package vrrp

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// testInstance is an instance as a short configuration gives it: version 2, one second, one round of announcements.
func testInstance(name string, vrid, priority uint8) election.InstanceSpec {
	return election.InstanceSpec{
		Name: confparse.InstanceName(name), Link: "eth0", VRID: vrid, Family: confparse.IPv4, Version: 2,
		Priority: priority, AdvertInterval: time.Second, DownTimerAdverts: 3, TTL: 255, TrackLink: true,
		Group: netip.MustParseAddr("224.0.0.18"),
		Addresses: []election.Address{{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, vrid, 100}), 32), Link: "eth0",
		}},
		GARP: confparse.GARP{MasterRepeat: 1, MasterRefreshRepeat: 1, LowerPrioRepeat: 1},
	}
}

func testSpec(list ...election.InstanceSpec) election.Spec {
	return election.Spec{Instances: slices.Clone(list)}
}

// node is a running Runner on a simulated machine.
type node struct {
	t    *testing.T
	host *host
	*Runner
	stop context.CancelFunc
	done chan error
}

// start runs a Runner with the instances. It ends at the latest with the test.
func start(t *testing.T, h *host, o Options, list ...election.InstanceSpec) *node {
	t.Helper()
	o.Network = h
	r, err := NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &node{t: t, host: h, Runner: r, stop: cancel, done: make(chan error, 1)}
	go func() { n.done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		r.Kill()
		<-r.ended
	})
	n.apply(list...)
	return n
}

func (n *node) apply(list ...election.InstanceSpec) {
	n.t.Helper()
	if err := n.Apply(context.Background(), testSpec(list...)); err != nil {
		n.t.Fatalf("apply: %v", err)
	}
}

// ended waits for Run to return.
func (n *node) wait() {
	n.t.Helper()
	if err := <-n.done; err != nil {
		n.t.Errorf("Run: %v", err)
	}
}

// state returns the state of an instance.
func (n *node) state(name string) election.State {
	n.t.Helper()
	synctest.Wait()
	for _, s := range n.Status().Instances {
		if s.Name == confparse.InstanceName(name) {
			return s.State
		}
	}
	n.t.Fatalf("no instance %s", name)
	return election.Init
}

func (n *node) counters(name string) election.Counters {
	n.t.Helper()
	time.Sleep(publishDelay)
	synctest.Wait()
	for _, s := range n.Status().Instances {
		if s.Name == confparse.InstanceName(name) {
			return s.Counters
		}
	}
	n.t.Fatalf("no instance %s", name)
	return election.Counters{}
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, election.Audience{}, confparse.Program{})); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
