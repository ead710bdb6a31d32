package healthcheck

import (
	"net/netip"
	"strings"

	"vigil/confparse"
)

// request returns the bytes of the request. The path is sent as written, and the Host field is the virtual host as
// written, without a port, or else the target with its port. Headers of our own take the place of those of their name.
func (c httpCheck) request() []byte {
	b := make([]byte, 0, 128+len(c.url.path)+len(c.url.host)+len(c.url.headers))
	if c.url.method != "" {
		b = append(b, c.url.method...)
	} else {
		b = append(b, "GET"...)
	}
	b = append(b, ' ')
	b = append(b, c.url.path...)
	if c.protocol == confparse.HTTP11 {
		b = append(b, " HTTP/1.1\r\n"...)
	} else {
		b = append(b, " HTTP/1.0\r\n"...)
	}
	if !c.url.hasHeader("User-Agent") {
		b = append(b, "User-Agent: KeepAliveClient\r\n"...)
	}
	if c.protocol != confparse.HTTP10 && !c.url.hasHeader("Connection") {
		b = append(b, "Connection: close\r\n"...)
	}
	if !c.url.hasHeader("Host") {
		b = append(b, "Host: "...)
		if c.url.host != "" {
			b = append(b, c.url.host...)
		} else {
			t := c.dial.target
			b = netip.AddrPortFrom(t.Addr().WithZone(""), t.Port()).AppendTo(b)
		}
		b = append(b, "\r\n"...)
	}
	if c.url.headers != "" {
		return append(append(b, c.url.headers...), "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return b[:min(len(b), maxRequest)]
}

// hasHeader reports whether the url has a header of this name.
func (u urlSpec) hasHeader(name string) bool {
	for line := range strings.Lines(u.headers) {
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(line[:len(name)], name) {
			return true
		}
	}
	return false
}
