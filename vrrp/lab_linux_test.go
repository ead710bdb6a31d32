package vrrp

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// run starts a Runner on the machine; the function returned stops it and waits.
func run(t *testing.T, n *lantest.Node, o Options, list ...election.InstanceSpec) (r *Runner, stop func()) {
	t.Helper()
	o.Network = n.Kernel
	r, err := NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	if err := r.Apply(ctx, testSpec(list...)); err != nil {
		t.Fatal(err)
	}
	return r, stop
}

func untilState(t *testing.T, r *Runner, s election.State) {
	t.Helper()
	lantest.Until(t, "state "+s.String(), func() error {
		if got := r.Status().Instances[0].State; got != s {
			return fmt.Errorf("state is %s", got)
		}
		return nil
	})
}

// virtual returns the addresses of eth0 that carry our mark.
func virtual(t *testing.T, n *lantest.Node) []netip.Prefix {
	t.Helper()
	all, err := n.Kernel.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	var ours []netip.Prefix
	for _, a := range all {
		if a.Protocol == netio.Protocol {
			ours = append(ours, a.Prefix)
		}
	}
	return ours
}
