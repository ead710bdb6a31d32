package bfd

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// pair is two sessions and the network between them, in simulated time.
type pair struct {
	rand    *rand.Rand
	now     Instant
	ends    [2]*Session
	flight  flight
	count   int // packets so far, which orders those that arrive at one moment
	loss    float64
	delay   time.Duration // at most
	cut     bool
	deaf    [2]bool // hears nothing
	sent    [2]int
	changes [2][]Changed
	steps   int
}

// packetOnTheWay is a packet as bytes: what cannot be written is not sent.
type packetOnTheWay struct {
	at    Instant
	order int
	to    int
	bytes []byte
}

type flight []packetOnTheWay

func (f flight) Len() int { return len(f) }
func (f flight) Less(i, j int) bool {
	return f[i].at < f[j].at || f[i].at == f[j].at && f[i].order < f[j].order
}
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)   { *f = append(*f, x.(packetOnTheWay)) }
func (f *flight) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

func newPair(seed uint64, a, b Timing) *pair {
	r := rand.New(rand.NewPCG(seed, 5880))
	return &pair{rand: r, ends: [2]*Session{NewSession(0, r.Uint32()|1, a), NewSession(0, r.Uint32()|1, b)}, delay: ms}
}

// step gives an event to one end and puts what it sends on the wire.
func (p *pair) step(end int, ev Event) {
	p.steps++
	for _, a := range p.ends[end].Step(p.now, ev) {
		switch a := a.(type) {
		case Changed:
			p.changes[end] = append(p.changes[end], a)
		case Send:
			p.sent[end]++
			for p.rand.Float64() >= p.loss && !p.cut && !p.deaf[1-end] {
				p.count++
				heap.Push(&p.flight, packetOnTheWay{p.now.Add(time.Duration(p.rand.Int64N(int64(p.delay)))), p.count, 1 - end, a.Packet.Append(nil)})
				if p.rand.Float64() >= p.loss/4 { // with loss come duplicates
					break
				}
			}
		}
	}
}

// run lets time pass until then.
func (p *pair) run(until Instant) {
	for {
		next := min(p.ends[0].Deadline(), p.ends[1].Deadline())
		if len(p.flight) > 0 && p.flight[0].at <= next {
			next = p.flight[0].at
		}
		if next > until {
			p.now = until
			return
		}
		p.now = max(p.now, next)
		if len(p.flight) > 0 && p.flight[0].at <= p.now {
			in := heap.Pop(&p.flight).(packetOnTheWay)
			if packet, drop := ParsePacket(in.bytes); drop == DropNone &&
				(packet.YourDiscriminator == 0 || packet.YourDiscriminator == p.ends[in.to].local) {
				p.step(in.to, PacketReceived{packet})
			}
			continue
		}
		for end, s := range p.ends {
			if s.Deadline() <= p.now {
				p.step(end, Wake{Jitter: uint8(p.rand.Uint32())})
			}
		}
	}
}

// someTiming is one that can work with any other: the delay of the network is within every detection time.
func someTiming(r *rand.Rand, passive bool) Timing {
	between := func(lo, hi int) time.Duration { return time.Duration(lo+r.IntN(hi-lo)) * ms }
	return Timing{MinTX: between(10, 2000), MinRX: between(10, 500), IdleTX: between(1000, 2000),
		Multiplier: uint8(2 + r.IntN(5)), Passive: passive}
}

