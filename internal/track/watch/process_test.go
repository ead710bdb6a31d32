package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// TestProcessMatches: by the kernel's name, or by the command line.
func TestProcessMatches(t *testing.T) {
	const path = "/usr/sbin/nginx"
	exact, initial, partial := confparse.MatchExact, confparse.MatchInitial, confparse.MatchPartial
	for _, tt := range []struct {
		p     Process
		comm  string
		argv  string // separated by blanks
		match bool
	}{
		{Process{Process: "nginx"}, "nginx", "nginx: master process", true},
		{Process{Process: "nginx"}, "nginx2", "nginx", false},
		{Process{Process: "ssh"}, "sshd", "ssh", false},
		{Process{Process: "a_name_of_many_letters"}, "a_name_of_many_", "", true}, // the kernel keeps 15
		{Process{Process: path}, "nginx", "whatever", true},
		{Process{Process: path, FullCommand: true}, "nginx", path + " -g x", true},
		{Process{Process: path, FullCommand: true}, "nginx", "nginx -g x", false},
		{Process{Process: path, FullCommand: true}, "nginx", "", false},
		{Process{Process: path, Match: exact}, "nginx", path, true},
		{Process{Process: path, Match: exact}, "nginx", path + " -g", false},
		{Process{Process: path, Params: []string{"a", "b"}, Match: exact}, "nginx", path + " a b", true},
		{Process{Process: path, Params: []string{"a", "b"}, Match: exact}, "nginx", path + " a b c", false},
		{Process{Process: path, Params: []string{"a", "b"}, Match: exact}, "nginx", path + " a", false},
		{Process{Process: path, Params: []string{"a", "b"}, Match: partial}, "nginx", path + " a b c", true},
		{Process{Process: path, Params: []string{"a", "b"}, Match: partial}, "nginx", path + " a bc", false},
		{Process{Process: path, Params: []string{"a", "b"}, Match: partial}, "nginx", path + " a", false},
		{Process{Process: path, Params: []string{"a", "b"}, Match: initial}, "nginx", path + " a bc", true},
		{Process{Process: path, Params: []string{"a", "b"}, Match: initial}, "nginx", path + " ac b", false},
		{Process{Process: path, Params: []string{"a", "b"}, Match: initial}, "nginx", path + " a", false},
		{Process{Process: path, Match: initial}, "nginx", path + " x", true},
	} {
		if got := tt.p.matches(tt.comm, strings.Fields(tt.argv)); got != tt.match {
			t.Errorf("%+v of %s, %q: %t", tt.p, tt.comm, tt.argv, got)
		}
	}
}

// simulated is a machine whose processes the test makes.
type simulated struct {
	mu    sync.Mutex
	named map[int]string
	deaf  bool                // there are no events
	open  []chan processEvent // of the streams
	looks int                 // at all processes
	blind bool                // they cannot be looked at
}

func (s *simulated) all(_ bool, visit func(int, string, []string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if s.blind {
		return unix.EMFILE
	}
	for pid, name := range s.named {
		visit(pid, name, []string{name})
	}
	return nil
}

func (s *simulated) one(pid int, _ bool) (string, []string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, ok := s.named[pid]
	switch {
	case s.blind:
		return "", nil, unix.EMFILE
	case !ok:
		return "", nil, errNoProcess
	}
	return name, []string{name}, nil
}

func (s *simulated) cover(eyes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = eyes
}

func (s *simulated) events(context.Context, confparse.BufferSize) (processEvents, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		return nil, errors.New("no events here")
	}
	c := make(chan processEvent, 1000)
	s.open = append(s.open, c)
	return &simulatedEvents{events: c, closed: make(chan struct{})}, nil
}

// happen makes it so, and reports it unless it goes missing.
func (s *simulated) happen(report bool, e processEvent, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named == nil {
		s.named = make(map[int]string)
	}
	switch e.kind {
	case forked:
		s.named[e.child] = s.named[e.pid]
	case renamed:
		s.named[e.pid] = name
	case ended:
		delete(s.named, e.pid)
	}
	for _, c := range s.open {
		if report {
			c <- e
		}
	}
}

