package bfd

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// loaded is how long anything may take on a machine that is busy with other things.
const loaded = 90 * time.Second

// inHost is the kernel's network of a host.
type inHost struct{ host *testlan.Host }

func (n inHost) Listen(p Port, deliver func(Datagram)) (l Listener, err error) {
	err = n.host.Do(func() (err error) {
		l, err = OpenNetwork().Listen(p, deliver)
		return err
	})
	return l, err
}

func (n inHost) Dial(s SessionSpec) (c Conn, err error) {
	err = n.host.Do(func() (err error) {
		c, err = OpenNetwork().Dial(s)
		return err
	})
	return c, err
}

// twoHosts are ours, with 10.77.0.1, 10.77.1.1 and fd77::1, and theirs, with .2 and ::2, and the cable of theirs.
func twoHosts(t *testing.T) (lab *testlan.Lab, ours, theirs *testlan.Host, cable *testlan.Cable) {
	t.Helper()
	lab = testlan.ForTest(t)
	segment, err := lab.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		h, err := lab.Host(string(rune('a' + i)))
		if err != nil {
			t.Fatal(err)
		}
		cable, err = h.Attach(segment, "eth0", netip.MustParsePrefix(fmt.Sprintf("10.77.0.%d/24", i+1)),
			netip.MustParsePrefix(fmt.Sprintf("10.77.1.%d/24", i+1)), netip.MustParsePrefix(fmt.Sprintf("fd77::%d/64", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs = theirs, h
	}
	return lab, ours, theirs, cable
}

// patient is a Timing that a busy machine keeps: 50 packets may be late.
var patient = Timing{MinTX: 100 * ms, MinRX: 100 * ms, IdleTX: time.Second, Multiplier: 50}

// towards is a session of ours with an address of theirs.
func towards(name, neighbor, source string) SessionSpec {
	return SessionSpec{Name: name, Neighbor: addr(neighbor), Source: addr(source), TTL: 255, Timing: patient}
}

// until waits for a session to be as it should.
func (n *node) until(what, name string, cond func(SessionStatus) bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), loaded)
	defer cancel()
	err := testlan.Until(ctx, what, func() error {
		if s := n.session(name); !cond(s) {
			return fmt.Errorf("%+v, ports %+v", s, n.Status().Ports)
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) untilUp(what string, names ...string) {
	n.t.Helper()
	for _, name := range names {
		n.until(what, name, func(s SessionStatus) bool { return s.State == Up && s.RemoteState == Up })
	}
}

// untilDown waits for sessions to be down, as said by nobody.
func (n *node) untilDown(what string, names ...string) {
	n.t.Helper()
	for _, name := range names {
		n.until(what, name, func(s SessionStatus) bool { return s.State == Down && s.Remote == 0 })
	}
}
