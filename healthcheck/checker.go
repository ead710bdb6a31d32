package healthcheck

import (
	"context"

	"vigil/confparse"
)

// Checker makes one attempt of a check. It keeps no state between attempts and leaves nothing behind: when Check
// returns, its connection is closed. It bounds its own time and returns early when ctx ends.
type Checker interface {
	Check(ctx context.Context) Result
}

// newChecker makes the checker for one attempt: url is the position in the URL list of HTTP_GET and SSL_GET. It is nil
// for a kind that has no probe, which FromConfig never hands out.
func newChecker(c CheckSpec, url int) Checker {
	p := c.shared.Value()
	d := dial{
		target: c.Target(), timeout: p.connectTimeout,
		bindAddr: p.bindAddr, bindPort: p.bindPort, bindInterface: p.bindInterface, fwmark: p.fwmark,
	}
	switch c.Kind {
	case confparse.TCPCheck:
		return tcpCheck{d}
	case confparse.HTTPGet, confparse.SSLGet:
		return httpCheck{dial: d, url: p.http.url(url), protocol: p.http.protocol, tls: c.Kind == confparse.SSLGet}
	}
	return nil
}
