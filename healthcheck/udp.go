package healthcheck

import (
	"context"
	"errors"
	"os"

	"vigil/confparse"
)

// The reasons of UDP_CHECK.
const (
	udpSuccess  = "success"
	udpFailed   = "failed"
	udpMismatch = "reply data mismatch"
)

var udpWords = words{
	check:  "UDP_CHECK",
	passed: func(server string) string { return "UDP connection to " + server + " success." },
	failed: func(server, reason string) string {
		if reason == udpMismatch {
			return "UDP check to " + server + " " + reason + "."
		}
		return "UDP connection to " + server + " " + reason + "."
	},
	alert: alerting("UDP CHECK succeed on service", "UDP CHECK failed on service"),
}

// filler is what is sent when there is nothing particular to send.
func filler(length int) string {
	const text = "keepalived check - "
	b := make([]byte, length)
	for i := range b {
		b[i] = text[i%len(text)]
	}
	return string(b)
}

// udpFiller is the payload of a UDP_CHECK that has none.
var udpFiller = filler(32)

// udpQuestion is UDP_CHECK: what is sent, and what must come back.
type udpQuestion struct {
	payload      string
	requireReply bool
	reply, mask  string // of one length: the beginning of the reply, under the mask; "" = any reply
	minLength    uint16 // of the reply
	maxLength    uint16
}

func askUDP(ck *confparse.Checker) question {
	q := udpQuestion{payload: udpFiller}
	if d, ok := ck.Detail.(*confparse.UDPDetail); ok {
		q.requireReply, q.reply, q.mask = d.RequireReply, string(d.Reply), string(d.Mask)
		q.minLength, q.maxLength = d.MinLength, d.MaxLength
		if len(d.Payload) > 0 {
			q.payload = string(d.Payload)
		}
	}
	return q
}

func (q udpQuestion) attempt(with means, _ int) Checker { return udpCheck{with.via, q} }

func (udpQuestion) policy(t timing) policy { return t.policy() }

// same: what is sent and expected is not looked at, as by keepalived; the next answer tells.
func (udpQuestion) same(o question) bool {
	_, ok := o.(udpQuestion)
	return ok
}

// accepts reports whether a reply of the given length that begins with head will do.
func (q udpQuestion) accepts(head []byte, length int) bool {
	if !q.requireReply {
		return true
	}
	if length < int(q.minLength) || length > int(q.maxLength) {
		return false
	}
	for i := range min(len(head), len(q.reply)) {
		if (head[i]^q.reply[i])&q.mask[i] != 0 {
			return false
		}
	}
	return true
}

// udpCheck passes when a datagram comes back, and, where no reply is required, also when nothing does: only ICMP tells
// that nobody is there.
type udpCheck struct {
	dial     dial
	question udpQuestion
}

// Check implements Checker.
func (c udpCheck) Check(ctx context.Context) Result {
	socket, err := c.dial.datagrams(ctx, true)
	if err != nil {
		return unsent(err, udpFailed)
	}
	defer socket.Close()
	if err := socket.send([]byte(c.question.payload)); err != nil {
		return unsent(err, udpFailed)
	}
	head := make([]byte, max(len(c.question.reply), 1))
	n, err := socket.receive(head)
	switch silent := errors.Is(err, os.ErrDeadlineExceeded); {
	case silent && c.question.requireReply:
		return failed(CodeAnswerTimeout, udpFailed, err)
	case silent:
		return passed(CodeConnected, udpSuccess)
	case err != nil:
		return failed(CodeConnectFailed, udpFailed, err)
	case !c.question.accepts(head[:min(n, len(head))], n):
		return failed(CodeAnswerInvalid, udpMismatch, nil)
	}
	return passed(CodeAnswered, udpSuccess)
}