func (s *simulated) start(pid int, name string) { s.happen(true, processEvent{renamed, pid, 0}, name) }
func (s *simulated) end(pid int)                { s.happen(true, processEvent{ended, pid, 0}, "") }
func (s *simulated) looked() int                { s.mu.Lock(); defer s.mu.Unlock(); return s.looks }

type simulatedEvents struct {
	events chan processEvent
	once   sync.Once
	closed chan struct{}
}

func (e *simulatedEvents) close() { e.once.Do(func() { close(e.closed) }) }

// missed is an event that stands for one that did not fit.
var missed = processEvent{kind: 99}

func (e *simulatedEvents) next(until time.Time) ([]processEvent, error) {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case ev := <-e.events:
		if ev == missed {
			return nil, errMissed
		}
		return []processEvent{ev}, nil
	case <-t.C:
		return nil, os.ErrDeadlineExceeded
	case <-e.closed:
		return nil, os.ErrClosed
	}
}

func processes(list ...Process) Spec { return Spec{Processes: list} }

// proxy is a process of which one is to run.
func proxy(change ...func(*Process)) Process {
	p := Process{Name: "p", Process: "haproxy", Quorum: 1, QuorumMax: 1<<32 - 1}
	for _, f := range change {
		f(&p)
	}
	return p
}

// TestQuorumOfProcesses: the value is told when Set returns, and then with every change, at once.
func TestQuorumOfProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{}
		b := newBench(t, Options{processes: m})
		b.Set(processes(proxy(func(p *Process) { p.Quorum, p.QuorumMax = 2, 3 })))
		b.expect("0 process p = 0")
		m.start(10, "haproxy")
		m.start(11, "nginx")
		b.expect()
		m.happen(true, processEvent{forked, 10, 12}, "") // a copy is called the same
		b.expect("0 Quorum gained for tracked process p", "0 process p = 1")
		m.start(13, "haproxy")
		b.expect()
		m.start(14, "haproxy")
		b.expect("0 Quorum lost for tracked process p", "0 process p = 0")
		m.start(14, "sh")
		b.expect("0 Quorum gained for tracked process p", "0 process p = 1")
		m.end(13)
		m.end(12)
		b.expect("0 Quorum lost for tracked process p", "0 process p = 0")
		b.Set(Spec{})
		b.expect("0 process p forgotten")
	})
}

// TestProcessDelays: fork_delay for what more processes bring about, terminate_delay for what fewer do; what is undone in
// time was never.
func TestProcessDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{}
		m.start(10, "haproxy")
		b := newBench(t, Options{processes: m})
		b.Set(processes(proxy(func(p *Process) { p.QuorumMax, p.ForkDelay, p.TerminateDelay = 1, 2*time.Second, 3*time.Second })))
		b.expect("0 process p = 1") // nothing to wait for at the start
		m.end(10)
		time.Sleep(2 * time.Second)
		m.start(11, "haproxy")
		time.Sleep(10 * time.Second)
		b.expect()
		m.end(11)
		time.Sleep(2990 * time.Millisecond)
		b.expect()
		time.Sleep(20 * time.Millisecond)
		b.expect("15 Quorum lost for tracked process p", "15 process p = 0")
		time.Sleep(990 * time.Millisecond)
		m.start(12, "haproxy")
		time.Sleep(2500 * time.Millisecond)
		b.expect("18 Quorum gained for tracked process p", "18 process p = 1")
		m.start(13, "haproxy")
		time.Sleep(2500 * time.Millisecond)
		b.expect("20.5 Quorum lost for tracked process p", "20.5 process p = 0")
	})
}

