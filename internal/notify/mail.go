package notify

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"
)

const (
	maxMails    = 1024 // that wait
	mailBatch   = 16   // of them that may go at once when there are more
	mailTries   = 3
	mailBackoff = 5 * time.Second // after the first try; twice as long after each further one
	mailGrace   = time.Second     // for what is left at the end
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
	About   string // the object
	Subject string
	Body    string
}

// Mailer sends mails one after the other, each tried up to three times.
type Mailer struct {
	log    *slog.Logger
	server MailServer
	queue  *queue[Mail]
	pause  time.Duration
	grace  time.Duration
}

// NewMailer returns a Mailer, which sends while its Run is on.
func NewMailer(server MailServer, log *slog.Logger) *Mailer {
	return &Mailer{log: log, server: server, queue: newQueue[Mail](maxMails, mailBatch), pause: mailBackoff, grace: mailGrace}
}

// Send queues a mail. Of mails about the same object the last one is the last to be lost.
func (m *Mailer) Send(mail Mail) { m.queue.put(mail.About, mail) }

// Lost is how many mails were lost because the server did not take them in time.
func (m *Mailer) Lost() uint64 { return m.queue.losses() }

// Run sends what is queued until ctx ends, and what is left then as far as the server takes it at once.
func (m *Mailer) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		timer := time.NewTimer(m.grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-work.Done():
		}
	})()
	for {
		select {
		case <-m.queue.signal:
		case <-ctx.Done():
		}
		for mails := m.queue.takeFirst(); len(mails) > 0 && work.Err() == nil; mails = m.queue.takeFirst() {
			m.deliver(ctx, work, mails[0].what)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// deliver tries to send a mail until work ends, and not again when ctx has.
func (m *Mailer) deliver(ctx, work context.Context, mail Mail) {
	for try := range mailTries {
		err := m.server.send(work, mail, time.Now())
		if err == nil || work.Err() != nil {
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

// message is m as it is sent (RFC 5322), with the headers in keepalived's order.
func (s *MailServer) message(m Mail, now time.Time) string {
	return strings.Join([]string{
		"Date: " + now.Format(time.RFC1123Z),
		"From: " + oneLine(s.From),
		"Subject: " + oneLine(m.Subject),
		"X-Mailer: Keepalived",
		"To: " + s.to(),
		"", m.Body, "", "",
	}, "\r\n")
}

// maxHeaderLine is less than what a line may have (RFC 5322 §2.1.1).
const maxHeaderLine = 900

// to is the list of the recipients, which goes on in further lines when it is long.
func (s *MailServer) to() string {
	var b strings.Builder
	line := 0
	for i, r := range s.Recipients {
		if i > 0 {
			b.WriteString(", ")
			if line += len(r) + 2; line > maxHeaderLine {
				b.WriteString("\r\n ")
				line = len(r)
			}
		}
		b.WriteString(oneLine(r))
	}
	return b.String()
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

// DefaultSender is who sends where nobody says: this process's user at this host.
func DefaultSender(host string) string {
	user := os.Getenv("USER")
	if user == "" {
		user = "root"
	}
	return user + "@" + host
}
