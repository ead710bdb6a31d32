package healthcheck

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/testlan"
)

// needIPv6 skips a test where the loopback has no IPv6.
func needIPv6(t *testing.T) {
	t.Helper()
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 on the loopback:", err)
	}
	c.Close()
}

// udpAsk returns the question of a UDP_CHECK as the configuration has it.
func udpAsk(d confparse.UDPDetail) udpQuestion {
	return askUDP(&confparse.Checker{Kind: confparse.UDPCheck, Detail: &d}).(udpQuestion)
}

func TestUDPCheckSends(t *testing.T) {
	for _, tt := range []struct {
		payload []byte
		want    string
	}{
		{nil, "6b656570616c6976656420636865636b202d206b656570616c69766564206368"},
		{[]byte{0, 0xff, 1}, "00ff01"},
	} {
		asked := make(chan []byte, 1)
		target := datagramServer(t, "127.0.0.1:0", func(b []byte) [][]byte {
			asked <- append([]byte(nil), b...)
			return [][]byte{b}
		})
		r := udpCheck{dial{target: target, timeout: time.Minute}, udpAsk(confparse.UDPDetail{Payload: tt.payload})}.Check(t.Context())
		if r.Outcome != Passed || r.Code != CodeAnswered {
			t.Errorf("got %v, %v, %v", r.Outcome, r.Code, r.Err)
		}
		if got := hex.EncodeToString(<-asked); got != tt.want {
			t.Errorf("sent %s, want %s", got, tt.want)
		}
	}
}

// TestCheckCase46: a port that is closed fails, for ICMP says so; silence passes, unless a reply is required.
func TestCheckCase46(t *testing.T) {
	any, required := udpAsk(confparse.UDPDetail{}), udpAsk(confparse.UDPDetail{RequireReply: true, MaxLength: 255})
	silent := func() netip.AddrPort { return datagramServer(t, "127.0.0.1:0", func([]byte) [][]byte { return nil }) }
	closed := closedUDPPort(t)
	for _, tt := range []struct {
		name     string
		target   netip.AddrPort
		question udpQuestion
		timeout  time.Duration
		outcome  Outcome
		code     Code
		err      error
	}{
		{"closed", closed, any, time.Minute, Failed, CodeConnectFailed, syscall.ECONNREFUSED},
		{"closed, a reply required", closed, required, time.Minute, Failed, CodeConnectFailed, syscall.ECONNREFUSED},
		{"silence", silent(), any, 50 * time.Millisecond, Passed, CodeConnected, nil},
		{"silence, a reply required", silent(), required, 50 * time.Millisecond, Failed, CodeAnswerTimeout, os.ErrDeadlineExceeded},
		{"not ours to send", unreachable, any, time.Minute, Postponed, CodeSocketError, syscall.EACCES},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := udpCheck{dial{target: tt.target, timeout: tt.timeout}, tt.question}.Check(t.Context())
			if r.Outcome != tt.outcome || r.Code != tt.code || tt.err != nil && !errors.Is(r.Err, tt.err) {
				t.Errorf("got %v, %v, %v; want %v, %v, %v", r.Outcome, r.Code, r.Err, tt.outcome, tt.code, tt.err)
			}
		})
	}
}

// TestUDPReplies has what replies are accepted. Those that are compared with data were keepalived 2.2.7's findings too; the
// lengths of others it does not look at, against its manual.
func TestUDPReplies(t *testing.T) {
	big := string(make([]byte, 300))
	for _, tt := range []struct {
		name, require, min, max string
		reply                   string
		want                    bool
	}{
		{"not required", "-", "", "", big, true},
		{"any", "", "", "", "abc", true},
		{"any, empty", "", "", "", "", true},
		{"any, longer than the default", "", "", "", big, true},
		{"any, too short", "", "4", "", "abc", false},
		{"any, too long", "", "", "3", "abcd", false},
		{"any, too long by a limit that is the default", "", "", "255", big, false},
		{"equal", "616263", "", "", "abc", true},
		{"half a byte that may be anything", "61x263", "", "", "abc", true},
		{"the other half", "616x63", "", "", "abc", true},
		{"a byte that may be anything", "61xx63", "", "", "azc", true},
		{"different", "616264", "", "", "abc", false},
		{"different under half a mask", "61x363", "", "", "abc", false},
		{"longer than what is compared", "616263", "", "", "abcd", true},
		{"shorter than what is compared", "616263", "", "", "ab", true},
		{"empty", "61", "", "", "", true},
		{"too short", "616263", "4", "", "abc", false},
		{"too long", "616263", "", "3", "abcd", false},
		{"longer than the default", "00", "", "", big, false},
		{"a digit alone", "0", "", "", "abc", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "UDP_CHECK {\n"
			for word, value := range map[string]string{"min_reply_length": tt.min, "max_reply_length": tt.max} {
				if value != "" {
					text += word + " " + value + "\n"
				}
			}
			if tt.require != "-" {
				text += "require_reply " + tt.require + "\n"
			}
			q := settled(t, text+"}\n").VirtualServers[0].RealServers[0].Checks[0].shared.Value().asks.(udpQuestion)
			target := datagramServer(t, "127.0.0.1:0", func([]byte) [][]byte { return [][]byte{[]byte(tt.reply), []byte("abc")} })
			r := udpCheck{dial{target: target, timeout: time.Minute}, q}.Check(t.Context())
			if (r.Outcome == Passed) != tt.want || !tt.want && r.Reason != udpMismatch {
				t.Errorf("got %v, %q, %v; want success %v", r.Outcome, r.Reason, r.Err, tt.want)
			}
		})
	}
}

