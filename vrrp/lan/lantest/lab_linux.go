// Package lantest runs tests on real kernels: machines in network namespaces, each with the lan.Kernel of its own.
package lantest

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/testlan"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// Group is the multicast group of IPv4.
var Group = netip.AddrFrom4([4]byte{224, 0, 0, 18})

// Node is a machine of a laboratory: a namespace with eth0, and the real Kernel in it.
type Node struct {
	*testlan.Host
	Cable  *testlan.Cable // of eth0
	Kernel *lan.Kernel

	t *testing.T
}

// Laboratory makes machines a, b, c … on one segment, with MAC addresses 02:00:00:00:00:01 … and 10.77.0.1/24 ….
func Laboratory(t *testing.T, n int) (*testlan.Lab, []*Node) {
	t.Helper()
	lab := testlan.ForTest(t)
	segment, err := lab.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]*Node, n)
	for i := range nodes {
		h, err := lab.Host(string(rune('a' + i)))
		if err != nil {
			t.Fatal(err)
		}
		node := &Node{Host: h, t: t}
		node.Cable, err = h.Attach(segment, "eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}), 24))
		if err != nil {
			t.Fatal(err)
		}
		err = h.Do(func() (err error) {
			node.Kernel, err = lan.OpenKernel()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.Kernel.Close(); err != nil {
				t.Error(err)
			}
		})
		nodes[i] = node
	}
	connected(t, nodes)
	return lab, nodes
}

// connected waits until every machine hears every other one: what is sent just after an interface came up may be lost.
func connected(t *testing.T, nodes []*Node) {
	t.Helper()
	probe := wire.Advert{Version: 2, VRID: 255, Interval: time.Second}
	missing := make(map[[2]int]bool)
	senders := make([]lan.Conn, len(nodes))
	packets := make(chan [2]int, 1000)
	for i, n := range nodes {
		c, err := n.Kernel.Listen(lan.Segment{Link: n.Link(), Family: confparse.IPv4, Group: Group}, func(p lan.Received) {
			select {
			case packets <- [2]int{int(p.Header.Source.As4()[3]) - 1, i}:
			default:
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Admit(lan.Admission{VRIDs: []uint8{probe.VRID}}); err != nil {
			t.Fatal(err)
		}
		senders[i] = c
		for j := range nodes {
			if i != j {
				missing[[2]int{i, j}] = true
			}
		}
	}
	Until(t, "all machines connected", func() error {
		for len(packets) > 0 {
			delete(missing, <-packets)
		}
		if len(missing) == 0 {
			return nil
		}
		for i, c := range senders {
			source := netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)})
			_ = c.Send(probe, wire.IPHeader{Source: source, Destination: Group, TTL: 255}) // tried again
		}
		return fmt.Errorf("%d pairs are not", len(missing))
	})
}

// Capture records what passes the segment from now on.
func (n *Node) Capture(lab *testlan.Lab) *testlan.Capture {
	n.t.Helper()
	c, err := lab.Capture()
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// Link returns eth0.
func (n *Node) Link() netio.Link {
	n.t.Helper()
	l, err := n.Kernel.Link("eth0")
	if err != nil {
		n.t.Fatal(err)
	}
	return l
}

// Listen opens a socket whose packets come through the channel.
func (n *Node) Listen(on lan.Segment, vrids ...uint8) (lan.Conn, <-chan lan.Received) {
	n.t.Helper()
	packets := make(chan lan.Received, 100)
	c, err := n.Kernel.Listen(on, func(p lan.Received) { packets <- p })
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			n.t.Error(err)
		}
	})
	if err := c.Admit(lan.Admission{VRIDs: vrids}); err != nil {
		n.t.Fatal(err)
	}
	return c, packets
}

// hung is when what is waited for is given up: on a busy or emulated machine it may take long.
const hung = 5 * time.Minute

// Until waits for a condition in real time.
func Until(t *testing.T, what string, cond func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	if err := testlan.Until(ctx, what, cond); err != nil {
		t.Fatal(err)
	}
}
