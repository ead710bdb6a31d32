package healthcheck

import (
	"testing"

	"vigil/confparse"
)

// TestWords has the lines that operators of keepalived search their logs for.
func TestWords(t *testing.T) {
	of := func(k confparse.CheckerKind) *words { return &kinds[k].words }
	tcp, http, ssl := of(confparse.TCPCheck), of(confparse.HTTPGet), of(confparse.SSLGet)
	for _, tt := range []struct{ name, got, want string }{
		{"§2.1 passed", verdictText(tcp, told{verdict: up, server: rs1, retries: 0}), "TCP connection to " + rs1 + " success."},
		{"§2.1 failed after retries", verdictText(tcp, told{verdict: down, server: rs1, retries: 2}), "TCP_CHECK on service " + rs1 + " failed after 2 retries."},
		{"§2.1 failed", verdictText(tcp, told{verdict: down, server: rs1, retries: 0}), "TCP_CHECK on service " + rs1 + " failed."},
		{"§2.1 attempt", tcp.failed(rs1, tcpTimeout), "TCP connection to " + rs1 + " timeout."},
		{"§2 postponed", postponedText(tcp, rs1), "TCP_CHECK on service " + rs1 + " could not be made. Rescheduling"},
		{"§2.2 passed", verdictText(http, told{verdict: up, server: rs1, retries: 0}), "Remote Web server " + rs1 + " succeed on service."},
		{"§2.2 failed after retries", verdictText(http, told{verdict: down, server: rs1, retries: 1}), "HTTP_CHECK on service " + rs1 + " failed after 1 retries."},
		{"§2.2 failed, SSL", verdictText(ssl, told{verdict: down, server: rs1, retries: 0}), "SSL_CHECK on service " + rs1 + " failed."},
		{"§2.2 attempt", http.failed(rs1, httpTimeoutReading), "Timeout HTTP read server " + rs1 + "."},
		{"§2.2 a URL of a check that is down", http.step(rs1, httpStatusSuccess, "/2"),
			"HTTP status code success to " + rs1 + " url(/2)"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
