package healthcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"vigil/confparse"
)

// The reasons of SMTP_CHECK, as its log lines begin.
const (
	smtpNoConnection   = "Could not connect to"
	smtpConnectTimeout = "Connection timeout to"
	smtpReadTimeout    = "Read timeout from"
	smtpReadFailure    = "Read failure from"
	smtpWriteTimeout   = "Write timeout to"
	smtpWriteFailure   = "Write failure to"
	smtpTooLong        = "Buffer overflow reading from"
	smtpBadBanner      = "Bad greeting banner from"
	smtpBadHELO        = "Bad HELO response from"
	smtpSuccess        = "success"
)

var smtpWords = words{
	check: "SMTP_CHECK",
	verdict: func(t told) string {
		if t.verdict == up {
			return "Remote SMTP server " + t.server + " succeed on service."
		}
		return "SMTP_CHECK " + smtpFailure(t)
	},
	alert: func(t told) string {
		if t.verdict == up {
			return "CHECK succeed on service"
		}
		return "CHECK failed on service : " + smtpFailure(t)
	},
}

// smtpFailure says what failed and where.
func smtpFailure(t told) string {
	target := t.spec.Target()
	return fmt.Sprintf("%s server [%s]:%d", t.result.Reason, target.Addr(), target.Port())
}

// smtpQuestion is SMTP_CHECK: whether a server greets and answers HELO (RFC 5321 §4.1.1.1).
type smtpQuestion struct{ helo string }

func askSMTP(ck *confparse.Checker) question {
	var q smtpQuestion
	if d, ok := ck.Detail.(*confparse.SMTPDetail); ok {
		q.helo = d.HELO
	}
	return q
}

func (q smtpQuestion) attempt(with means, _ int) Checker { return smtpCheck{with.via, q.helo} }

// policy: the retries are made every time, also before the first success and while the check is down.
func (smtpQuestion) policy(t timing) policy {
	p := t.policy()
	p.insists = true
	return p
}

func (q smtpQuestion) same(o question) bool { return o == q }

// smtpCheck passes when the server greets with 220, answers HELO with 250, and QUIT with anything.
type smtpCheck struct {
	dial dial
	helo string
}

// smtpLineLimit is the longest line of a reply, its end included (RFC 5321 §4.5.3.1.5, less the room for a terminator).
const smtpLineLimit = 511

// smtpLimits bound a whole dialogue: three replies, each of a line, and what may come behind it.
var smtpLimits = replyLimits{size: 64 << 10, burst: 64 << 10, rate: 64 << 10}

// Check implements Checker.
func (c smtpCheck) Check(ctx context.Context) Result {
	file, err := c.dial.connect(ctx)
	if err != nil {
		return unconnected(err, smtpConnectTimeout, smtpNoConnection)
	}
	return c.over(ctx, file)
}

// over has the dialogue over a connection, and closes it.
func (c smtpCheck) over(ctx context.Context, file stream) Result {
	defer file.Close()
	stop := context.AfterFunc(ctx, func() { file.Close() })
	defer stop()
	conn := &replyConn{stream: file, target: c.dial.target, timeout: c.dial.timeout, limits: smtpLimits, done: ctx.Done()}
	conn.expect(time.Now(), max(replyTime, replyTimeouts*c.dial.timeout))
	return c.converse(conn)
}

// converse has the dialogue. Only the first line of a reply is looked at: one of several lines, which is marked by a
// hyphen behind its code (RFC 5321 §4.2.1), is not what keepalived accepts.
func (c smtpCheck) converse(conn *replyConn) Result {
	for _, step := range []struct{ says, want, bad string }{
		{"", "220", smtpBadBanner},
		{"HELO " + c.helo + "\r\n", "250", smtpBadHELO},
		{"QUIT\r\n", "", ""},
	} {
		if step.says != "" {
			conn.SetWriteDeadline(time.Now().Add(c.dial.timeout))
			if _, err := conn.Write([]byte(step.says)); err != nil {
				return smtpBroken(err, smtpWriteTimeout, smtpWriteFailure)
			}
		}
		line, err := smtpReply(conn)
		switch {
		case errors.Is(err, errReplyTooLong):
			return failed(CodeAnswerInvalid, smtpTooLong, err)
		case err != nil:
			return smtpBroken(err, smtpReadTimeout, smtpReadFailure)
		}
		switch code, ok := smtpCode(line); {
		case step.want == "":
		case !ok:
			return failed(CodeAnswerInvalid, step.bad, nil)
		case code != step.want:
			return failed(CodeAnswerStatus, step.bad, nil)
		}
	}
	return passed(CodeAnswered, smtpSuccess)
}

// smtpBroken is the result of a dialogue that has ended early.
func smtpBroken(err error, timeout, failure string) Result {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return failed(CodeAnswerTimeout, timeout, err)
	}
	return failed(CodeAnswerInvalid, failure, err)
}

// smtpReply reads until the end of a line and returns the line without it. What has come behind it is dropped.
func smtpReply(r io.Reader) ([]byte, error) {
	b := make([]byte, 0, smtpLineLimit)
	for len(b) < cap(b) {
		n, err := r.Read(b[len(b):cap(b)])
		read := b[len(b) : len(b)+n]
		b = b[:len(b)+n]
		if end := bytes.IndexByte(read, '\n'); end >= 0 {
			return b[:len(b)-n+end], nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errReplyTooLong
}

// smtpCode returns the code of a reply, which a space or the end of the line follows. ok is false where the line is no
// such reply.
func smtpCode(line []byte) (code string, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' || bytes.IndexByte(line, 0) >= 0 {
		return "", false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	return string(line[:3]), true
}