func TestUDPCheckOverIPv6(t *testing.T) {
	needIPv6(t)
	target := datagramServer(t, "[::1]:0", func(b []byte) [][]byte { return [][]byte{b} })
	closed := netip.AddrPortFrom(target.Addr(), closedUDPPort(t).Port())
	q := udpAsk(confparse.UDPDetail{RequireReply: true, MaxLength: 255})
	if r := (udpCheck{dial{target: target, timeout: time.Minute}, q}).Check(t.Context()); r.Outcome != Passed {
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
	if r := (udpCheck{dial{target: closed, timeout: time.Minute}, q}).Check(t.Context()); r.Code != CodeConnectFailed {
		t.Errorf("closed: got %v, %v", r.Code, r.Err)
	}
}

// TestUDPCheckBindPort asks two servers from one port at a time.
func TestUDPCheckBindPort(t *testing.T) {
	bind := closedUDPPort(t)
	from := make(chan netip.AddrPort, 1)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 64)
		for {
			n, addr, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			from <- addr
			c.WriteToUDPAddrPort(b[:n], addr)
		}
	}()
	silent := datagramServer(t, "127.0.0.1:0", func([]byte) [][]byte { return nil })
	way := dial{timeout: time.Minute, bindAddr: bind.Addr(), bindPort: bind.Port()}
	ctx, cancel := context.WithCancel(t.Context())
	other := make(chan Result, 1)
	way.target = silent
	go func(d dial) { other <- udpCheck{d, udpAsk(confparse.UDPDetail{})}.Check(ctx) }(way)
	way.target = c.LocalAddr().(*net.UDPAddr).AddrPort()
	if r := (udpCheck{way, udpAsk(confparse.UDPDetail{})}).Check(t.Context()); r.Outcome != Passed || r.Code != CodeAnswered {
		t.Errorf("got %v, %v, %v", r.Outcome, r.Code, r.Err)
	}
	if got := <-from; got != bind {
		t.Errorf("the question came from %v, want %v", got, bind)
	}
	cancel()
	<-other
}

func TestUDPWords(t *testing.T) {
	for _, tt := range []struct{ reason, want string }{
		{udpFailed, "UDP connection to " + rs1 + " failed."}, {udpMismatch, "UDP check to " + rs1 + " reply data mismatch."},
	} {
		if got := udpWords.failed(rs1, tt.reason); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	if got, want := verdictText(&udpWords, told{verdict: down, server: rs1, retries: 1}), "UDP_CHECK on service "+rs1+" failed after 1 retries."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzUDPReply(f *testing.F) {
	f.Add([]byte("abc"), []byte("abc"), []byte{0xff, 0xf0, 0}, uint16(0), uint16(255))
	f.Fuzz(func(t *testing.T, reply, want, mask []byte, low, high uint16) {
		n := min(len(want), len(mask))
		q := udpQuestion{requireReply: true, reply: string(want[:n]), mask: string(mask[:n]), minLength: low, maxLength: high}
		ok := len(reply) >= int(low) && len(reply) <= int(high)
		for i := 0; i < n && i < len(reply); i++ {
			ok = ok && reply[i]&mask[i] == want[i]&mask[i]
		}
		if got := q.accepts(reply[:min(len(reply), max(n, 1))], len(reply)); got != ok {
			t.Errorf("accepts %v, want %v", got, ok)
		}
	})
}

// TestUDPCheckHearsRouters: what a router says of the way to the target counts when it says that there is none.
func TestUDPCheckHearsRouters(t *testing.T) {
	lan := newLAN(t)
	ip := func(h *testlan.Host, words string) {
		t.Helper()
		if _, err := h.Output(t.Context(), append([]string{"ip"}, strings.Fields(words)...)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := lan.host.Sysctl("net/ipv4/ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{"unreachable", "prohibit", "blackhole"} {
		ip(lan.director, fmt.Sprintf("route add 10.9.%d.0/24 via 10.0.0.2", i))
		ip(lan.host, fmt.Sprintf("route add %s 10.9.%d.0/24", kind, i))
	}
	// A packet that has to come back is forwarded, unless its time is over before.
	ip(lan.director, "route add 10.9.3.0/24 via 10.0.0.2")
	ip(lan.host, "route add 10.9.3.0/24 via 10.0.0.1")
	for _, tt := range []struct {
		name, target, ttl string
		outcome           Outcome
		code              Code
	}{
		{"host unreachable", "10.9.0.1:9", "64", Failed, CodeConnectFailed},
		{"prohibited", "10.9.1.1:9", "64", Failed, CodeConnectFailed},
		{"nothing is said", "10.9.2.1:9", "64", Passed, CodeConnected},
		{"time exceeded on the way, which says nothing of the target", "10.9.3.1:9", "1", Passed, CodeConnected},
	} {
		if err := lan.director.Sysctl("net/ipv4/ip_default_ttl", tt.ttl); err != nil {
			t.Fatal(err)
		}
		lan.do(t, func() {
			d := dial{target: netip.MustParseAddrPort(tt.target), timeout: time.Minute}
			if tt.outcome == Passed {
				d.timeout = 200 * time.Millisecond
			}
			r := udpCheck{d, udpAsk(confparse.UDPDetail{})}.Check(t.Context())
			if r.Outcome != tt.outcome || r.Code != tt.code {
				t.Errorf("%s: got %v, %v, %v; want %v, %v", tt.name, r.Outcome, r.Code, r.Err, tt.outcome, tt.code)
			}
		})
	}
	heard, err := lan.director.Output(t.Context(), "nstat", "-az", "IcmpInTimeExcds")
	if err != nil || !regexp.MustCompile(`IcmpInTimeExcds +[1-9]`).MatchString(heard) {
		t.Errorf("of a time exceeded nothing was heard: %v\n%s", err, heard)
	}
}
