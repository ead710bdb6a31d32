package notify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// resolver stands for the name servers of this host: they take every query, and answer it, with 127.0.0.1, only where answers is set.
type resolver struct {
	answers atomic.Bool
	asked   atomic.Int64
}

// stalled makes a resolver that does not answer the one of this process, until the end of the test.
func stalled(t *testing.T) *resolver {
	t.Helper()
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	// What the library keeps of a first look-up must not be of a bubble.
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network")
	}}
	if _, err := net.LookupHost("mail.example.net."); err == nil {
		t.Fatal("a name is resolved by nobody")
	}
	r := &resolver{}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ours, theirs := net.Pipe()
		go r.serve(theirs)
		return ours, nil
	}}
	return r
}

// serve takes the queries of a connection, each behind its length (RFC 1035 §4.2.2).
func (r *resolver) serve(c net.Conn) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		r.asked.Add(1)
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil || !r.answers.Load() {
			continue
		}
		m.Response = true
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
				Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
		}
		m.Additionals = nil
		answer, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// lockedLog is a log that is read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestMailServerWhoseNameIsNotResolved: whoever tells of something does not wait for the name of the mail server, however many mails there
// are; each is tried as often as it should be, no longer than it may take, and those that wait are bounded. When the name is there, what
// waits is sent in order.
func TestMailServerWhoseNameIsNotResolved(t *testing.T) {
	names := stalled(t)
	h := newMailHost(t)
	h.sessions = make(chan string, 4*maxMails) // nobody takes them while time passes
	go h.serve()
	_, port, err := net.SplitHostPort(h.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		log := new(lockedLog)
		server := h.server()
		server.Address, server.Timeout = net.JoinHostPort("mail.example.net.", port), 3*time.Second
		m := NewMailer(server, slog.New(slog.NewTextHandler(log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		start := time.Now()
		for i := range 3 * maxMails {
			m.Send(Mail{About: fmt.Sprint(i), Subject: fmt.Sprint(i)})
		}
		synctest.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("to tell of it took %v", took)
		}
		if lost := m.Lost(); lost < 2*maxMails-1 || lost > 2*maxMails { // one may be on its way
			t.Errorf("%d mails are lost", lost)
		}
		// Three tries of at most 3 s, and 5 s and 10 s and 20 s behind them.
		time.Sleep(3*server.Timeout + 35*time.Second)
		synctest.Wait()
		if tries := strings.Count(log.String(), "An alert cannot be mailed"); tries < mailTries || tries > mailTries+1 || names.asked.Load() == 0 {
			t.Errorf("%d tries, %d queries\n%s", tries, names.asked.Load(), log)
		}
		names.answers.Store(true)
		time.Sleep(time.Minute)
		subject := func() (n int) {
			_, after, _ := strings.Cut(<-h.sessions, "Subject: ")
			_, _ = fmt.Sscan(after, &n)
			return n
		}
		first := subject()
		for next := first + 1; next < 3*maxMails; next++ {
			if n := subject(); n != next {
				t.Fatalf("mail %d comes in the place of %d", n, next)
			}
		}
		if first > 2*maxMails+1 { // one was given up
			t.Errorf("%d comes first", first)
		}
		names.answers.Store(false)
		m.Send(Mail{Subject: "the last"})
		synctest.Wait()
		before := time.Now()
		cancel()
		if err := <-done; err != nil || time.Since(before) > mailGrace {
			t.Errorf("the end took %v, %v", time.Since(before), err)
		}
		time.Sleep(time.Minute) // what the library asks still has an end of its own
	})
}
