package bfd

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// quick is the Timing of most tests.
var quick = Timing{MinTX: 100 * ms, MinRX: 100 * ms, IdleTX: time.Second, Multiplier: 3}

// subject is a session with what it has done.
type subject struct {
	*Session
	t   *testing.T
	now Instant
	did []Action
}

func newSubject(t *testing.T, timing Timing) *subject {
	return &subject{Session: NewSession(0, 1, timing), t: t}
}

// step gives an event and keeps the actions.
func (s *subject) step(ev Event) *subject {
	s.did = s.Step(s.now, ev)
	return s
}

// hear is a packet of the neighbour, as the Timing quick makes it.
func (s *subject) hear(state State, with ...func(*Packet)) *subject {
	p := Packet{State: state, Multiplier: 3, MyDiscriminator: 2, YourDiscriminator: 1, DesiredMinTX: time.Second, RequiredMinRX: 100 * ms}
	if state == Up {
		p.DesiredMinTX = 100 * ms
	}
	for _, f := range with {
		f(&p)
	}
	return s.step(PacketReceived{p})
}

// bring brings the session to a state.
func (s *subject) bring(to State) *subject {
	switch to {
	case Init:
		s.hear(Down)
	case Up:
		s.hear(Init)
		s.hear(Up, final)
	case AdminDown:
		s.step(Disabled{})
	}
	if s.state != to {
		s.t.Fatalf("is %v, and was to be %v", s.state, to)
	}
	return s
}

// at lets time pass without anything happening.
func (s *subject) at(d time.Duration) *subject {
	s.now = Instant(d)
	return s
}

func (s *subject) sent() []Packet {
	var out []Packet
	for _, a := range s.did {
		if a, ok := a.(Send); ok {
			out = append(out, a.Packet)
		}
	}
	return out
}

func (s *subject) changed() []Changed {
	var out []Changed
	for _, a := range s.did {
		if a, ok := a.(Changed); ok {
			out = append(out, a)
		}
	}
	return out
}

func poll(p *Packet)  { p.Poll = true }
func final(p *Packet) { p.Final = true }

func TestRFC5880_6_8_6_StateMachine(t *testing.T) {
	for _, tt := range []struct {
		have, hear, want State
		diag             Diagnostic
	}{
		{Down, AdminDown, Down, 0}, {Down, Down, Init, 0}, {Down, Init, Up, 0}, {Down, Up, Down, 0},
		{Init, AdminDown, Down, NeighborSignaledDown}, {Init, Down, Init, 0}, {Init, Init, Up, 0}, {Init, Up, Up, 0},
		{Up, AdminDown, Down, NeighborSignaledDown}, {Up, Down, Down, NeighborSignaledDown}, {Up, Init, Up, 0}, {Up, Up, Up, 0},
		{AdminDown, AdminDown, AdminDown, AdministrativelyDown}, {AdminDown, Down, AdminDown, AdministrativelyDown},
		{AdminDown, Init, AdminDown, AdministrativelyDown}, {AdminDown, Up, AdminDown, AdministrativelyDown},
	} {
		s := newSubject(t, quick).bring(tt.have).hear(tt.hear)
		if s.state != tt.want || s.diag != tt.diag {
			t.Errorf("%v hears %v: %v, %v, want %v, %v", tt.have, tt.hear, s.state, s.diag, tt.want, tt.diag)
		}
		changes, sent := s.changed(), s.sent()
		if (len(changes) == 1) != (tt.have != tt.want) {
			t.Errorf("%v hears %v: told of %+v", tt.have, tt.hear, changes)
		}
		// §6.8.7: a change is told at once.
		if len(changes) == 1 && (len(sent) != 1 || sent[0].State != tt.want || changes[0].From != tt.have || changes[0].To != tt.want) {
			t.Errorf("%v hears %v: %+v, sent %+v", tt.have, tt.hear, changes, sent)
		}
		if len(changes) == 0 && len(sent) > 0 {
			t.Errorf("%v hears %v: sent %+v", tt.have, tt.hear, sent)
		}
	}
}

