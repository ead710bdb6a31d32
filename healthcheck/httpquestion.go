package healthcheck

import (
	"encoding/hex"
	"slices"
	"unique"

	"vigil/confparse"
	"vigil/internal/pcre"
)

func httpWords(check string) words {
	return words{
		check:  check,
		passed: func(server string) string { return "Remote Web server " + server + " succeed on service." },
		failed: func(server, reason string) string { return reason + " server " + server + "." },
		step: func(server, reason, step string) string {
			return reason + " success to " + server + " url(" + step + ")"
		},
		alert:   alerting("CHECK succeed on service", "CHECK failed on service : HTTP request failed"),
		awaited: true,
	}
}

// httpQuestion is HTTP_GET and SSL_GET: a list of URLs, asked one at a time.
type httpQuestion struct{ spec unique.Handle[httpSpec] }

// httpSpec is what HTTP_GET and SSL_GET have beyond a connection.
type httpSpec struct {
	tls          bool
	verify       bool   // the certificate
	verifyName   string // and that it is for this name; "" = any
	protocol     confparse.HTTPProtocol
	fastRecovery bool
	count        int32 // urls
	urls         unique.Handle[urlNode]
}

// urlNode is one url of a list. The list is linked by handles because a slice would not be comparable.
type urlNode struct {
	url  urlSpec
	next unique.Handle[urlNode] // zero at the end
}

// urlSpec is one url block.
type urlSpec struct {
	path      string
	host      string // the Host header; "" = the target as IP:PORT
	digest    [16]byte
	hasDigest bool
	status    statusSet

	serverName  string // that TLS asks for; "" = none
	closeNotify bool   // the end of TLS is told
	regex       pcre.Spec
	hasRegex    bool
	noMatch     bool // the regex is not to match
	method      string
	headers     string // one to a line; "" = none beyond those that are sent anyway
	maxBody     int64  // bytes; 0 = no limit of its own
}

func askHTTP(ck *confparse.Checker) question {
	spec := httpSpec{tls: ck.Kind == confparse.SSLGet}
	if h := ck.HTTP; h != nil {
		spec.protocol, spec.fastRecovery, spec.count = h.Protocol, h.FastRecovery, int32(len(h.URLs))
		spec.verify, spec.verifyName = h.VerifyPeer, h.VerifyName
		for _, u := range slices.Backward(h.URLs) {
			url := newURL(u, h.VirtualHost)
			url.closeNotify = u.CloseNotify || h.CloseNotify
			spec.urls = unique.Make(urlNode{url, spec.urls})
		}
	}
	return httpQuestion{unique.Make(spec)}
}

func newURL(u confparse.URL, host string) urlSpec {
	url := urlSpec{path: u.Path, host: u.VirtualHost, serverName: u.ServerName, method: u.Request.Method,
		maxBody: int64(u.Request.MaxBody)}
	for _, h := range u.Request.Headers {
		url.headers += h + "\r\n"
	}
	if r := u.Regex; r != nil && r.Pattern != "" {
		url.regex, url.hasRegex, url.noMatch = r.Spec(), true, r.Invert
	}
	if url.host == "" {
		url.host = host
	}
	if n, err := hex.Decode(url.digest[:], []byte(u.Digest[:min(len(u.Digest), 32)])); err == nil && n == 16 {
		url.hasDigest = true
	} else {
		url.digest = [16]byte{}
	}
	for _, r := range u.StatusCodes {
		url.status.add(r.First, r.Last)
	}
	return url
}

func (q httpQuestion) attempt(with means, step int) Checker {
	s := q.spec.Value()
	c := httpCheck{dial: with.via, url: s.url(step), protocol: s.protocol, limits: replyLimit, expressions: with.expressions}
	if s.tls {
		c.tls = with.tls.config(c.url.serverName, s.verify, s.verifyName)
	}
	return c
}

func (q httpQuestion) policy(t timing) policy {
	s, p := q.spec.Value(), t.policy()
	p.steps, p.fastRecovery = int(s.count), s.fastRecovery
	return p
}

// same leaves out http_protocol and fast_recovery: they change how the question is put, not what it is.
func (q httpQuestion) same(o question) bool {
	other, ok := o.(httpQuestion)
	return ok && (q == other || q.spec.Value().core() == other.spec.Value().core())
}

func (s httpSpec) core() httpSpec {
	s.protocol, s.fastRecovery = 0, false
	return s
}

// url returns the nth url of the list; n must be below count.
func (s httpSpec) url(n int) urlSpec {
	node := s.urls.Value()
	for range n {
		node = node.next.Value()
	}
	return node.url
}

// statusSet is the set of accepted HTTP status codes, bit n%64 of word n/64 standing for code n+100.
type statusSet [8]uint64

const (
	firstStatus = 100
	lastStatus  = 599
)

func (s *statusSet) add(first, last uint16) {
	for n := max(first, firstStatus); n <= min(last, lastStatus); n++ {
		s[(n-firstStatus)/64] |= 1 << ((n - firstStatus) % 64)
	}
}

func (s *statusSet) has(code int) bool {
	if code < firstStatus || code > lastStatus {
		return false
	}
	n := code - firstStatus
	return s[n/64]&(1<<(n%64)) != 0
}
