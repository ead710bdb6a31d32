package connsync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// segment is a network of directors in memory.
type segment struct {
	mu    sync.Mutex
	hosts []*director
	lose  func(from *director, kind Kind) bool // nil = nothing
}

// director is a host with a kernel that takes what it is told, and an Exchange.
type director struct {
	*Exchange
	on   *segment
	stop func() error

	mu       sync.Mutex
	open     []*memoryConn
	refuse   error         // of Listen
	listing  func() string // its own connections
	learned  map[netip.AddrPort]decoded
	bad      error
	delay    time.Duration // that its kernel takes for a message
	busy     time.Time     // until when it reads
	fails    error         // of Tell
	outcomes []Outcome
	tells    int
	closing  func() // when the group is left; nil = nothing
}

type memoryConn struct {
	*director
	spec    Spec
	deliver func(Signal)
	closed  bool
}

func (d *director) Listing() (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return io.NopCloser(strings.NewReader(d.listing())), nil
}

func (d *director) Listen(s Spec, deliver func(Signal)) (Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return nil, d.refuse
	}
	c := &memoryConn{director: d, spec: s, deliver: deliver}
	d.open = append(d.open, c)
	return c, nil
}

func (d *director) Close() error { return nil }

// each calls f for every other director that has joined the same group.
func (c *memoryConn) each(f func(*memoryConn)) {
	c.on.mu.Lock()
	hosts := c.on.hosts
	c.on.mu.Unlock()
	for _, h := range hosts {
		if h == c.director {
			continue
		}
		h.mu.Lock()
		var to *memoryConn
		for _, o := range h.open {
			if !o.closed && o.spec.Group == c.spec.Group {
				to = o
			}
		}
		h.mu.Unlock()
		if to != nil {
			f(to)
		}
	}
}

func (c *memoryConn) Tell(message []byte) error {
	c.mu.Lock()
	c.tells++
	err := c.fails
	c.mu.Unlock()
	if err != nil {
		return err
	}
	list, err := decode(message)
	c.each(func(to *memoryConn) {
		to.mu.Lock()
		defer to.mu.Unlock()
		to.bad = errors.Join(to.bad, err)
		for _, d := range list {
			to.learned[d.Client] = d
		}
		if now := time.Now(); to.busy.Before(now) {
			to.busy = now
		}
		to.busy = to.busy.Add(to.delay)
	})
	return nil
}

func (c *memoryConn) Signal(s Signal) error {
	if c.on.lose != nil && c.on.lose(c.director, s.Kind) {
		return nil
	}
	c.each(func(to *memoryConn) { to.deliver(s) })
	return nil
}

func (c *memoryConn) Unread() (Unread, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := Unread{Known: true}
	if c.busy.After(time.Now()) {
		u.Bytes = 1
	}
	return u, nil
}

func (c *memoryConn) Room() int { return 1472 }

func (c *memoryConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.New("closed twice")
	}
	if c.closing != nil {
		c.closing()
	}
	c.closed = true
	return nil
}

// connections lists n connections of clients from a port on.
func connections(from, n int) string {
	var b strings.Builder
	b.WriteString(heading)
	for i := range n {
		fmt.Fprintf(&b, "TCP C00002C8 %04X C0000264 0050 C000020B 0050 ESTABLISHED     893\n", from+i)
	}
	return b.String()
}

