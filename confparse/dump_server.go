package confparse

import (
	"fmt"
)

var methodWords = map[Forwarding]string{NAT: "NAT", TUN: "TUN", DR: "DR"}

// method writes a forwarding method with its tunnel.
func (p *printer) method(name string, f Forwarding, t Tunnel) {
	words := []any{name, methodWords[f]}
	if t != (Tunnel{}) {
		words = append(words, "type", [...]string{"ipip", "gue", "gre"}[t.Type])
		if t.Port != 0 {
			words = append(words, "port", t.Port)
		}
		words = append(words, [...]string{"nocsum", "csum", "remcsum"}[t.Flags])
	}
	p.line(words...)
}

func (p *printer) http(c *Checker) {
	h := c.HTTP
	p.text("virtualhost", h.VirtualHost)
	p.line("http_protocol", [...]string{"1.0", "1.0C", "1.1"}[h.Protocol])
	p.line("fast_recovery", onOff(h.FastRecovery))
	if h.SNIName != "" {
		p.text("sni_name", h.SNIName)
	}
	p.line("enable_sni", onOff(h.SNI))
	if c.Kind == SSLGet {
		p.line("tls_compliant", onOff(h.CloseNotify))
	}
	for _, u := range h.URLs {
		p.open("url")
		p.text("path", u.Path)
		p.text("digest", u.Digest)
		words := []any{"status_code"}
		for _, s := range u.StatusCodes {
			words = append(words, fmt.Sprintf("%d-%d", s.First, s.Last))
		}
		p.line(words...)
		p.text("virtualhost", u.VirtualHost)
		if c.Kind == SSLGet {
			p.line("tls_compliant", onOff(u.CloseNotify))
		}
		p.regex(u.Regex)
		p.close()
	}
}
