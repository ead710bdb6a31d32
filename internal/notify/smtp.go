package notify

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// maxReplies bounds what a mail server may say in one transaction.
const maxReplies = 64 << 10

// transaction is a connection to a mail server (RFC 5321). As keepalived it begins with HELO and needs no extension.
type transaction struct {
	in  *textproto.Reader
	out *textproto.Writer
}

// say sends a command, unless it is empty, and waits for the reply, which begins with the digits of code.
func (t transaction) say(command string, code int) error {
	if command != "" {
		if err := t.out.PrintfLine("%s", command); err != nil {
			return err
		}
	}
	_, _, err := t.in.ReadResponse(code)
	return err
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
	t := transaction{textproto.NewReader(bufio.NewReader(io.LimitReader(conn, maxReplies))), textproto.NewWriter(bufio.NewWriter(conn))}
	type step struct {
		name, command string
		code          int
	}
	steps := []step{{"greeting", "", 220}, {"HELO", "HELO " + oneLine(s.HELO), 250},
		{"MAIL", "MAIL FROM:<" + addressOf(s.From) + ">", 250}}
	for _, to := range s.Recipients {
		steps = append(steps, step{"RCPT " + to, "RCPT TO:<" + addressOf(to) + ">", 25})
	}
	for _, step := range append(steps, step{"DATA", "DATA", 354}) {
		if err := t.say(step.command, step.code); err != nil {
			_ = t.out.PrintfLine("QUIT")
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	w := t.out.DotWriter()
	if _, err := io.WriteString(w, s.message(m, now)); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if err := t.say("", 250); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	_ = t.say("QUIT", 221) // it has been taken
	return nil
}

// addressOf is the address in what is written, which may have a name beside it.
func addressOf(s string) string {
	if a, err := mail.ParseAddress(s); err == nil {
		return a.Address
	}
	return strings.Trim(oneLine(s), "<> ")
}