func (s *segment) add(t *testing.T, listing string) *director {
	d := &director{on: s, listing: func() string { return listing }, learned: make(map[netip.AddrPort]decoded)}
	session := uint32(len(s.hosts) * 1000)
	d.Exchange = New(Options{Network: d, Metrics: prometheus.NewPedanticRegistry(),
		Session: func() uint32 { session++; return session },
		Done: func(o Outcome) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.outcomes = append(d.outcomes, o)
		},
		Services: func(context.Context) (*Services, error) {
			return NewServices([]Server{{Protocol: 6, Virtual: ports("192.0.2.100:80"), Address: ports("192.0.2.11:80"), Forwarding: DirectRouting}}), nil
		}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	d.stop = sync.OnceValue(func() error { cancel(); return <-done })
	d.Configure(askSpec)
	s.mu.Lock()
	s.hosts = append(s.hosts, d)
	s.mu.Unlock()
	return d
}

// came returns the outcomes so far, and fails if a kernel could not read something.
func (d *director) came(t *testing.T) []Outcome {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bad != nil {
		t.Error(d.bad)
	}
	return d.outcomes
}

// TestReturningDirectorLearns all connections of the one that serves, however many and however slowly its kernel reads, and
// is not sent more at once than a socket takes.
func TestReturningDirectorLearns(t *testing.T) {
	for _, c := range []struct {
		n     int
		delay time.Duration
	}{{0, 0}, {1, 0}, {40, 0}, {50000, 0}, {20000, 5 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			var s segment
			a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, c.n))
			defer a.stop()
			defer b.stop()
			a.delay = c.delay
			b.Answer(true)
			synctest.Wait()
			a.Ask(1)
			time.Sleep(20 * time.Second)
			got := a.came(t)
			if len(got) != 1 || !got[0].Answered || got[0].Number != 1 || got[0].Connections != c.n || len(a.learned) != c.n {
				t.Errorf("%d: %+v, %d learned", c.n, got, len(a.learned))
			}
			if s := a.Status(); s.Answered != 1 || s.Learned != uint64(c.n) || s.Unheard != 0 || s.Asking {
				t.Errorf("%+v", s)
			}
			if s := b.Status(); s.Told != 1 || s.Connected != uint64(c.n) || s.Telling {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestWhoDoesNotAnswer: one that is not master, one that asks itself, one of another syncid or group, or nobody.
func TestWhoDoesNotAnswer(t *testing.T) {
	for name, prepare := range map[string]func(b *director){
		"a backup":           func(*director) {},
		"no longer a master": func(b *director) { b.Answer(true); synctest.Wait(); b.Answer(false) },
		"another syncid": func(b *director) {
			other := askSpec
			other.ID = 52
			b.Configure(other)
			b.Answer(true)
		},
		"another group": func(b *director) {
			other := askSpec
			other.Group = ports("224.0.0.82:8848")
			b.Configure(other)
			b.Answer(true)
		},
		"one that asks itself": func(b *director) { b.Answer(true); b.Ask(1) },
		"one that has stopped": func(b *director) { b.Answer(true); b.stop() },
	} {
		synctest.Test(t, func(t *testing.T) {
			var s segment
			a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 10))
			defer a.stop()
			defer b.stop()
			prepare(b)
			synctest.Wait()
			a.Ask(1)
			time.Sleep(4900 * time.Millisecond)
			if got := a.came(t); len(got) > 0 {
				t.Errorf("%s: %+v", name, got)
			}
			time.Sleep(200 * time.Millisecond)
			if got := a.came(t); len(got) != 1 || got[0].Answered || len(a.learned) > 0 {
				t.Errorf("%s: %+v, %d learned", name, got, len(a.learned))
			}
		})
	}
}

// TestSignalsAreLost: questions, marks, acknowledgements and ends may each be lost, and the answer comes all the same.
func TestSignalsAreLost(t *testing.T) {
	for kind := Ask; kind <= End; kind++ {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			s := segment{lose: func(_ *director, k Kind) bool {
				if k == kind {
					n++
				}
				return k == kind && n%2 == 1
			}}
			a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 9000))
			defer a.stop()
			defer b.stop()
			b.Answer(true)
			synctest.Wait()
			a.Ask(1)
			time.Sleep(30 * time.Second)
			if got := a.came(t); len(got) != 1 || !got[0].Answered || len(a.learned) != 9000 {
				t.Errorf("kind %d: %+v, %d learned", kind, got, len(a.learned))
			}
		})
	}
}

// TestSeveralAskAtOnce: they are answered together, and those who come later after them.
func TestSeveralAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		master := s.add(t, connections(1, 5000))
		defer master.stop()
		master.Answer(true)
		var others []*director
		for range 12 {
			d := s.add(t, connections(1, 0))
			defer d.stop()
			others = append(others, d)
		}
		synctest.Wait()
		for _, d := range others {
			d.Ask(1)
		}
		time.Sleep(20 * time.Second)
		for i, d := range others {
			if got := d.came(t); len(got) != 1 || !got[0].Answered || len(d.learned) != 5000 {
				t.Errorf("director %d: %+v, %d learned", i, got, len(d.learned))
			}
		}
		if told := master.Status().Told; told != 3 {
			t.Errorf("%d answers, want 3: to the first, to eight, and to three", told)
		}
	})
}

// TestAskerGoes: who is told ends when nobody acknowledges, and can be asked again.
func TestAskerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 60000))
		defer b.stop()
		a.delay = 100 * time.Millisecond
		b.Answer(true)
		synctest.Wait()
		a.Ask(1)
		time.Sleep(2 * time.Second)
		if !b.Status().Telling {
			t.Error("it does not tell")
		}
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		time.Sleep(ackMisses*ackWait + time.Second)
		synctest.Wait()
		if b.Status().Telling {
			t.Error("it still tells")
		}
		a = s.add(t, connections(1, 0))
		defer a.stop()
		a.Ask(2)
		time.Sleep(10 * time.Second)
		if got := a.came(t); len(got) != 1 || !got[0].Answered || len(a.learned) != 60000 {
			t.Errorf("%+v, %d learned", got, len(a.learned))
		}
	})
}

