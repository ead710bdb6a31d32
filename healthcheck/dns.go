package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// The reasons of DNS_CHECK, as its log lines end.
const (
	dnsUnreachable = "network unreachable for"
	dnsTimeout     = "read timeout from socket"
	dnsReadError   = "failed to read socket"
	dnsSuccess     = "success"
)

var dnsWords = words{
	check: "DNS_CHECK",
	verdict: func(t told) string {
		if t.verdict == up {
			return ""
		}
		reason := t.result.Reason
		if target := t.spec.Target(); reason == dnsUnreachable {
			reason += fmt.Sprintf(" [%s]:%d", target.Addr(), target.Port())
		}
		if errno := unix.Errno(0); reason == dnsReadError && errors.As(t.result.Err, &errno) {
			text := errno.Error()
			reason += fmt.Sprintf("; errno %d (%s)", errno, strings.ToUpper(text[:1])+text[1:])
		}
		return "DNS_CHECK (" + t.server + ") " + reason + afterRetries(t.retries)
	},
	alert: alerting("DNS_CHECK: succeed on service", "DNS_CHECK: failed on service"),
}

// dnsTypes are the types that can be asked for, by their names in the configuration.
var dnsTypes = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "NS": dnsmessage.TypeNS, "CNAME": dnsmessage.TypeCNAME, "SOA": dnsmessage.TypeSOA,
	"MX": dnsmessage.TypeMX, "TXT": dnsmessage.TypeTXT, "AAAA": dnsmessage.TypeAAAA,
	"RRSIG": 46, "DNSKEY": 48, // RFC 4034 §2, §3
}

// dnsQuestion is DNS_CHECK: whether a name server answers a query over UDP.
type dnsQuestion struct {
	name string // ends with a dot
	kind dnsmessage.Type
}

func askDNS(ck *confparse.Checker) question {
	q := dnsQuestion{name: ".", kind: dnsmessage.TypeSOA}
	if d, ok := ck.Detail.(*confparse.DNSDetail); ok {
		q = dnsQuestion{name: strings.TrimSuffix(d.Name, ".") + ".", kind: dnsTypes[d.Type]}
	}
	return q
}

func (q dnsQuestion) attempt(with means, _ int) Checker { return dnsCheck{with.via, q} }

func (dnsQuestion) policy(t timing) policy { return t.policy() }

func (q dnsQuestion) same(o question) bool { return o == q }

// dnsCheck passes when the server answers without an error, be there such data or not.
type dnsCheck struct {
	dial     dial
	question dnsQuestion
}

// dnsBuffer is more than the answer to a query without EDNS may be long (RFC 1035 §4.2.1). Only its header is judged.
const dnsBuffer = 768

// Check implements Checker.
func (c dnsCheck) Check(ctx context.Context) Result {
	id := uint16(rand.Uint32())
	query, err := c.question.query(id)
	if err != nil {
		return postponed(err)
	}
	socket, err := c.dial.datagrams(ctx, false)
	if err != nil {
		return unsent(err, dnsUnreachable)
	}
	defer socket.Close()
	if err := socket.send(query); err != nil {
		return unsent(err, dnsUnreachable)
	}
	for reply := make([]byte, dnsBuffer); ; {
		n, err := socket.receive(reply)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return failed(CodeAnswerTimeout, dnsTimeout, err)
		case err != nil:
			return failed(CodeConnectFailed, dnsReadError, err)
		}
		rcode, ok := dnsReply(reply[:min(n, len(reply))], id)
		switch {
		case !ok: // not the answer: it may still come
		case rcode == dnsmessage.RCodeSuccess:
			return passed(CodeAnswered, dnsSuccess)
		default:
			return failed(CodeAnswerStatus, fmt.Sprintf("read error occurred. (rcode = %d)", rcode), nil)
		}
	}
}

// unsent is the result of an attempt whose question did not leave: it was refused by the network for reason, or could
// not be made.
func unsent(err error, reason string) Result {
	var refused *immediateError
	if errors.As(err, &refused) {
		return failed(CodeConnectFailed, reason, err)
	}
	return postponed(err)
}

// query is the query in the form of RFC 1035 §4, with recursion desired and nothing else.
func (q dnsQuestion) query(id uint16) ([]byte, error) {
	name, err := dnsmessage.NewName(q.name)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", q.name, err)
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: q.kind, Class: dnsmessage.ClassINET}},
	}
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", q.name, err)
	}
	return b, nil
}

// dnsReply returns the response code of a message, if it is a response to the query with the given ID.
func dnsReply(b []byte, id uint16) (rcode dnsmessage.RCode, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || !h.Response || h.ID != id {
		return 0, false
	}
	return h.RCode, true
}
