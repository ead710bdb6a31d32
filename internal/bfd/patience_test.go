package bfd

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inFlood runs f in simulated time with a host that has a quick session with b and others with three more, all of them up, and
// whose socket from then on has more in it than it reads.
func inFlood(t *testing.T, f func(e *ether, a, b *node)) {
	synctest.Test(t, func(t *testing.T) {
		e := newEther()
		fast := Timing{MinTX: 10 * ms, MinRX: 10 * ms, IdleTX: time.Second, Multiplier: 5}
		between := func(name, neighbor string) SessionSpec {
			s := specOf(name, neighbor, "")
			s.Timing = fast
			return s
		}
		names := map[string]string{"b": "192.0.2.2", "c": "192.0.2.3", "d": "192.0.2.4", "e": "192.0.2.5"}
		var all []SessionSpec
		nodes := make(map[string]*node)
		for name, at := range names {
			all = append(all, between(name, at))
			nodes[name] = run(t, host{e, addr(at)}, between("a", "192.0.2.1"))
		}
		a := run(t, host{e, addr("192.0.2.1")}, all...)
		time.Sleep(3 * time.Second)
		for name := range names {
			a.is(name, Up)
		}
		e.mu.Lock()
		e.pending = true
		e.mu.Unlock()
		f(e, a, nodes["b"])
	})
}

// TestExpiredSessionHoldsUpNobody: in a flood of packets, a session whose detection time is over waits for what may have been
// received for it, and no other session waits with it.
func TestExpiredSessionHoldsUpNobody(t *testing.T) {
	inFlood(t, func(e *ether, a, b *node) {
		var last time.Time
		var longest time.Duration
		e.mu.Lock()
		e.cutOff = addr("192.0.2.3")
		e.sent = func(from, to netip.Addr, at time.Time) {
			if from != addr("192.0.2.1") || to != addr("192.0.2.2") {
				return
			}
			if !last.IsZero() {
				longest = max(longest, at.Sub(last))
			}
			last = at
		}
		e.mu.Unlock()
		time.Sleep(45 * ms)
		a.is("c", Up)
		time.Sleep(time.Second)
		a.is("c", Down)
		a.is("b", Up)
		b.is("a", Up)
		if longest > 10*ms {
			t.Errorf("%v between two packets of a session with an interval of 10 ms", longest)
		}
	})
}

// TestExpiredSessionWaitsForWhatHasArrived: a packet that is read after the detection time is over, within the patience, keeps a
// session up; one that comes later does not.
func TestExpiredSessionWaitsForWhatHasArrived(t *testing.T) {
	for late, want := range map[time.Duration]State{patience / 2: Up, 2 * patience: Down} {
		inFlood(t, func(e *ether, a, _ *node) {
			e.mu.Lock()
			e.cutOff = addr("192.0.2.2")
			l := e.listeners[addr("192.0.2.1")][Port{}]
			e.mu.Unlock()
			synctest.Wait()
			a.mu.Lock()
			var p Packet
			var expiry Instant
			for _, s := range a.sessions {
				if s.spec.Name == "b" {
					expiry = s.core.expiry()
					p = Packet{State: Up, Multiplier: 5, MyDiscriminator: s.core.remote, YourDiscriminator: s.core.local, DesiredMinTX: 10 * ms, RequiredMinRX: 10 * ms}
				}
			}
			a.mu.Unlock()
			time.Sleep(expiry.Add(late).Sub(a.now()))
			l.deliver(Datagram{Payload: p.Append(nil), From: netip.AddrPortFrom(addr("192.0.2.2"), 49152), To: addr("192.0.2.1"), TTL: 255})
			synctest.Wait()
			a.is("b", want)
		})
	}
}

// TestPatienceIsNotAHoldUp: when all of the patience goes by while the process is held up, who reads has had no time either, and
// what it reads a moment later keeps the session up.
func TestPatienceIsNotAHoldUp(t *testing.T) {
	inFlood(t, func(e *ether, a, _ *node) {
		a.mu.Lock()
		var p Packet
		for _, s := range a.sessions {
			if s.spec.Name == "b" {
				p = Packet{State: Up, Multiplier: 5, MyDiscriminator: s.core.remote, YourDiscriminator: s.core.local, DesiredMinTX: 10 * ms, RequiredMinRX: 10 * ms}
			}
		}
		a.mu.Unlock()
		held := make(chan struct{})
		e.mu.Lock()
		e.cutOff = addr("192.0.2.2")
		l := e.listeners[addr("192.0.2.1")][Port{}]
		e.looked = sync.OnceFunc(func() {
			time.Sleep(2 * patience)
			close(held)
		})
		e.mu.Unlock()
		<-held
		time.Sleep(ms)
		l.deliver(Datagram{Payload: p.Append(nil), From: netip.AddrPortFrom(addr("192.0.2.2"), 49152), To: addr("192.0.2.1"), TTL: 255})
		synctest.Wait()
		a.is("b", Up)
		time.Sleep(time.Second)
		a.is("b", Down)
	})
}

// TestHeldUpBetweenTwoSessions: a process that is held up while it does what is due for one session has heard nothing of the others
// in that time, and takes none of them down for it.
func TestHeldUpBetweenTwoSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEther()
		var all []SessionSpec
		for name, at := range map[string]string{"b": "192.0.2.2", "c": "192.0.2.3", "d": "192.0.2.4"} {
			s, back := specOf(name, at, ""), specOf("a", "192.0.2.1", "")
			s.Timing = Timing{MinTX: 10 * ms, MinRX: 10 * ms, IdleTX: time.Second, Multiplier: 100} // its own silence is not the matter
			back.Timing = Timing{MinTX: 10 * ms, MinRX: 10 * ms, IdleTX: time.Second, Multiplier: 5}
			all = append(all, s)
			run(t, host{e, addr(at)}, back)
		}
		a := run(t, host{e, addr("192.0.2.1")}, all...)
		time.Sleep(3 * time.Second)
		e.mu.Lock()
		e.heldUp = addr("192.0.2.1")
		e.mu.Unlock()
		time.Sleep(3 * time.Second)
		e.mu.Lock()
		e.heldUp = netip.Addr{}
		e.mu.Unlock()
		time.Sleep(time.Second)
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, s := range a.sessions {
			if s.counters.Ups != 1 || s.counters.Downs != 0 {
				t.Errorf("%s went up %d times and down %d times", s.spec.Name, s.counters.Ups, s.counters.Downs)
			}
		}
	})
}
