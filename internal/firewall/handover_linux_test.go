package firewall

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
)

func TestConnectionsUnderWayGoOnAtThePreviousMaster(t *testing.T) {
	eachFamily(t, func(l *lan) {
		l.directors()
		old := l.open(l.first)
		var h Handover
		defer h.Close()
		l.arm(&h)
		l.check(l.begin(&h, l.to(time.Minute)))
		l.move()
		l.answers(old, l.first)
		fresh := l.open(l.new)
		l.answers(fresh, l.new) // its later segments carry no SYN
		l.answers(old, l.first)
		l.check(h.Close())
		l.gone()
		l.reset(old, "without the rules") // or this test shows nothing
	})
}

// However late the rules become active, what has begun here meanwhile is not passed on.
func TestLateRulesLeaveNewConnectionsAlone(t *testing.T) {
	eachFamily(t, func(l *lan) {
		l.directors()
		old := l.open(l.first)
		var h Handover
		defer h.Close()
		l.arm(&h)
		l.move()
		fresh := l.open(l.new)
		l.check(l.begin(&h, l.to(time.Minute)))
		l.answers(fresh, l.new)
		l.answers(old, l.first)
		l.answers(fresh, l.new)
	})
}

// TestRivalsConnectionsGoOn: after a time with two masters the connections of the one that gives way go on there, and those that
// the other has itself stay where they are.
func TestRivalsConnectionsGoOn(t *testing.T) {
	eachFamily(t, func(l *lan) {
		l.directors()
		theirs := l.open(l.first)
		l.move() // both have the address
		ours := l.open(l.new)
		m := l.to(time.Minute)
		m.Own = func() ([]netip.AddrPort, error) {
			return []netip.AddrPort{netip.MustParseAddrPort(ours.LocalAddr().String())}, nil
		}
		var h Handover
		defer h.Close()
		l.check(l.begin(&h, m)) // nobody expected it
		l.answers(theirs, l.first)
		l.answers(ours, l.new)
		fresh := l.open(l.new)
		l.answers(fresh, l.new)
		l.answers(theirs, l.first)
		l.direct(l.firstMAC)
		l.reset(ours, "at the other one") // or this test shows nothing
	})
}

func TestArmedRulesDoNothingYet(t *testing.T) {
	l := newLAN(t, false).directors()
	old := l.open(l.first)
	var h Handover
	defer h.Close()
	l.arm(&h)
	l.move()
	l.reset(old, "with rules that are only armed")
}

func TestMoveEnds(t *testing.T) {
	l := newLAN(t, false)
	l.echo(l.first, 80)
	old := l.open(l.first)
	var h Handover
	defer h.Close()
	l.check(l.new.Do(func() error { return h.Arm(l.previous, time.Millisecond) }))
	l.check(l.begin(&h, l.to(3*time.Second)))
	l.move()
	l.until("the connection to be reset, the table being there or not", func() error {
		if who, err := ask(old, patience); err == nil {
			return fmt.Errorf("answered by %q", who)
		}
		return nil
	})
	l.gone()
}

// routed is a LAN with a server behind the new director, which forwards between it and the client.
type routed struct {
	*lan
	server  *testlan.Host
	address netip.Addr
}

func newRouted(t *testing.T) *routed {
	l := newLAN(t, false)
	r := &routed{lan: l, address: netip.MustParseAddr("10.10.0.11")}
	inside, err := l.lab.Segment("inside")
	l.check(err)
	r.server, err = l.lab.Host("server")
	l.check(err)
	_, err = r.server.Attach(inside, "eth0", netip.PrefixFrom(r.address, 24))
	l.check(err)
	_, err = l.new.Attach(inside, "eth1", netip.MustParsePrefix("10.10.0.3/24"))
	l.check(err)
	l.check(l.new.Sysctl("net/ipv4/ip_forward", "1"))
	l.check(r.server.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("10.10.0.3")))
	l.check(l.client.AddRoute(netip.MustParsePrefix("10.10.0.0/24"), netip.MustParseAddr("10.9.0.3")))
	r.echo(r.server, 8080)
	r.echo(r.server, 22)
	return r
}

func (r *routed) connect(port uint16) net.Conn {
	r.t.Helper()
	c := r.dial(netip.AddrPortFrom(r.address, port))
	r.answers(c, r.server)
	return c
}

