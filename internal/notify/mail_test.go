package notify

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// mailHost is a mail server that notes what it is told, a transcript for each connection.
type mailHost struct {
	t        *testing.T
	listener net.Listener
	sessions chan string
	refuse   map[string]int // how often a command is refused
}

func newMailHost(t *testing.T) *mailHost {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &mailHost{t: t, listener: l, sessions: make(chan string, 100), refuse: map[string]int{}}
}

func (h *mailHost) serve() {
	for {
		c, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.sessions <- h.session(c)
	}
}

// session answers one client and returns what it said.
func (h *mailHost) session(c net.Conn) string {
	defer c.Close()
	fmt.Fprint(c, "220 mail.example.net ready\r\n")
	var said strings.Builder
	in, text := bufio.NewScanner(c), false
	for in.Scan() {
		line := strings.TrimSuffix(in.Text(), "\r")
		said.WriteString(line + "\n")
		command, _, _ := strings.Cut(line, " ")
		switch {
		case text && line == ".":
			text = false
			fmt.Fprint(c, "250 taken\r\n")
		case text:
		case h.refuse[command] > 0:
			h.refuse[command]--
			fmt.Fprint(c, "450 not now\r\n")
		case command == "DATA":
			text = true
			fmt.Fprint(c, "354 go on\r\n")
		case command == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return said.String()
		default:
			fmt.Fprint(c, "250 mail.example.net\r\n")
		}
	}
	return said.String()
}

func (h *mailHost) server() MailServer {
	return MailServer{Address: h.listener.Addr().String(), HELO: "lb1.example.net", From: "Balancer <lb1@example.net>",
		Recipients: []string{"a@example.net", "On Call <b@example.net>"}, Timeout: 10 * time.Second}
}

func TestMailOnTheWire(t *testing.T) {
	h := newMailHost(t)
	go h.serve()
	s := h.server()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := s.send(t.Context(), Mail{Subject: "[lb1] Virtualserver\r\nBcc: x - UP", Body: "=> Gained quorum 1+0=1 <= 2 <=\r\n.hidden"}, at); err != nil {
		t.Fatal(err)
	}
	const want = `HELO lb1.example.net
MAIL FROM:<lb1@example.net>
RCPT TO:<a@example.net>
RCPT TO:<b@example.net>
DATA
Date: Sun, 01 Mar 2026 12:00:00 +0000
From: Balancer <lb1@example.net>
Subject: [lb1] Virtualserver  Bcc: x - UP
X-Mailer: Keepalived
To: a@example.net, On Call <b@example.net>

=> Gained quorum 1+0=1 <= 2 <=
..hidden

.
QUIT
`
	if got := <-h.sessions; got != want {
		t.Errorf("said:\n%s\nwant:\n%s", got, want)
	}
}

// A mail that is not taken is tried again, in its turn; one that is never taken is given up.
func TestMailIsTriedAgain(t *testing.T) {
	h := newMailHost(t)
	h.refuse["RCPT"] = mailTries + 1 // the first mail for good, the second once
	go h.serve()
	m := NewMailer(h.server(), slog.New(slog.DiscardHandler))
	m.pause = time.Microsecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	for _, subject := range []string{"one", "two", "three"} {
		m.Send(Mail{Subject: subject})
	}
	var taken []string
	for len(taken) < 2 {
		if _, after, ok := strings.Cut(<-h.sessions, "Subject: "); ok {
			subject, _, _ := strings.Cut(after, "\n")
			taken = append(taken, subject)
		}
	}
	if got := strings.Join(taken, " "); got != "two three" {
		t.Errorf("taken: %s", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A server that never answers holds nobody up at the end.
func TestMailServerThatNeverAnswers(t *testing.T) {
	h := newMailHost(t)
	m := NewMailer(h.server(), slog.New(slog.DiscardHandler))
	m.grace = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	for range 3 * maxMails {
		m.Send(Mail{Subject: "x"})
	}
	c, err := h.listener.Accept() // and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s := h.server()
	s.Timeout = time.Millisecond
	if err := s.send(t.Context(), Mail{}, time.Now()); err == nil {
		t.Error("a mail is taken by nobody")
	}
}

func TestAddressOf(t *testing.T) {
	for written, want := range map[string]string{"a@example.net": "a@example.net", "<a@example.net>": "a@example.net",
		"A B <a@example.net>": "a@example.net", "root": "root", "<root>": "root"} {
		if got := addressOf(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

// What is queued when the end comes is sent still, if the server takes it.
func TestLastMailIsSent(t *testing.T) {
	h := newMailHost(t)
	m := NewMailer(h.server(), slog.New(slog.DiscardHandler))
	m.grace = time.Hour // it ends when the mails are sent
	for _, subject := range []string{"one", "two"} {
		m.Send(Mail{Subject: subject})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	go h.serve()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"one", "two"} {
		if said := <-h.sessions; !strings.Contains(said, "Subject: "+want+"\n") {
			t.Errorf("%s is not in\n%s", want, said)
		}
	}
}

// Many recipients are folded (RFC 5322 §2.2.3), and none is lost.
func TestManyRecipients(t *testing.T) {
	s := MailServer{From: "a@example.net"}
	for i := range 500 {
		s.Recipients = append(s.Recipients, fmt.Sprintf("person-%d@mail.example.net", i))
	}
	m, err := mail.ReadMessage(strings.NewReader(s.message(Mail{Subject: "x", Body: "y"}, time.Now())))
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.Header.AddressList("To")
	if err != nil || len(list) != 500 || list[499].Address != s.Recipients[499] {
		t.Errorf("%d recipients, %v", len(list), err)
	}
	for line := range strings.SplitSeq(s.message(Mail{}, time.Now()), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

// A server that goes on talking is not listened to for ever.
func TestMailServerThatNeverStopsTalking(t *testing.T) {
	h := newMailHost(t)
	go func() {
		c, err := h.listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for err == nil {
			_, err = fmt.Fprint(c, "220-and another thing\r\n")
		}
	}()
	s := h.server()
	s.Timeout = time.Hour
	if err := s.send(t.Context(), Mail{}, time.Now()); err == nil {
		t.Error("a mail is taken by nobody")
	}
}
