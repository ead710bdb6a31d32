package bfd

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOverTheKernel: two of ours over both families and both ports; packets have the ports and the TTL of RFC 5881 §4 and §5,
// and sessions find each other by the addresses that they are for.
func TestOverTheKernel(t *testing.T) {
	_, ours, theirs, cable := twoHosts(t)
	far := towards("far", "10.77.1.2", "10.77.1.1")
	far.Multihop, far.TTL, far.MaxHops = true, 64, 3
	six := towards("six", "fd77::2", "")
	six.TTL = 64 // as it is by default
	names := []string{"four", "five", "six", "far"}
	a := run(t, inHost{ours}, towards("four", "10.77.0.2", ""), towards("five", "10.77.0.2", "10.77.1.1"), six, far)
	back, backSix := far, six
	back.Neighbor, back.Source, back.TTL = addr("10.77.1.1"), addr("10.77.1.2"), 61
	backSix.Neighbor, backSix.Timing.Passive = addr("fd77::1"), true
	b := run(t, inHost{theirs}, towards("four", "10.77.0.1", "10.77.0.2"), towards("five", "10.77.1.1", "10.77.0.2"), backSix, back)
	a.untilUp("up", names...)
	b.untilUp("up", names...)

	if err := cable.Cut(); err != nil {
		t.Fatal(err)
	}
	a.untilDown("cut", names...)
	b.untilDown("cut", names...)
	if err := cable.Mend(); err != nil {
		t.Fatal(err)
	}
	a.untilUp("mended", names...)
	b.stop()
	for _, name := range names {
		a.until("stopped in order", name, func(s SessionStatus) bool { return s.State == Down })
		if s := a.session(name); s.Diagnostic != NeighborSignaledDown && s.Diagnostic != DetectionTimeExpired {
			t.Errorf("%+v", s)
		}
	}
}

// TestWhatPacketsLookLike reads them off a socket of the neighbour.
func TestWhatPacketsLookLike(t *testing.T) {
	_, ours, theirs, _ := twoHosts(t)
	for _, tt := range []struct {
		spec SessionSpec
		ttl  int
	}{
		{towards("four", "10.77.0.2", ""), 255},
		{SessionSpec{Name: "six", Neighbor: addr("fd77::2"), TTL: 64, Timing: patient}, 64},
		{SessionSpec{Name: "far", Neighbor: addr("10.77.0.2"), Multihop: true, TTL: 7, Timing: patient}, 7},
	} {
		got := make(chan Datagram, 64)
		l, err := inHost{theirs}.Listen(tt.spec.port(), func(d Datagram) {
			d.Payload = append([]byte(nil), d.Payload...)
			select {
			case got <- d:
			default:
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		n := run(t, inHost{ours}, tt.spec)
		var d Datagram
		select {
		case d = <-got:
		case <-time.After(loaded):
			t.Fatalf("%s: nothing is sent", tt.spec.Name)
		}
		n.stop()
		if p, drop := ParsePacket(d.Payload); drop != DropNone || p.State != Down || p.Multiplier != 50 || len(d.Payload) != 24 {
			t.Errorf("%s: %v, %+v", tt.spec.Name, drop, p)
		}
		if d.TTL != tt.ttl || d.From.Port() < firstSourcePort || d.To != tt.spec.Neighbor || d.Multihop != tt.spec.Multihop {
			t.Errorf("%s: %+v", tt.spec.Name, d)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHostileNeighbour: one on the wire who floods the ports with all that there is, from where it can, changes no session.
func TestHostileNeighbour(t *testing.T) {
	_, ours, theirs, _ := twoHosts(t)
	a := run(t, inHost{ours}, towards("four", "10.77.0.2", ""), towards("six", "fd77::2", ""))
	b := run(t, inHost{theirs}, towards("four", "10.77.0.1", ""), towards("six", "fd77::1", ""))
	a.untilUp("up", "four", "six")
	b.untilUp("up", "four", "six")
	was := [2]SessionStatus{a.session("four"), a.session("six")}

	down := Packet{State: Down, Multiplier: 1, MyDiscriminator: 1, DesiredMinTX: time.Second}
	guess := down
	guess.YourDiscriminator = was[0].Local ^ 1
	long := make([]byte, 1400)
	payloads := [][]byte{[]byte("junk"), {}, long, down.Append(nil), guess.Append(nil), append(down.Append(nil), long...)}
	const rounds = 400
	sent := 0
	for _, to := range []string{"10.77.0.1", "10.77.1.1", "fd77::1"} {
		for _, ttl := range []int{1, 254} { // what comes with 255 from the neighbour is the neighbour's
			c, err := hostileSocket(inHost{theirs}, addr(to), ttl)
			if err != nil {
				t.Fatal(err)
			}
			for range rounds {
				for _, p := range payloads {
					if _, err := c.Write(p); err == nil { // while it is refused nothing is lost: what counts is that much gets there
						sent++
					}
				}
			}
			_ = c.Close()
		}
	}
	a.until("the flood is counted", "four", func(SessionStatus) bool {
		total := uint64(0)
		for _, d := range a.Status().Dropped {
			total += d.Count
		}
		return total > uint64(sent)/100
	})
	a.untilUp("after the flood", "four", "six")
	for i, name := range []string{"four", "six"} {
		if now := a.session(name); !now.Since.Equal(was[i].Since) || now.Counters.Downs != 0 || now.Remote != was[i].Remote {
			t.Errorf("%+v, was %+v", now, was[i])
		}
	}
	if n := len(a.Status().Sessions); n != 2 {
		t.Errorf("%d sessions", n)
	}
	t.Logf("of %d hostile datagrams dropped: %+v", sent, a.Status().Dropped)
}

// hostileSocket sends to BFD's port of an address.
func hostileSocket(n inHost, to netip.Addr, ttl int) (c net.Conn, err error) {
	err = n.host.Do(func() (err error) {
		level, option := unix.IPPROTO_IP, unix.IP_TTL
		if to.Is6() {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
		}
		d := net.Dialer{Control: options([3]int{level, option, ttl})}
		c, err = d.Dial("udp", netip.AddrPortFrom(to, singleHopPort).String())
		return err
	})
	return c, err
}

// TestPortInUse: with another program on BFD's port the sessions say so, and come up when it has gone.
func TestPortInUse(t *testing.T) {
	_, ours, theirs, _ := twoHosts(t)
	other, err := inHost{ours}.Listen(Port{}, func(Datagram) {})
	if err != nil {
		t.Fatal(err)
	}
	a := run(t, inHost{ours}, towards("four", "10.77.0.2", ""))
	run(t, inHost{theirs}, towards("four", "10.77.0.1", ""))
	if s := a.Status(); len(s.Ports) != 1 || s.Ports[0].Port != singleHopPort || s.Ports[0].Trouble == "" {
		t.Errorf("%+v", s.Ports)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	a.untilUp("the port is free", "four")
}

// TestSourceThatComesLater: a session whose source is not there yet waits for it.
func TestSourceThatComesLater(t *testing.T) {
	_, ours, theirs, _ := twoHosts(t)
	a := run(t, inHost{ours}, towards("late", "10.77.0.2", "10.77.0.50"))
	run(t, inHost{theirs}, towards("late", "10.77.0.50", ""))
	if s := a.session("late"); s.Trouble == "" {
		t.Errorf("%+v", s)
	}
	if err := ours.AddAddress("eth0", netip.MustParsePrefix("10.77.0.50/24")); err != nil {
		t.Fatal(err)
	}
	a.untilUp("the address is there", "late")
	if s := a.session("late"); s.Trouble != "" {
		t.Errorf("%+v", s)
	}
}