// TestListingThatChanges: the kernel finds its place in the list by counting. A connection that ends while it is read hides another,
// which the second reading finds.
func TestListingThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, "")
		defer a.stop()
		defer b.stop()
		reads := 0
		b.listing = func() string {
			reads++
			lines := strings.SplitAfter(connections(1, 100), "\n")
			return strings.Join(append(lines[:50:50], lines[50+reads%2:]...), "")
		}
		b.Answer(true)
		synctest.Wait()
		a.Ask(1)
		time.Sleep(5 * time.Second)
		if got := a.came(t); len(got) != 1 || got[0].Connections != 100 || len(a.learned) != 100 {
			t.Errorf("%+v, %d learned", got, len(a.learned))
		}
	})
}

// TestGroupThatCannotBeJoined is joined when that can be, and the question goes on meanwhile; an interface that was made anew is
// joined again.
func TestGroupThatCannotBeJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		b := s.add(t, connections(1, 10))
		defer b.stop()
		b.Answer(true)
		a := s.add(t, connections(1, 0))
		defer a.stop()
		synctest.Wait()
		a.mu.Lock()
		a.refuse = errors.New("no such device")
		a.mu.Unlock()
		a.Rejoin()
		synctest.Wait()
		if f := a.Status().Failing; f != "no such device" {
			t.Errorf("failing %q", f)
		}
		a.Ask(1)
		time.Sleep(100 * time.Millisecond)
		a.mu.Lock()
		a.refuse = nil
		a.mu.Unlock()
		time.Sleep(3 * time.Second)
		if got := a.came(t); len(got) != 1 || !got[0].Answered || len(a.learned) != 10 || a.Status().Failing != "" {
			t.Errorf("%+v, %d learned, %+v", got, len(a.learned), a.Status())
		}
		a.Rejoin()
		synctest.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		open := 0
		for _, c := range a.open {
			if !c.closed {
				open++
			}
		}
		if open != 1 || len(a.open) < 3 {
			t.Errorf("%d of %d sockets are open", open, len(a.open))
		}
	})
}

// TestAnswerThatFails: what cannot be sent is told in the log and counted, and nobody waits longer than he would have.
func TestAnswerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 1000))
		defer a.stop()
		defer b.stop()
		b.fails = errors.New("network is down")
		b.Answer(true)
		synctest.Wait()
		a.Ask(1)
		time.Sleep(6 * time.Second)
		if got := a.came(t); len(got) != 1 || got[0].Answered || got[0].Took != 5*time.Second {
			t.Errorf("%+v", got)
		}
		if b.tells == 0 || b.tells > 10 {
			t.Errorf("%d attempts", b.tells)
		}
	})
}

// TestAskWithoutConfiguration: there is nobody to wait for.
func TestAskWithoutConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a := s.add(t, connections(1, 0))
		defer a.stop()
		a.Configure(Spec{})
		a.Ask(9)
		if got := a.came(t); len(got) != 1 || got[0] != (Outcome{Number: 9}) {
			t.Errorf("%+v", got)
		}
		a.Configure(askSpec)
		a.Ask(10)
		time.Sleep(time.Second)
		a.Ask(11) // in the place of the other
		time.Sleep(6 * time.Second)
		if got := a.came(t); len(got) != 2 || got[1].Number != 11 || got[1].Answered {
			t.Errorf("%+v", got)
		}
	})
}

// TestQuestionInThePlaceOfAnother is answered in time, whatever had become of the first: unheard, begun to be answered, or answered.
func TestQuestionInThePlaceOfAnother(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var s segment
			a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 20000))
			defer a.stop()
			defer b.stop()
			a.delay = 5 * time.Millisecond // for all of it more than two seconds
			b.Answer(true)
			synctest.Wait()
			a.Ask(1)
			time.Sleep(after)
			a.Ask(2)
			time.Sleep(10 * time.Second)
			got := a.came(t)
			if n := len(got); n == 0 || got[n-1].Number != 2 || !got[n-1].Answered || got[n-1].Took > 5*time.Second || n > 1 && after < 3*time.Second {
				t.Errorf("after %v: %+v", after, got)
			}
			if len(a.learned) != 20000 || b.Status().Telling {
				t.Errorf("after %v: %d learned; %+v", after, len(a.learned), b.Status())
			}
		})
	}
}

// TestWhoCeasesIsNotWaitedFor: the one that tells is free at once.
func TestWhoCeasesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 60000))
		defer a.stop()
		defer b.stop()
		a.delay = 100 * time.Millisecond
		b.Answer(true)
		synctest.Wait()
		a.Ask(1)
		time.Sleep(2 * time.Second)
		a.Cease()
		synctest.Wait()
		if got := a.came(t); len(got) > 0 || b.Status().Telling || a.Status().Asking {
			t.Errorf("%+v, %+v", got, b.Status())
		}
	})
}