// TestPairsComeUpAndGoDown: whatever network two sessions have been in, and however they are timed, they are up when it
// works, stay so, and both know when it ends; and nobody sends more than it may.
func TestPairsComeUpAndGoDown(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, b := someTiming(r, seed%3 == 0), someTiming(r, false)
		p := newPair(seed, a, b)
		p.loss, p.delay = 0.6*r.Float64(), time.Duration(1+r.IntN(300))*ms
		fail := func(format string, args ...any) {
			t.Fatalf("seed %d, at %v, %+v and %+v: %s", seed, time.Duration(p.now), a, b, fmt.Sprintf(format, args...))
		}
		for range 10 { // chaos
			p.cut = r.IntN(4) == 0
			p.run(p.now.Add(time.Duration(r.IntN(5000)) * ms))
			if r.IntN(3) == 0 {
				a = someTiming(r, a.Passive)
				p.step(0, Retimed{a})
			}
			if r.IntN(5) == 0 { // one end starts anew
				p.ends[1] = NewSession(p.now, r.Uint32()|1, b)
			}
		}
		p.loss, p.cut, p.delay = 0, false, 3*ms
		detection := 6 * time.Duration(2000) * ms
		p.run(p.now.Add(2*detection + 10*time.Second))
		for end, s := range p.ends {
			if s.state != Up || s.remoteState != Up || s.poll {
				fail("end %d is %v and heard %v, polls %v", end, s.state, s.remoteState, s.poll)
			}
			if want := time.Duration(p.ends[1-end].timing.Multiplier) * max(s.timing.MinRX, p.ends[1-end].timing.MinTX); s.Timers().Detection != want {
				fail("end %d: detection time %v, want %v", end, s.Timers().Detection, want)
			}
		}
		sent, changes := p.sent, [2]int{len(p.changes[0]), len(p.changes[1])}
		const span = 60 * time.Second
		p.run(p.now.Add(span))
		for end, s := range p.ends {
			if len(p.changes[end]) != changes[end] {
				fail("end %d does not stay up: %+v", end, p.changes[end][changes[end]:])
			}
			interval := max(s.timing.MinTX, p.ends[1-end].timing.MinRX)
			if n := time.Duration(p.sent[end] - sent[end]); n*interval*3/4 > span+interval || (n+1)*interval < span {
				fail("end %d sent %d packets in %v, one in %v is agreed", end, n, span, interval)
			}
		}
		p.cut = true
		p.run(p.now.Add(max(p.ends[0].Timers().Detection, p.ends[1].Timers().Detection) + p.delay))
		for end, s := range p.ends {
			if last := p.changes[end][len(p.changes[end])-1]; s.state != Down || last.Diagnostic != DetectionTimeExpired || last.Overdue != 0 {
				fail("end %d after the cut: %v, %+v", end, s.state, last)
			}
		}
		if p.steps > 500_000 {
			fail("%d steps", p.steps)
		}
	}
}

// TestPairGoesDownInOrder: a session that is disabled takes its neighbour down in the time of one packet, and is done when
// that says so.
func TestPairGoesDownInOrder(t *testing.T) {
	p := newPair(1, quick, quick)
	p.run(Instant(5 * time.Second))
	p.step(0, Disabled{})
	at := p.now
	p.run(at.Add(2 * p.delay))
	if last := p.changes[1][len(p.changes[1])-1]; last.To != Down || last.Diagnostic != NeighborSignaledDown ||
		last.RemoteDiagnostic != AdministrativelyDown || !p.ends[0].Done() {
		t.Errorf("%+v; done %v", last, p.ends[0].Done())
	}
}

// TestOneWay: a session whose packets are lost on one way is not up on either side.
func TestOneWay(t *testing.T) {
	p := newPair(2, quick, quick)
	p.deaf[0] = true
	p.run(Instant(20 * time.Second))
	if p.ends[0].state != Down || p.ends[1].state != Init || len(p.changes[0]) != 0 {
		t.Errorf("%v, %v", p.ends[0].state, p.ends[1].state)
	}
}

// TestSessionIsDeterministic: equal sessions do the same by equal events.
func TestSessionIsDeterministic(t *testing.T) {
	run := func() string {
		p := newPair(3, quick, Timing{MinTX: 30 * ms, MinRX: 50 * ms, IdleTX: time.Second, Multiplier: 5})
		p.loss = 0.4
		p.run(Instant(30 * time.Second))
		return fmt.Sprint(p.sent, p.changes, *p.ends[0], *p.ends[1])
	}
	if a, b := run(), run(); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func BenchmarkPacket(b *testing.B) {
	s := NewSession(0, 1, quick)
	s.Step(0, PacketReceived{Packet{State: Init, Multiplier: 3, MyDiscriminator: 2, YourDiscriminator: 1, RequiredMinRX: ms}})
	up := PacketReceived{Packet{State: Up, Multiplier: 3, MyDiscriminator: 2, YourDiscriminator: 1, RequiredMinRX: ms, Final: true}}
	b.ReportAllocs()
	for i := range b.N {
		s.Step(Instant(i), up)
	}
}
