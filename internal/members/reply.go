package members

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A TTL counts between these limits: a shorter one would be nothing but asking, and after a longer one nobody would wait for a change.
const (
	minTTL = time.Second
	maxTTL = time.Hour
)

// maxAliases is how many CNAME records may follow each other.
const maxAliases = 16

var (
	errNoName    = errors.New("there is no such name (NXDOMAIN)")
	errTruncated = errors.New("its answer is cut, by TCP too")
)

// answer is what a name has of a type.
type answer struct {
	addrs    []netip.Addr // of A and AAAA
	services []service    // of SRV
	ttl      time.Duration
}

// service is an SRV record (RFC 2782).
type service struct {
	target           string // "" = the root: there is no such service
	port             uint16
	weight, priority uint16
}

// record is a record of an answer.
type record struct {
	owner string
	ttl   uint32
	body  dnsmessage.ResourceBody
}

// parseReply reads the reply to a question. Only records count that the name has itself, or what it is another name of.
func parseReply(b []byte, id uint16, name string, kind dnsmessage.Type) (answer, error) {
	if !answers(b, id, name, kind) {
		return answer{}, errors.New("its answer is of another question")
	}
	var p dnsmessage.Parser
	h, err := p.Start(b)
	switch {
	case err != nil:
		return answer{}, err
	case h.Truncated:
		return answer{}, errTruncated
	case h.RCode == dnsmessage.RCodeNameError:
		return answer{}, errNoName
	case h.RCode != dnsmessage.RCodeSuccess:
		return answer{}, fmt.Errorf("it answers with an error (rcode %d)", h.RCode)
	}
	if err := p.SkipAllQuestions(); err != nil {
		return answer{}, err
	}
	var records []record
	aliases := make(map[string]record)
	for {
		r, err := next(&p, kind)
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return answer{}, fmt.Errorf("its answer cannot be read: %w", err)
		}
		switch r.body.(type) {
		case nil:
		case *dnsmessage.CNAMEResource:
			aliases[r.owner] = r
		default:
			records = append(records, r)
		}
	}
	return collect(name, records, aliases)
}

// next reads a record of the answer. Its body is nil if it is neither of that type nor a CNAME.
func next(p *dnsmessage.Parser, kind dnsmessage.Type) (r record, err error) {
	h, err := p.AnswerHeader()
	if err != nil {
		return r, err
	}
	r = record{owner: canonical(h.Name), ttl: h.TTL}
	if h.Class != dnsmessage.ClassINET || h.Type != kind && h.Type != dnsmessage.TypeCNAME {
		return r, p.SkipAnswer()
	}
	switch h.Type {
	case dnsmessage.TypeCNAME:
		var x dnsmessage.CNAMEResource
		x, err = p.CNAMEResource()
		r.body = &x
	case dnsmessage.TypeA:
		var x dnsmessage.AResource
		x, err = p.AResource()
		r.body = &x
	case dnsmessage.TypeAAAA:
		var x dnsmessage.AAAAResource
		x, err = p.AAAAResource()
		r.body = &x
	case dnsmessage.TypeSRV:
		var x dnsmessage.SRVResource
		x, err = p.SRVResource()
		r.body = &x
	default:
		err = p.SkipAnswer()
	}
	return r, err
}

// collect follows the aliases of name to the records that it has.
func collect(name string, records []record, aliases map[string]record) (answer, error) {
	got := answer{ttl: maxTTL}
	last := func(ttl uint32) {
		if ttl > 1<<31-1 { // RFC 2181 §8
			ttl = 0
		}
		got.ttl = max(min(got.ttl, time.Duration(ttl)*time.Second), minTTL)
	}
	for range maxAliases {
		a, ok := aliases[name]
		if !ok {
			break
		}
		last(a.ttl)
		name = canonical(a.body.(*dnsmessage.CNAMEResource).CNAME)
	}
	if _, more := aliases[name]; more {
		return answer{}, fmt.Errorf("it answers with more than %d CNAME records, one after the other", maxAliases)
	}
	for _, r := range records {
		if r.owner != name {
			continue
		}
		last(r.ttl)
		switch x := r.body.(type) {
		case *dnsmessage.AResource:
			got.addrs = append(got.addrs, netip.AddrFrom4(x.A))
		case *dnsmessage.AAAAResource:
			got.addrs = append(got.addrs, netip.AddrFrom16(x.AAAA))
		case *dnsmessage.SRVResource:
			got.services = append(got.services, service{canonical(x.Target), x.Port, x.Weight, x.Priority})
		}
	}
	return got, nil
}