// TestDelayThatEndsBeforeTheNews: what has happened within a delay counts although nobody has read of it yet, as when this process
// was held up until the delay was over.
func TestDelayThatEndsBeforeTheNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{}
		m.start(10, "haproxy")
		b := newBench(t, Options{processes: m})
		b.Set(processes(proxy(func(p *Process) { p.TerminateDelay = 3 * time.Second })))
		b.expect("0 process p = 1")
		m.end(10)
		time.Sleep(2 * time.Second)
		m.happen(false, processEvent{renamed, 11, 0}, "haproxy")
		time.Sleep(10 * time.Second)
		b.expect()
	})
}

// TestMissedEventsAreMadeUpFor: when the kernel says so, at once; when it does not, soon.
func TestMissedEventsAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{}
		b := newBench(t, Options{processes: m})
		b.Set(processes(proxy()))
		b.expect("0 process p = 0")
		m.happen(false, processEvent{renamed, 10, 0}, "haproxy")
		b.expect()
		m.happen(true, missed, "")
		b.expect("0 Quorum gained for tracked process p", "0 process p = 1")
		m.happen(false, processEvent{ended, 10, 0}, "")
		time.Sleep(recountInterval)
		b.expect("30 Quorum lost for tracked process p", "30 process p = 0")
	})
}

// TestProcessesThatCannotBeLookedAt, as when no descriptor is left: what was known counts on, and what is new is told when they
// can be.
func TestProcessesThatCannotBeLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{}
		m.start(10, "haproxy")
		b := newBench(t, Options{processes: m})
		b.Set(processes(proxy()))
		b.expect("0 process p = 1")
		m.cover(true)
		time.Sleep(2 * recountInterval)
		const blind = "processes cannot be looked at; tracked ones count as they did"
		b.expect("30 " + blind)
		m.cover(false)
		time.Sleep(pollInterval)
		b.expect()
		m.cover(true)
		m.start(11, "haproxy") // and what it is called cannot be found out
		b.expect("61 " + blind)
		b.Set(processes(proxy(), proxy(func(p *Process) { p.Name, p.Process = "q", "nginx" })))
		b.expect()
		m.end(10)
		m.end(11)
		b.expect()
		m.cover(false)
		time.Sleep(pollInterval)
		b.expect("62 Quorum lost for tracked process p", "62 process p = 0", "62 process q = 0")
	})
}

// TestWithoutEvents: processes are looked at every second, the reason is told once, and events are asked for again.
func TestWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{deaf: true}
		b := newBench(t, Options{processes: m})
		time.Sleep(time.Minute)
		if b.expect(); m.looked() != 0 {
			t.Errorf("looked %d times for nothing", m.looked())
		}
		b.Set(processes(proxy()))
		b.expect("60 process p = 0", "60 The kernel does not report processes here; they are looked at every second")
		m.start(10, "haproxy")
		time.Sleep(1100 * time.Millisecond)
		b.expect("61 Quorum gained for tracked process p", "61 process p = 1")
		time.Sleep(time.Minute)
		b.expect()
		m.mu.Lock()
		m.deaf = false
		m.mu.Unlock()
		time.Sleep(recountInterval)
		before := m.looked()
		m.end(10)
		b.expect("151.1 Quorum lost for tracked process p", "151.1 process p = 0")
		if m.looked() != before {
			t.Error("looked, although it was told")
		}
	})
}

// TestReloadOfProcesses: one that stays the same keeps what it counts for, with a delay that runs.
func TestReloadOfProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &simulated{}
		m.start(10, "haproxy")
		b := newBench(t, Options{processes: m})
		slow := proxy(func(p *Process) { p.TerminateDelay = 3 * time.Second })
		other := proxy(func(p *Process) { p.Name, p.Process = "q", "nginx" })
		b.Set(processes(slow))
		b.expect("0 process p = 1")
		m.end(10)
		time.Sleep(time.Second)
		b.Set(processes(slow, other))
		b.expect("1 process q = 0")
		time.Sleep(3 * time.Second)
		b.expect("3 Quorum lost for tracked process p", "3 process p = 0")
		b.Set(processes(proxy(func(p *Process) { p.Quorum, p.QuorumMax = 0, 0 }), other))
		b.expect("4 process p = 1")
	})
}

