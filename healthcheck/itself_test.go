package healthcheck

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// TestNobodyAnswersItself: a check of a port of this host where nobody listens does not pass because its own socket has that port. The
// kernel gives it by chance; bind_port makes sure of it here.
func TestNobodyAnswersItself(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		target := netip.AddrPortFrom(netip.MustParseAddr(host), closedPort(t).Port())
		d := dial{target: target, timeout: 200 * time.Millisecond, bindAddr: target.Addr(), bindPort: target.Port()}
		for name, c := range map[string]Checker{
			"TCP_CHECK":                    tcpCheck{d},
			"HTTP_GET":                     httpCheck{dial: d, limits: replyLimit, url: urlSpec{path: "/", status: statuses(200, 299)}},
			"UDP_CHECK":                    udpCheck{d, udpQuestion{payload: "x"}},
			"UDP_CHECK that wants a reply": udpCheck{d, udpQuestion{payload: "x", requireReply: true, maxLength: 255}},
		} {
			if r := c.Check(t.Context()); r.Outcome != Failed || r.Code != CodeConnectFailed || !errors.Is(r.Err, syscall.ECONNREFUSED) {
				t.Errorf("%s of %s: %v, %v, %v", name, target, r.Outcome, r.Code, r.Err)
			}
		}
	}
}

// TestItselfIsNobodyElse: a socket whose source is another address or port is told apart.
func TestItselfIsNobodyElse(t *testing.T) {
	open := listen(t, "127.0.0.1:0", nil)
	for name, d := range map[string]dial{
		"another address": {target: open, bindAddr: netip.MustParseAddr("127.0.0.2"), bindPort: open.Port()},
		"another port":    {target: open, bindAddr: open.Addr()},
	} {
		d.timeout = time.Second
		if r := (tcpCheck{d}).Check(t.Context()); r.Outcome != Passed {
			t.Errorf("%s: %v, %v", name, r.Outcome, r.Err)
		}
	}
}