func TestRFC5880_6_8_4_DetectionTime(t *testing.T) {
	s := newSubject(t, quick).bring(Up)
	const want = 300 * ms // the neighbour's multiplier, and the slower of what it sends and we take
	if got := s.Timers().Detection; got != want {
		t.Fatalf("detection time %v, want %v", got, want)
	}
	for _, tt := range []struct {
		name       string
		remote     time.Duration
		multiplier uint8
		want       time.Duration
	}{{"the neighbour is slower", 200 * ms, 3, 600 * ms}, {"we are", 10 * ms, 3, 300 * ms}, {"multiplier 50", 100 * ms, 50, 5000 * ms}} {
		s := newSubject(t, quick).bring(Up).hear(Up, func(p *Packet) { p.DesiredMinTX, p.Multiplier = tt.remote, tt.multiplier })
		if got := s.Timers().Detection; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	s.at(want - time.Microsecond).step(Wake{})
	if s.state != Up {
		t.Error("down before the detection time is over")
	}
	s.at(want + 7*ms).step(Wake{})
	wantChange := Changed{From: Up, To: Down, Diagnostic: DetectionTimeExpired, Expired: want, Overdue: 7 * ms}
	if diff := cmp.Diff([]Changed{wantChange}, s.changed()); diff != "" {
		t.Errorf("after it: %s", diff)
	}
	// §6.8.1: who is not heard is not known.
	wantPacket := Packet{State: Down, Diagnostic: DetectionTimeExpired, Multiplier: 3, MyDiscriminator: 1, DesiredMinTX: time.Second,
		RequiredMinRX: 100 * ms}
	if diff := cmp.Diff([]Packet{wantPacket}, s.sent()); diff != "" {
		t.Errorf("says: %s", diff)
	}
	if s.Deadline() != s.now.Add(time.Second) {
		t.Errorf("goes on at %v", time.Duration(s.Deadline()))
	}
}

// TestInitExpires: a neighbour that falls silent on the way up is given up as well, and one that says it is down is forgotten
// without a change of state.
func TestSilenceBeforeUp(t *testing.T) {
	s := newSubject(t, quick).bring(Init).at(3 * time.Second).step(Wake{})
	if s.state != Down || s.diag != DetectionTimeExpired {
		t.Errorf("%v, %v", s.state, s.diag)
	}
	s = newSubject(t, quick).hear(AdminDown).at(3 * time.Second).step(Wake{})
	if s.remote != 0 || len(s.changed()) > 0 || s.state != Down {
		t.Errorf("%+v", s.Session)
	}
}

func TestRFC5880_6_8_3_PaceOfASessionThatIsNotUp(t *testing.T) {
	s := newSubject(t, quick)
	if s.Deadline() != 0 {
		t.Fatalf("the first packet is due at %v", s.Deadline())
	}
	s.step(Wake{})
	if got := s.sent(); len(got) != 1 || got[0].DesiredMinTX != time.Second || got[0].RequiredMinRX != 100*ms || got[0].YourDiscriminator != 0 {
		t.Errorf("%+v", got)
	}
	if s.Deadline() != Instant(time.Second) {
		t.Errorf("the next is due at %v", time.Duration(s.Deadline()))
	}
	s.bring(Up)
	if got := s.Timers().TX; got != 100*ms {
		t.Errorf("up: every %v", got)
	}
	s.hear(Down)
	if got := s.Timers().TX; got != time.Second || s.desiredTX != time.Second {
		t.Errorf("down again: every %v", got)
	}
}

// TestRFC5880_6_8_2_SlowerOfTheTwo: nobody sends faster than the other takes.
func TestRFC5880_6_8_2_SlowerOfTheTwo(t *testing.T) {
	s := newSubject(t, quick).bring(Up)
	for _, tt := range []struct{ takes, want time.Duration }{{10 * ms, 100 * ms}, {400 * ms, 400 * ms}, {0, 0}, {100 * ms, 100 * ms}} {
		s.hear(Up, func(p *Packet) { p.RequiredMinRX = tt.takes })
		if got := s.Timers().TX; got != tt.want {
			t.Errorf("the neighbour takes one in %v: one in %v, want %v", tt.takes, got, tt.want)
		}
	}
	s.hear(Up, func(p *Packet) { p.RequiredMinRX = 0 }).hear(Up, poll, func(p *Packet) { p.RequiredMinRX = 0 })
	if got := s.sent(); len(got) != 1 || !got[0].Final {
		t.Errorf("a poll is answered also by who may not send: %+v", got)
	}
}

func TestRFC5880_6_5_PollSequence(t *testing.T) {
	s := newSubject(t, quick).hear(Init)
	// Up, and another pace than before: the neighbour is asked, in every packet, until it has answered.
	if got := s.sent(); len(got) != 1 || !got[0].Poll || got[0].Final || got[0].DesiredMinTX != 100*ms {
		t.Fatalf("%+v", got)
	}
	s.at(100 * ms).step(Wake{})
	if got := s.sent(); len(got) != 1 || !got[0].Poll {
		t.Fatalf("%+v", got)
	}
	s.hear(Up, final)
	if s.poll || len(s.sent()) != 0 {
		t.Errorf("the answer ends it: %+v", s.did)
	}
	// A question is answered at once, and the packet after it comes when it would have.
	due := s.next
	s.hear(Up, poll)
	if got := s.sent(); len(got) != 1 || !got[0].Final || got[0].Poll || s.next != due {
		t.Errorf("%+v, next at %v, was %v", got, s.next, due)
	}
	// An answer that was not asked for changes nothing.
	s.hear(Up, final)
	if len(s.did) != 0 {
		t.Errorf("%+v", s.did)
	}
}

// TestAnswerAndChangeAreOnePacket: who comes up by a packet that asks answers in the packet that says so.
func TestAnswerAndChangeAreOnePacket(t *testing.T) {
	s := newSubject(t, quick).bring(Init).hear(Up, poll)
	if got := s.sent(); len(got) != 1 || got[0].State != Up || !got[0].Final || got[0].Poll || !s.poll {
		t.Errorf("%+v", s.did)
	}
	s.at(100 * ms).step(Wake{})
	if got := s.sent(); len(got) != 1 || !got[0].Poll {
		t.Errorf("its own question comes next: %+v", got)
	}
}

func TestRFC5880_6_8_3_ChangedWhileUp(t *testing.T) {
	for _, tt := range []struct {
		name          string
		tx, rx        time.Duration
		before, after Timers
	}{
		{"faster at once", 50 * ms, 100 * ms, Timers{50 * ms, 300 * ms}, Timers{50 * ms, 300 * ms}},
		{"slower when agreed", 200 * ms, 100 * ms, Timers{100 * ms, 300 * ms}, Timers{200 * ms, 300 * ms}},
		{"takes less, at once", 100 * ms, 200 * ms, Timers{100 * ms, 600 * ms}, Timers{100 * ms, 600 * ms}},
		{"takes more, when agreed", 100 * ms, 50 * ms, Timers{100 * ms, 300 * ms}, Timers{100 * ms, 150 * ms}},
	} {
		faster := func(p *Packet) { p.DesiredMinTX, p.RequiredMinRX = 10*ms, 10*ms } // what we do alone decides
		s := newSubject(t, quick).bring(Up).hear(Up, faster)
		timing := quick
		timing.MinTX, timing.MinRX = tt.tx, tt.rx
		s.step(Retimed{timing})
		if got := s.sent(); len(got) != 1 || !got[0].Poll || got[0].DesiredMinTX != tt.tx || got[0].RequiredMinRX != tt.rx {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if len(s.changed()) != 0 || s.state != Up {
			t.Errorf("%s: the session does not live on: %+v", tt.name, s.changed())
		}
		if got := s.Timers(); got != tt.before {
			t.Errorf("%s: before it is agreed: %+v", tt.name, got)
		}
		if got := s.hear(Up, faster, final).Timers(); got != tt.after {
			t.Errorf("%s: after: %+v", tt.name, got)
		}
	}
	s := newSubject(t, quick).bring(Up).step(Retimed{quick})
	if len(s.did) != 0 || s.poll {
		t.Errorf("the same Timing: %+v", s.did)
	}
	timing := quick
	timing.Multiplier = 7 // no question, but it is told at once
	if got := s.step(Retimed{timing}).sent(); len(got) != 1 || got[0].Multiplier != 7 || got[0].Poll {
		t.Errorf("another multiplier: %+v", s.did)
	}
}

// TestChangedTwiceWhileUp: the answer to the first question does not confirm what has changed after it was asked.
func TestChangedTwiceWhileUp(t *testing.T) {
	s := newSubject(t, quick).bring(Up)
	timing := quick
	timing.MinTX = 200 * ms
	s.step(Retimed{timing})
	timing.MinTX = 400 * ms
	s.step(Retimed{timing})
	if s.hear(Up, final); !s.poll || s.Timers().TX != 100*ms {
		t.Errorf("after the first answer: polls %v, every %v", s.poll, s.Timers().TX)
	}
	if s.hear(Up, final); s.poll || s.Timers().TX != 400*ms {
		t.Errorf("after the second: polls %v, every %v", s.poll, s.Timers().TX)
	}
}

func TestRFC5880_6_8_7_Jitter(t *testing.T) {
	for _, tt := range []struct {
		multiplier, jitter uint8
		want               time.Duration
	}{{3, 0, 100 * ms}, {3, 255, 75 * ms}, {3, 51, 95 * ms}, {1, 0, 90 * ms}, {1, 255, 75 * ms}} {
		timing := quick
		timing.Multiplier = tt.multiplier
		s := newSubject(t, timing).bring(Up)
		s.at(100 * ms).step(Wake{Jitter: tt.jitter})
		if got := s.next.Sub(s.now); got != tt.want {
			t.Errorf("multiplier %d, jitter %d: after %v, want %v", tt.multiplier, tt.jitter, got, tt.want)
		}
	}
}

func TestRFC5880_6_1_Passive(t *testing.T) {
	timing := quick
	timing.Passive = true
	s := newSubject(t, timing)
	if s.Deadline() != Never {
		t.Fatalf("wants to speak at %v", s.Deadline())
	}
	s.hear(Down)
	if got := s.sent(); len(got) != 1 || got[0].State != Init {
		t.Errorf("spoken to: %+v", s.did)
	}
	s.at(3 * time.Second).step(Wake{})
	if len(s.sent()) != 0 || s.Deadline() != Never || s.state != Down {
		t.Errorf("the neighbour is silent: %+v, next %v", s.did, s.Deadline())
	}
	if timing.Passive = false; len(s.step(Retimed{timing}).sent()) != 1 {
		t.Errorf("no longer passive: %+v", s.did)
	}
}

// TestRFC5880_6_8_7_DemandOfTheNeighbour: it is sent nothing while both are up, except questions.
func TestRFC5880_6_8_7_DemandOfTheNeighbour(t *testing.T) {
	demand := func(p *Packet) { p.Demand = true }
	s := newSubject(t, quick).bring(Up).hear(Up, demand)
	if s.Timers().TX != 0 || s.Deadline() != s.expiry() {
		t.Errorf("sends every %v", s.Timers().TX)
	}
	timing := quick
	timing.MinTX = 50 * ms
	if got := s.step(Retimed{timing}).sent(); len(got) != 1 || !got[0].Poll {
		t.Errorf("asks: %+v", got)
	}
	s.hear(Up, demand, final)
	if s.Timers().TX != 0 {
		t.Errorf("asked: sends every %v", s.Timers().TX)
	}
	s.hear(Up)
	if s.Timers().TX != 100*ms {
		t.Errorf("without demand: sends every %v", s.Timers().TX)
	}
}

func TestRFC5880_6_8_16_AdminDown(t *testing.T) {
	s := newSubject(t, quick).bring(Up).step(Disabled{})
	if got := s.sent(); len(got) != 1 || got[0].State != AdminDown || got[0].Diagnostic != AdministrativelyDown || got[0].Poll {
		t.Fatalf("%+v", s.did)
	}
	if want := []Changed{{From: Up, To: AdminDown, Diagnostic: AdministrativelyDown}}; !cmp.Equal(want, s.changed()) {
		t.Errorf("%+v", s.changed())
	}
	said := 0
	for !s.Done() {
		s.now = s.Deadline()
		said += len(s.step(Wake{}).sent())
		if said > 10 {
			t.Fatal("goes on for ever")
		}
	}
	if s.now != Instant(300*ms) || said != 2 { // a detection time of the neighbour
		t.Errorf("done at %v after %d more packets", time.Duration(s.now), said)
	}
	if s.step(Disabled{}); len(s.did) != 0 {
		t.Errorf("again: %+v", s.did)
	}

	s = newSubject(t, quick).bring(Up).step(Disabled{}).at(ms).hear(Down)
	if !s.Done() {
		t.Error("the neighbour knows, and is told")
	}
	s = newSubject(t, quick).bring(Up).step(Disabled{}).at(ms).hear(Up)
	if s.Done() {
		t.Error("the neighbour does not know yet")
	}
	if s = newSubject(t, quick).step(Disabled{}); !s.Done() || len(s.sent()) != 1 {
		t.Errorf("nobody to be told: %+v", s.did)
	}
}

// TestRestartedNeighbour: it begins anew with another discriminator, and both come up again.
func TestRestartedNeighbour(t *testing.T) {
	anew := func(p *Packet) { p.MyDiscriminator, p.YourDiscriminator = 9, 0 }
	s := newSubject(t, quick).bring(Up).hear(Down, anew)
	if got := s.sent(); s.state != Down || len(got) != 1 || got[0].YourDiscriminator != 9 {
		t.Fatalf("%v: %+v", s.state, got)
	}
	if s.hear(Init, func(p *Packet) { p.MyDiscriminator = 9 }); s.state != Up {
		t.Errorf("%v", s.state)
	}
}

// FuzzSession: whatever a neighbour says, in whatever order and however fast, a session answers each packet with at most one,
// says only what RFC 5880 §6.8.6 has it say, and wants to be woken when there is something to do.
func FuzzSession(f *testing.F) {
	f.Add([]byte{1, 0x40, 3, 10, 10, 0, 1, 0x80, 3, 1, 1, 9, 1, 0xf0, 1, 0, 0, 200})
	f.Add([]byte{0xff, 0xc2, 255, 255, 255, 255, 2, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(hearAnything)
}

// TestSessionHearsAnything is FuzzSession with inputs by chance.
func TestSessionHearsAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(5880, 68))
	for range 5000 {
		b := make([]byte, r.IntN(600))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		hearAnything(t, b)
	}
}

// hearAnything has a session go through what b says.
func hearAnything(t *testing.T, b []byte) {
	timing := quick
	timing.Passive = len(b)%2 == 1
	s, now := NewSession(0, 1, timing), Instant(0)
	for ; len(b) >= 6; b = b[6:] {
		now = now.Add(time.Duration(b[5]) * 7 * ms)
		for i := 0; s.Deadline() <= now; i++ {
			at := s.Deadline()
			s.Step(at, Wake{Jitter: b[0]})
			if s.Deadline() <= at || i > 100_000 {
				t.Fatalf("woken at %v, and wants it again at %v", at, s.Deadline())
			}
		}
		from, was := s.state, *s
		var actions []Action
		switch b[0] % 8 {
		case 0:
			timing.MinTX, timing.MinRX, timing.Multiplier = time.Duration(1+int(b[3]))*ms, time.Duration(1+int(b[4]))*ms, max(1, b[2])
			actions = s.Step(now, Retimed{timing})
		default:
			p := Packet{State: State(b[1] >> 6), Poll: b[1]&bitPoll != 0, Final: b[1]&bitFinal != 0, Demand: b[1]&bitDemand != 0,
				Multiplier: max(1, b[2]), MyDiscriminator: uint32(b[0]), YourDiscriminator: 1,
				DesiredMinTX: time.Duration(b[3]) * ms, RequiredMinRX: time.Duration(b[4]) * ms}
			actions = s.Step(now, PacketReceived{p})
		}
		sends := 0
		for _, a := range actions {
			switch a := a.(type) {
			case Send:
				sends++
				if a.Packet.State != s.state || a.Packet.Poll && a.Packet.Final || len(a.Packet.Append(nil)) != packetLength {
					t.Fatalf("%+v in %v", a.Packet, s.state)
				}
			case Changed:
				if a.From != from || a.To != s.state || a.From == a.To {
					t.Fatalf("%+v of %v to %v", a, from, s.state)
				}
			}
		}
		if sends > 1 {
			t.Fatalf("%d packets at once: %+v of %+v", sends, actions, was)
		}
	}
}
