package members

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"vigil/internal/fuzzing"
)

// reply builds a reply to a question. Records are "NAME TTL TYPE DATA".
func reply(id uint16, name string, kind dnsmessage.Type, change func(*dnsmessage.Header), records ...string) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: id, Response: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name + "."), Type: kind, Class: dnsmessage.ClassINET}}}
	if change != nil {
		change(&m.Header)
	}
	for _, text := range records {
		var owner, word, data string
		var ttl uint32
		fmt.Sscan(text, &owner, &ttl, &word, &data)
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(owner + "."), Class: dnsmessage.ClassINET, TTL: ttl}}
		switch word {
		case "A":
			r.Body = &dnsmessage.AResource{A: netip.MustParseAddr(data).As4()}
		case "AAAA":
			r.Body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(data).As16()}
		case "CNAME":
			r.Body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(data + ".")}
		case "TXT":
			r.Body = &dnsmessage.TXTResource{TXT: []string{data}}
		case "SRV": // PRIORITY,WEIGHT,PORT,TARGET
			var s dnsmessage.SRVResource
			f := strings.SplitN(data, ",", 4)
			fmt.Sscan(strings.Join(f[:3], " "), &s.Priority, &s.Weight, &s.Port)
			s.Target = dnsmessage.MustNewName(f[3] + ".")
			r.Body = &s
		}
		m.Answers = append(m.Answers, r)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func TestReplies(t *testing.T) {
	rcode := func(c dnsmessage.RCode) func(*dnsmessage.Header) {
		return func(h *dnsmessage.Header) { h.RCode = c }
	}
	for _, tt := range []struct {
		rule  string
		reply []byte
		want  string
	}{
		{"its addresses, and the shortest TTL", reply(7, "web", dnsmessage.TypeA, nil, "web 30 A 192.0.2.1", "web 20 A 192.0.2.2"), "[192.0.2.1 192.0.2.2] [] 20s"},
		{"case is nothing", reply(7, "WEB", dnsmessage.TypeA, nil, "Web 30 A 192.0.2.1"), "[192.0.2.1] [] 30s"},
		{"none", reply(7, "web", dnsmessage.TypeA, nil), "[] [] 1h0m0s"},
		{"aliases count, and their TTL", reply(7, "web", dnsmessage.TypeA, nil, "web 5 CNAME b", "b 60 CNAME c", "c 30 A 192.0.2.1"), "[192.0.2.1] [] 5s"},
		{"what the name does not lead to is somebody else's", reply(7, "web", dnsmessage.TypeA, nil, "web 5 CNAME b", "web 1 A 192.0.2.9", "x 1 A 192.0.2.8", "b 30 A 192.0.2.1"),
			"[192.0.2.1] [] 5s"},
		{"other types say nothing", reply(7, "web", dnsmessage.TypeA, nil, "web 1 TXT x", "web 2 AAAA 2001:db8::1", "web 30 A 192.0.2.1"), "[192.0.2.1] [] 30s"},
		{"no TTL", reply(7, "web", dnsmessage.TypeA, nil, "web 0 A 192.0.2.1"), "[192.0.2.1] [] 1s"},
		{"a TTL without end", reply(7, "web", dnsmessage.TypeA, nil, "web 99999 A 192.0.2.1"), "[192.0.2.1] [] 1h0m0s"},
		{"a TTL with the highest bit", reply(7, "web", dnsmessage.TypeA, nil, "web 4294967295 A 192.0.2.1"), "[192.0.2.1] [] 1s"},
		{"aliases in a circle", reply(7, "web", dnsmessage.TypeA, nil, "web 5 CNAME b", "b 5 CNAME web"), "it answers with more than 16 CNAME records, one after the other"},
		{"no such name", reply(7, "web", dnsmessage.TypeA, rcode(dnsmessage.RCodeNameError)), "there is no such name (NXDOMAIN)"},
		{"an error", reply(7, "web", dnsmessage.TypeA, rcode(dnsmessage.RCodeServerFailure)), "it answers with an error (rcode 2)"},
		{"a cut reply", reply(7, "web", dnsmessage.TypeA, func(h *dnsmessage.Header) { h.Truncated = true }, "web 30 A 192.0.2.1"), "its answer is cut, by TCP too"},
		{"of another question", reply(8, "web", dnsmessage.TypeA, nil, "web 30 A 192.0.2.1"), "its answer is of another question"},
		{"of another name", reply(7, "www", dnsmessage.TypeA, nil, "web 30 A 192.0.2.1"), "its answer is of another question"},
		{"of another type", reply(7, "web", dnsmessage.TypeAAAA, nil, "web 30 A 192.0.2.1"), "its answer is of another question"},
		{"a question", reply(7, "web", dnsmessage.TypeA, func(h *dnsmessage.Header) { h.Response = false }), "its answer is of another question"},
		{"nothing", nil, "its answer is of another question"},
	} {
		got, err := parseReply(tt.reply, 7, "web", dnsmessage.TypeA)
		text := fmt.Sprint(got.addrs, got.services, got.ttl)
		if err != nil {
			text = err.Error()
		}
		if text != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, text, tt.want)
		}
	}
	cut := reply(7, "web", dnsmessage.TypeA, nil, "web 30 A 192.0.2.1")
	if _, err := parseReply(cut[:len(cut)-2], 7, "web", dnsmessage.TypeA); err == nil {
		t.Error("a reply without its end is taken")
	}
}

// FuzzReply: any reply is an answer within the limits, or an error; and of another question it is none.
func FuzzReply(f *testing.F) {
	for _, b := range [][]byte{nil, reply(7, "web", dnsmessage.TypeA, nil, "web 5 CNAME b", "b 30 A 192.0.2.1"),
		reply(7, "web", dnsmessage.TypeSRV, nil, "web 30 SRV 1,2,80,a.example", "web 30 SRV 1,2,80,b"), reply(7, "web", dnsmessage.TypeAAAA, nil, "web 0 AAAA 2001:db8::1"),
		reply(7, "web", dnsmessage.TypeA, nil, "web 5 CNAME b", "b 5 CNAME web")} {
		f.Add(b, uint16(dnsmessage.TypeA))
		f.Add(b, uint16(dnsmessage.TypeSRV))
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint16) {
		var got answer
		var err error
		fuzzing.Within(t, time.Second, func() { got, err = parseReply(b, 7, "web", dnsmessage.Type(kind)) })
		if err == nil && (got.ttl < minTTL || got.ttl > maxTTL || !answers(b, 7, "web", dnsmessage.Type(kind))) {
			t.Fatalf("%+v", got)
		}
		if err != nil && (len(got.addrs) > 0 || len(got.services) > 0) {
			t.Fatalf("%+v beside %v", got, err)
		}
		for _, s := range got.services { // which are asked for next
			_, _ = question(1, s.target, dnsmessage.TypeA)
		}
	})
}
