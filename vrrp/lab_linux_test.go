package vrrp

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/testlan"
)

// labNode is a machine of a laboratory: a namespace with eth0, and the real Kernel in it.
type labNode struct {
	*testlan.Host
	t      *testing.T
	cable  *testlan.Cable
	kernel *Kernel
}

// laboratory makes machines a, b, c … on one segment, with MAC addresses 02:00:00:00:00:01 … and 10.77.0.1/24 ….
func laboratory(t *testing.T, n int) (*testlan.Lab, []*labNode) {
	t.Helper()
	testlan.RequireNetns(t)
	lab, err := testlan.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	segment, err := lab.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]*labNode, n)
	for i := range nodes {
		h, err := lab.Host(string(rune('a' + i)))
		if err != nil {
			t.Fatal(err)
		}
		node := &labNode{Host: h, t: t}
		node.cable, err = h.Attach(segment, "eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}), 24))
		if err != nil {
			t.Fatal(err)
		}
		err = h.Do(func() (err error) {
			node.kernel, err = OpenKernel()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.kernel.Close(); err != nil {
				t.Error(err)
			}
		})
		nodes[i] = node
	}
	connected(t, nodes)
	return lab, nodes
}

// connected waits until every machine hears every other one: what is sent just after an interface came up may be lost.
func connected(t *testing.T, nodes []*labNode) {
	t.Helper()
	probe := Advert{Version: 2, VRID: 255, Interval: time.Second}
	missing := make(map[[2]int]bool)
	senders := make([]Conn, len(nodes))
	packets := make(chan [2]int, 1000)
	for i, n := range nodes {
		c, err := n.kernel.Listen(Segment{Link: n.link(), Family: confparse.IPv4, Group: group4}, func(p Received) {
			select {
			case packets <- [2]int{int(p.Header.Source.As4()[3]) - 1, i}:
			default:
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Accept([]uint8{probe.VRID}); err != nil {
			t.Fatal(err)
		}
		senders[i] = c
		for j := range nodes {
			if i != j {
				missing[[2]int{i, j}] = true
			}
		}
	}
	until(t, 5*time.Second, "all machines connected", func() error {
		for len(packets) > 0 {
			delete(missing, <-packets)
		}
		if len(missing) == 0 {
			return nil
		}
		for i, c := range senders {
			source := netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)})
			_ = c.Send(probe, IPHeader{Source: source, Destination: group4, TTL: 255}) // tried again
		}
		return fmt.Errorf("%d pairs are not", len(missing))
	})
}

func (n *labNode) capture(lab *testlan.Lab) *testlan.Capture {
	n.t.Helper()
	c, err := lab.Capture()
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func (n *labNode) link() netio.Link {
	n.t.Helper()
	l, err := n.kernel.Link("eth0")
	if err != nil {
		n.t.Fatal(err)
	}
	return l
}

// listen opens a socket whose packets come through the channel.
func (n *labNode) listen(on Segment, vrids ...uint8) (Conn, <-chan Received) {
	n.t.Helper()
	packets := make(chan Received, 100)
	c, err := n.kernel.Listen(on, func(p Received) { packets <- p })
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			n.t.Error(err)
		}
	})
	if err := c.Accept(vrids); err != nil {
		n.t.Fatal(err)
	}
	return c, packets
}

// run starts a Runner on the machine; the function returned stops it and waits.
func (n *labNode) run(o Options, list ...InstanceSpec) (r *Runner, stop func()) {
	n.t.Helper()
	o.Network = n.kernel
	r, err := NewRunner(o)
	if err != nil {
		n.t.Fatal(err)
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
			n.t.Errorf("Run: %v", err)
		}
	}
	n.t.Cleanup(stop)
	if err := r.Apply(ctx, testSpec(list...)); err != nil {
		n.t.Fatal(err)
	}
	return r, stop
}

// until waits for a condition in real time.
func until(t *testing.T, limit time.Duration, what string, cond func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := testlan.Until(ctx, what, cond); err != nil {
		t.Fatal(err)
	}
}

func untilState(t *testing.T, r *Runner, s State) {
	t.Helper()
	until(t, 10*time.Second, "state "+s.String(), func() error {
		if got := r.Status().Instances[0].State; got != s {
			return fmt.Errorf("state is %s", got)
		}
		return nil
	})
}

// virtual returns the addresses of eth0 that carry our mark.
func (n *labNode) virtual() []netip.Prefix {
	n.t.Helper()
	all, err := n.kernel.Addresses()
	if err != nil {
		n.t.Fatal(err)
	}
	var ours []netip.Prefix
	for _, a := range all {
		if a.Protocol == netio.Protocol {
			ours = append(ours, a.Prefix)
		}
	}
	return ours
}

var (
	nodeA, nodeB = netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")
	nodeC        = netip.MustParseAddr("10.77.0.3")
)