// TestCensusIsWhatRuns: whatever happens, told one by one or seen at once, the counts are the same.
func TestCensusIsWhatRuns(t *testing.T) {
	list := []Process{{Process: "a"}, {Process: "b"}, {Process: "a", FullCommand: true}}
	rnd := rand.New(rand.NewPCG(1, 2))
	m, told := &simulated{}, newCensus(list)
	for range 20000 {
		pid, child := rnd.IntN(20), 20+rnd.IntN(20)
		switch rnd.IntN(3) {
		case 0:
			if _, runs := m.named[pid]; runs {
				m.happen(false, processEvent{forked, pid, child}, "")
				if _, was := m.named[child]; was {
					told.ended(child)
				}
				told.forked(pid, child)
			}
		case 1:
			name := string(rune('a' + rnd.IntN(3)))
			m.happen(false, processEvent{renamed, pid, 0}, name)
			told.is(pid, name, []string{name})
		case 2:
			m.happen(false, processEvent{ended, child, 0}, "")
			told.ended(child)
		}
		seen := newCensus(list)
		if err := m.all(true, seen.is); err != nil {
			t.Fatal(err)
		}
		for i, n := range seen.counts() {
			if told.counts()[i] != n {
				t.Fatalf("%+v: told of %d, seen %d", list[i], told.counts()[i], n)
			}
		}
	}
}

// connectorMessage is a message of the connector with an event.
func connectorMessage(what uint32, words ...uint32) []byte {
	b := make([]byte, procEventSize+8)
	e := binary.NativeEndian
	e.PutUint32(b[0:], uint32(len(b)))
	e.PutUint16(b[4:], unix.NLMSG_DONE)
	e.PutUint32(b[16:], cnIdxProc)
	e.PutUint32(b[20:], cnValProc)
	e.PutUint32(b[procEventAt:], what)
	for i, w := range words {
		e.PutUint32(b[procEventDataAt+4*i:], w)
	}
	return b
}

// FuzzProcessEvent: what is no event of a process is none, and nothing is read beyond the end.
func FuzzProcessEvent(f *testing.F) {
	f.Add(connectorMessage(procEventFork, 1, 1, 2, 2))
	f.Add(connectorMessage(procEventExec, 7, 7))
	f.Add(connectorMessage(procEventExit, 7, 7, 0, 17))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := parseProcessEvent(b); ok && (e.kind < forked || e.kind > ended || len(b) < procEventSize) {
			t.Errorf("%+v of %d bytes", e, len(b))
		}
	})
}

func TestProcessEvents(t *testing.T) {
	for _, tt := range []struct {
		message []byte
		want    processEvent // zero: none
	}{
		{connectorMessage(procEventFork, 1, 2, 3, 3), processEvent{forked, 2, 3}},
		{connectorMessage(procEventFork, 1, 2, 4, 3), processEvent{}}, // a thread
		{connectorMessage(procEventExec, 7, 7), processEvent{renamed, 7, 0}},
		{connectorMessage(procEventComm, 7, 7), processEvent{renamed, 7, 0}},
		{connectorMessage(procEventExit, 7, 7), processEvent{ended, 7, 0}},
		{connectorMessage(procEventExit, 8, 7), processEvent{}}, // a thread
		{connectorMessage(procEventNone), processEvent{}},
		{connectorMessage(procEventFork, 1, 2, 3, 3)[:procEventSize-1], processEvent{}},
		{make([]byte, 100), processEvent{}},
	} {
		if got, ok := parseProcessEvent(tt.message); ok != (tt.want != processEvent{}) || ok && got != tt.want {
			t.Errorf("%x: %+v %t, want %+v", tt.message, got, ok, tt.want)
		}
	}
}