// What is merely forwarded goes on while an address moves: from a previous master that does not forward it would not come
// back.
func TestForwardedConnectionsAreLeftAlone(t *testing.T) {
	r := newRouted(t)
	plain := r.connect(22)
	var h Handover
	defer h.Close()
	r.arm(&h)
	r.check(r.begin(&h, r.to(time.Minute, netip.AddrPortFrom(r.address, 8080))))
	r.move()
	r.answers(plain, r.server)
	r.answers(r.connect(22), r.server)
}

// Answers of the real servers of what has moved go to the previous master, which may know their connections. They come
// back when the move is over, or at once from one that forwards.
func TestAnswersGoToThePreviousMaster(t *testing.T) {
	r := newRouted(t)
	answer := r.connect(8080)
	var h Handover
	defer h.Close()
	r.arm(&h)
	r.check(r.begin(&h, r.to(time.Minute, netip.AddrPortFrom(r.address, 8080))))
	r.move()
	if who, err := ask(answer, 300*time.Millisecond); !isTimeout(err) {
		t.Errorf("answered by %q (%v): the answer did not go by a director that drops it", who, err)
	}
	if n := r.forwarded(r.first); n != 0 {
		t.Errorf("the previous master has forwarded %d segments", n)
	}
	r.check(r.first.Sysctl("net/ipv4/ip_forward", "1"))
	r.answers(answer, r.server)
	if n := r.forwarded(r.first); n == 0 {
		t.Error("the answer did not go by the previous master")
	}
	r.check(h.Close())
	before := r.forwarded(r.first)
	r.answers(answer, r.server)
	if n := r.forwarded(r.first) - before; n != 0 {
		t.Errorf("%d segments went by the previous master after the move", n)
	}
}

// A previous master that gave its address up at once and forwards sends back what is passed on to it. That must neither go
// round in circles nor keep the client in the dark.
func TestPreviousMasterWithoutTheAddress(t *testing.T) {
	eachFamily(t, func(l *lan) {
		l.directors()
		for _, h := range []*testlan.Host{l.first, l.new} {
			l.check(h.Sysctl("net/ipv4/ip_forward", "1"))
			l.check(h.Sysctl("net/ipv4/conf/all/send_redirects", "0"))
			l.check(h.Sysctl("net/ipv6/conf/all/forwarding", "1"))
		}
		// It has sockets of its own here, as a director has not: what belongs to one is not forwarded.
		l.check(l.first.Sysctl("net/ipv4/ip_early_demux", "0"))
		old := l.open(l.first)
		var h Handover
		defer h.Close()
		l.arm(&h)
		l.check(l.begin(&h, l.to(time.Minute)))
		prefix := netip.PrefixFrom(l.vip, l.vip.BitLen()).String()
		_, err := l.first.Output(t.Context(), "ip", "addr", "del", prefix, "dev", "eth0")
		l.check(err)
		l.move()
		before := l.forwarded(l.first)
		l.reset(old, "nobody has it")
		if n := l.forwarded(l.first) - before; n < 1 || n > 10 {
			t.Errorf("%d segments were forwarded for a line of one client, want each once", n)
		}
	})
}

// forwarded counts the packets that a host has forwarded, of either family.
func (l *lan) forwarded(h *testlan.Host) int {
	total := 0
	for _, command := range [][]string{{"cat", "/proc/net/snmp"}, {"cat", "/proc/net/snmp6"}} {
		out, err := h.Output(l.t.Context(), command...)
		if err != nil {
			l.t.Fatal(err)
		}
		lines := strings.Split(out, "\n")
		if command[1] == "/proc/net/snmp6" {
			for _, line := range lines {
				if f := strings.Fields(line); len(f) == 2 && f[0] == "Ip6OutForwDatagrams" {
					n, _ := strconv.Atoi(f[1])
					total += n
				}
			}
			continue
		}
		names, values := strings.Fields(lines[0]), strings.Fields(lines[1])
		for i, name := range names {
			if name == "ForwDatagrams" {
				n, _ := strconv.Atoi(values[i])
				total += n
			}
		}
	}
	return total
}

// A move may come without warning, as in a sync group.
func TestMoveThatWasNotArmed(t *testing.T) {
	eachFamily(t, func(l *lan) {
		l.directors()
		old := l.open(l.first)
		var h Handover
		defer h.Close()
		l.check(l.begin(&h, l.to(time.Minute)))
		l.move()
		l.answers(old, l.first)
		l.answers(l.open(l.new), l.new)
		l.answers(old, l.first)
	})
}
