package healthcheck

import (
	"context"
	"io"
	"net/netip"
	"time"

	"vigil/confparse"
)

// Page is a page that is fetched as HTTP_GET and SSL_GET do, without being judged.
type Page struct {
	Target     netip.AddrPort
	Timeout    time.Duration // to connect, and of each read
	Fwmark     uint32        // of the packets; 0 = none
	Path       string
	Host       string // "" = the target with its port
	Protocol   confparse.HTTPProtocol
	TLS        bool
	ServerName string // that TLS asks for; "" = none
}

// Fetch fetches the page once and returns the MD5 sum of its body, which says nothing when the Result is not Passed: its
// Reason is in the words of the log then. seen is given what is read, as it is read.
func (p Page) Fetch(ctx context.Context, seen func([]byte)) (digest [16]byte, r Result) {
	c := httpCheck{
		dial:     dial{target: p.Target, timeout: p.Timeout, fwmark: p.Fwmark},
		url:      urlSpec{path: p.Path, host: p.Host, hasDigest: true},
		protocol: p.Protocol, limits: replyLimit, seen: seen,
		whole: func(reply httpReply) Result {
			digest = reply.digest
			return passed(CodeAnswered, httpDigestSuccess)
		},
	}
	if p.TLS {
		c.tls = (*TLSMaterial)(nil).config(p.ServerName, false, "")
	}
	r = c.Check(ctx)
	return digest, r
}

// seenReader shows what is read.
type seenReader struct {
	io.ReadWriter
	seen func([]byte)
}

// Read implements io.Reader.
func (s seenReader) Read(b []byte) (int, error) {
	n, err := s.ReadWriter.Read(b)
	if n > 0 {
		s.seen(b[:n])
	}
	return n, err
}
