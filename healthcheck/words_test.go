package healthcheck

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// TestWords has the lines that operators of keepalived search their logs for.
func TestWords(t *testing.T) {
	of := func(k confparse.CheckerKind) *words { return &kinds[k].words }
	tcp, http, ssl := of(confparse.TCPCheck), of(confparse.HTTPGet), of(confparse.SSLGet)
	for _, tt := range []struct{ name, got, want string }{
		{"up", transitionText(true, false, rs1, vsName), "Adding service " + rs1 + " to VS " + vsName},
		{"down", transitionText(false, false, rs1, vsName), "Removing service " + rs1 + " from VS " + vsName},
		{"up, inhibited (case 25)", transitionText(true, true, rs1, vsName), "Enabling service " + rs1 + " of VS " + vsName},
		{"down, inhibited (case 25)", transitionText(false, true, rs1, vsName), "Disabling service " + rs1 + " of VS " + vsName},
		{"weight (case 49)", weightText(1, 5, true, rs1, vsName),
			"Changing weight from 1 to 5 for active service " + rs1 + " of VS " + vsName},
		{"weight of a server that is down", weightText(1, 7, false, rs2, vsName),
			"Changing weight from 1 to 7 for inactive service " + rs2 + " of VS " + vsName},
		{"§2.1 passed", verdictText(tcp, up, 0, rs1), "TCP connection to " + rs1 + " success."},
		{"§2.1 failed after retries", verdictText(tcp, down, 2, rs1), "TCP_CHECK on service " + rs1 + " failed after 2 retries."},
		{"§2.1 failed", verdictText(tcp, down, 0, rs1), "TCP_CHECK on service " + rs1 + " failed."},
		{"§2.1 attempt", tcp.failed(rs1, tcpTimeout), "TCP connection to " + rs1 + " timeout."},
		{"§2 postponed", postponedText(tcp, rs1), "TCP_CHECK on service " + rs1 + " could not be made. Rescheduling"},
		{"§2.2 passed", verdictText(http, up, 0, rs1), "Remote Web server " + rs1 + " succeed on service."},
		{"§2.2 failed after retries", verdictText(http, down, 1, rs1), "HTTP_CHECK on service " + rs1 + " failed after 1 retries."},
		{"§2.2 failed, SSL", verdictText(ssl, down, 0, rs1), "SSL_CHECK on service " + rs1 + " failed."},
		{"§2.2 attempt", http.failed(rs1, httpTimeoutReading), "Timeout HTTP read server " + rs1 + "."},
		{"§2.2 a URL of a check that is down", http.step(rs1, httpStatusSuccess, "/2"),
			"HTTP status code success to " + rs1 + " url(/2)"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

// TestQuorumWords has the lines about a quorum and the sorry server (cases 5, 28 and 29).
func TestQuorumWords(t *testing.T) {
	const sorry = "[192.168.0.9]:tcp:80"
	vs := func(inhibit bool) *virtualServer {
		return &virtualServer{
			id: vsID, quorum: quorum{quorum: 2, hysteresis: 1, sum: 3},
			sorry: netip.MustParseAddrPort("192.168.0.9:80"), sorryInhibit: inhibit,
		}
	}
	for _, tt := range []struct {
		name string
		got  []string
		want []string
	}{
		{"gained", quorumTexts(vs(false), quorumGained, true, false), []string{"Gained quorum 2+1=3 <= 3 for VS " + vsName}},
		{"lost", quorumTexts(vs(false), quorumLost, false, false), []string{"Lost quorum 2-1=1 > 3 for VS " + vsName}},
		{"starts down", quorumTexts(vs(false), quorumStartsDown, true, true), []string{
			"Starting with quorum down 2-1=1 > 3 for VS " + vsName, "Adding sorry server " + sorry + " to VS " + vsName,
			"Removing alive servers from the pool for VS " + vsName}},
		{"gained from the sorry server", quorumTexts(vs(false), quorumGained, false, true), []string{
			"Gained quorum 2+1=3 <= 3 for VS " + vsName, "Removing sorry server " + sorry + " from VS " + vsName,
			"Adding alive servers to the pool for VS " + vsName}},
		{"lost, inhibited", quorumTexts(vs(true), quorumLost, false, true), []string{
			"Lost quorum 2-1=1 > 3 for VS " + vsName, "Enabling sorry server " + sorry + " to VS " + vsName,
			"Removing alive servers from the pool for VS " + vsName}},
		{"gained, inhibited", quorumTexts(vs(true), quorumGained, false, true), []string{
			"Gained quorum 2+1=3 <= 3 for VS " + vsName, "Disabling sorry server " + sorry + " from VS " + vsName,
			"Adding alive servers to the pool for VS " + vsName}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
