package notify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"net/smtp"
	"os"
	"strings"
	"time"
)

const (
	maxMails    = 1024 // that wait
	mailTries   = 3
	mailBackoff = 5 * time.Second // after the first try; twice as long after each further one
)

// MailServer is how mails are sent (RFC 5321).
type MailServer struct {
	Address    string // host:port
	HELO       string
	From       string // an address, with or without a name
	Recipients []string
	Timeout    time.Duration // of a whole transaction
}

// Mail is an alert.
type Mail struct {
	Subject string
	Body    string
}

// Mailer sends mails one after the other, each tried up to three times.
type Mailer struct {
	log    *slog.Logger
	server MailServer
	queue  *queue[Mail]
	pause  time.Duration
}

// NewMailer returns a Mailer, which sends while its Run is on.
func NewMailer(server MailServer, log *slog.Logger) *Mailer {
	return &Mailer{log: log, server: server, queue: newQueue[Mail](maxMails), pause: mailBackoff}
}

// Send queues a mail.
func (m *Mailer) Send(mail Mail) { m.queue.put(mail) }

// Run sends what is queued until ctx ends.
func (m *Mailer) Run(ctx context.Context) error {
	for {
		select {
		case <-m.queue.signal:
		case <-ctx.Done():
			return nil
		}
		for mails := m.queue.takeFirst(); len(mails) > 0 && ctx.Err() == nil; mails = m.queue.takeFirst() {
			m.deliver(ctx, mails[0])
		}
	}
}

// deliver tries to send a mail.
func (m *Mailer) deliver(ctx context.Context, mail Mail) {
	for try := range mailTries {
		err := m.server.send(ctx, mail, time.Now())
		if err == nil || ctx.Err() != nil {
			return
		}
		m.log.Error("An alert cannot be mailed", "subject", mail.Subject, "err", err, "try", try+1)
		timer := time.NewTimer(m.pause << try)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// send makes one attempt, which ends with ctx or after the Timeout.
func (s *MailServer) send(ctx context.Context, m Mail, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	defer conn.Close()
	host, _, _ := net.SplitHostPort(s.Address)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if err := c.Hello(s.HELO); err != nil {
		return fmt.Errorf("HELO: %w", err)
	}
	if err := c.Mail(addressOf(s.From)); err != nil {
		return fmt.Errorf("MAIL: %w", err)
	}
	for _, to := range s.Recipients {
		if err := c.Rcpt(addressOf(to)); err != nil {
			return fmt.Errorf("RCPT %s: %w", to, err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	if _, err := io.WriteString(w, s.text(m, now)); err != nil {
		return fmt.Errorf("text: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("text: %w", err)
	}
	_ = c.Quit() // it has been taken
	return nil
}

// text is the message (RFC 5322).
func (s *MailServer) text(m Mail, now time.Time) string {
	return strings.Join([]string{
		"Date: " + now.Format(time.RFC1123Z),
		"From: " + oneLine(s.From),
		"To: " + oneLine(strings.Join(s.Recipients, ", ")),
		"Subject: " + oneLine(m.Subject),
		"X-Mailer: Keepalived",
		"", m.Body, "",
	}, "\r\n")
}

// oneLine is s without what would end a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}

// addressOf is the address in what is written, which may have a name beside it.
func addressOf(s string) string {
	if a, err := mail.ParseAddress(s); err == nil {
		return a.Address
	}
	return strings.Trim(s, "<> ")
}

// DefaultSender is who sends where nobody says: this process's user at this host.
func DefaultSender(host string) string {
	user := os.Getenv("USER")
	if user == "" {
		user = "root"
	}
	return user + "@" + host
}
