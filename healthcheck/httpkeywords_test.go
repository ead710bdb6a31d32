package healthcheck

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/pcre"
)

// checked makes one attempt of a plain HTTP check.
func checked(t *testing.T, target netip.AddrPort, url urlSpec) Result {
	t.Helper()
	url.path = "/"
	if url.status == (statusSet{}) {
		url.status = statuses(200, 299)
	}
	return httpCheck{dial: dial{target: target, timeout: 5 * time.Second}, url: url, limits: replyLimit,
		expressions: &expressions{}}.Check(t.Context())
}

func TestHTTPRegex(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nServer: ready\r\n\r\n"
	regex := func(pattern, options string) urlSpec {
		return urlSpec{regex: pcre.Spec{Pattern: pattern, Options: options, Max: -1}, hasRegex: true}
	}
	not := regex("down", "")
	not.noMatch = true
	late := regex("up", "")
	late.regex.Min = 3
	broken := regex("(", "")
	for _, tt := range []struct {
		name, body string
		url        urlSpec
		outcome    Outcome
		reason     string
	}{
		{"§2.2 it matches", "all is up", regex(`is\s+up$`, ""), Passed, "Regex match"},
		{"§2.2 it does not", "all is down", regex(`is\s+up$`, ""), Failed, "Regex match failed"},
		{"§2.2 options", "ALL IS UP", regex(`is up`, "caseless"), Passed, "Regex match"},
		{"§2.2 regex_no_match", "all is up", not, Passed, "Regex match"},
		{"§2.2 regex_no_match, and it does", "all is down", not, Failed, "Regex match failed"},
		{"§2.2 regex_min_offset", "up", late, Failed, "Regex match failed"},
		{"§6 Q14 the header is not searched", "nothing", regex("ready", ""), Failed, "Regex match failed"},
		{"an expression that cannot be had", "", broken, Failed, "Regex match failed"},
		{"in a long body", strings.Repeat("x", 300_000) + "up", regex("up", ""), Passed, "Regex match"},
		{"behind what is searched", strings.Repeat("x", maxSubject) + "up", regex("up", ""), Failed, "Regex match failed"},
		{"not there, as far as is searched", strings.Repeat("x", maxSubject+1), not, Failed, "Regex match failed"},
	} {
		r := checked(t, answering(t, head+tt.body), tt.url)
		if r.Outcome != tt.outcome || r.Reason != tt.reason || r.Status != 200 {
			t.Errorf("%s: %v, %q, %d, %v", tt.name, r.Outcome, r.Reason, r.Status, r.Err)
		}
	}
}

func TestHTTPRegexTakesItsTime(t *testing.T) {
	url := urlSpec{regex: pcre.Spec{Pattern: `(?=a)(a+)+$b`, Max: -1}, hasRegex: true}
	r := checked(t, answering(t, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("a", 50_000)), url)
	if r.Outcome != Failed || r.Err == nil || !strings.Contains(r.Err.Error(), "too long") {
		t.Errorf("%v, %v", r.Outcome, r.Err)
	}
}

func TestHTTPBodyLimit(t *testing.T) {
	for _, tt := range []struct {
		body    string
		limit   int64
		outcome Outcome
	}{{"hello", 5, Passed}, {"hello!", 5, Failed}, {"hello!", 0, Passed}, {strings.Repeat("x", 100_000), 99_999, Failed}} {
		r := checked(t, answering(t, "HTTP/1.1 200 OK\r\n\r\n"+tt.body), urlSpec{maxBody: tt.limit})
		if r.Outcome != tt.outcome || tt.outcome == Failed && r.Reason != httpTooLong {
			t.Errorf("%d bytes of %d: %v, %q", len(tt.body), tt.limit, r.Outcome, r.Reason)
		}
	}
}

// TestCheckCase38: the reply is not judged before its end, however complete it is.
func TestCheckCase38(t *testing.T) {
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		io.Copy(io.Discard, c)
	})
	as := func(r Result) bool {
		return r.Outcome == Failed && r.Code == CodeAnswerTimeout && r.Reason == "Timeout HTTP read"
	}
	r := inTime(100*time.Millisecond, as, func(timeout time.Duration) Result {
		return httpCheck{dial: dial{target: target, timeout: timeout}, limits: replyLimit,
			url: urlSpec{path: "/", status: statuses(200, 299)}}.Check(t.Context())
	})
	if !as(r) {
		t.Errorf("%v, %v, %q", r.Outcome, r.Code, r.Reason)
	}
}

// TestCheckCase39: without the space behind the code there is no status.
func TestCheckCase39(t *testing.T) {
	for reply, want := range map[string]Outcome{"HTTP/1.1 200\r\n\r\n": Failed, "HTTP/1.1 200 \r\n\r\n": Passed} {
		if r := checked(t, answering(t, reply), urlSpec{}); r.Outcome != want {
			t.Errorf("%q: %v", reply, r.Outcome)
		}
	}
}

// TestCheckCase40: a redirect is no success, unless it is told to be.
func TestCheckCase40(t *testing.T) {
	listed := statuses(200, 200)
	listed.add(300, 399)
	target := answering(t, "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
	if r := checked(t, target, urlSpec{}); r.Outcome != Failed || r.Code != CodeAnswerStatus || r.Status != 302 {
		t.Errorf("default: %+v", r)
	}
	if r := checked(t, target, urlSpec{status: listed}); r.Outcome != Passed || r.Status != 302 {
		t.Errorf("status_code 200 300-399: %+v", r)
	}
}

// askedOf returns what a url of a configuration asks, to be compared or asked.
func askedOf(t *testing.T, text string) CheckSpec {
	t.Helper()
	cfg, ds := loadText(text)
	if len(cfg.VirtualServers) != 1 || ds.HasFatal() {
		t.Fatal(ds)
	}
	return FromConfig(cfg).VirtualServers[0].RealServers[0].Checks[0]
}

// TestCheckCase36 goes from the configuration to the bytes.
func TestCheckCase36(t *testing.T) {
	c := askedOf(t, "virtual_server 10.0.0.1 80 {\nprotocol TCP\nvirtualhost v.example\nreal_server 192.168.0.1 80 {\n"+
		"virtualhost r.example\nHTTP_GET {\nurl {\npath /x\n}\n}\n}\n}\n")
	if got := string(c.checker(means{}, 0).(httpCheck).request()); got != "GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: r.example\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

func TestCheckCase37(t *testing.T) {
	const text = "virtual_server %V 80 {\nprotocol TCP\nreal_server %R 80 {\nHTTP_GET {\n%P\nurl {\npath /\n}\n}\n}\n}\n"
	for _, tt := range []struct{ vs, rs, protocol, want string }{
		{"10.0.0.1", "192.168.0.1", "", "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"2001:db8::9", "2001:db8::1", "", "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [2001:db8::1]:80\r\n\r\n"},
		{"10.0.0.1", "192.168.0.1", "http_protocol 1.1",
			"GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 192.168.0.1:80\r\n\r\n"},
	} {
		c := askedOf(t, strings.NewReplacer("%V", tt.vs, "%R", tt.rs, "%P", tt.protocol).Replace(text))
		if got := string(c.checker(means{}, 0).(httpCheck).request()); got != tt.want {
			t.Errorf("%q", got)
		}
	}
}

// TestCheckCase41 has the digest over what Content-Length counts.
func TestCheckCase41(t *testing.T) {
	c := askedOf(t, "virtual_server 10.0.0.1 80 {\nprotocol TCP\nreal_server 192.168.0.1 80 {\nHTTP_GET {\nurl {\npath /\n"+
		"digest 5d41402abc4b2a76b9719d911017c592\n}\n}\n}\n}\n").checker(means{}, 0).(httpCheck)
	for reply, want := range map[string]Outcome{
		"HTTP/1.1 200 OK\r\n\r\nhello":                              Passed,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world":  Passed,
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello":        Passed,
		"HTTP/1.1 200 OK\r\n\r\nhello, world":                       Failed,
		"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world": Failed,
	} {
		if r := checked(t, answering(t, reply), c.url); r.Outcome != want {
			t.Errorf("%q: %v, %s", reply, r.Outcome, r.Reason)
		}
	}
}

// TestCheckCase42 walks three URLs of which the second fails, then not. While it is known to fail it is asked every delay_before_retry
// or delay_loop, whichever is longer.
func TestCheckCase42(t *testing.T) {
	for _, tt := range []struct {
		loop, retry time.Duration
		down        string
	}{{10 * s, 3 * s, "10s"}, {3 * s, 10 * s, "10s"}, {4 * s, 4 * s, "4s"}} {
		for _, fast := range []bool{false, true} {
			var j judgement
			p := policy{delayLoop: tt.loop, delayBeforeRetry: tt.retry, retry: 1, steps: 3, fastRecovery: fast}
			loop := tt.loop.String()
			pause := loop
			if fast {
				pause = "0s"
			}
			want := []string{
				"+ url1 next " + pause, "- url2 DOWN next " + tt.down, "- url2 next " + tt.down, "+ url2 next " + pause,
				"+ url1 next " + pause, "+ url2 next " + pause, "+ url3 UP next " + loop,
			}
			for i, got := range walk(&j, p, "+--++++") {
				if got != want[i] {
					t.Errorf("%+v, fast_recovery %v: attempt %d: %s, want %s", tt, fast, i, got, want[i])
				}
			}
		}
	}
}

// TestCheckCase43 has a server whose certificate nobody has signed, and which has expired; and the name that TLS asks for, or none.
func TestCheckCase43(t *testing.T) {
	const text = "virtual_server 10.0.0.1 443 {\nprotocol TCP\n%V\nreal_server 192.168.0.1 443 {\n%R\nSSL_GET {\n%C\nurl {\npath /\n%U\n}\n}\n}\n}\n"
	hellos := make(chan *tls.ClientHelloInfo, 1)
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { hellos <- h; return nil, nil }}
	server := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		session := tls.Server(c, config)
		readRequest(session)
		io.WriteString(session, "HTTP/1.1 200 OK\r\n\r\n")
		session.CloseWrite()
	})
	const serverName = 0 // RFC 6066 §3
	for _, tt := range []struct{ vs, rs, check, url, want string }{
		{"virtualhost v", "virtualhost r", "virtualhost c", "virtualhost u", ""},
		{"", "virtualhost r", "enable_sni", "", ""},
		{"virtualhost v", "virtualhost r", "enable_sni", "", "v"},
		{"virtualhost v", "", "enable_sni\nvirtualhost c", "", "c"},
		{"virtualhost v", "", "enable_sni\nvirtualhost c", "virtualhost u", "u"},
		{"virtualhost v", "", "sni_name n\nvirtualhost c", "virtualhost u", "n"},
	} {
		c := askedOf(t, strings.NewReplacer("%V", tt.vs, "%R", tt.rs, "%C", tt.check, "%U", tt.url).Replace(text)).checker(means{}, 0).(httpCheck)
		c.dial = dial{target: server, timeout: time.Minute}
		r := c.Check(t.Context())
		if h := <-hellos; r.Outcome != Passed || h.ServerName != tt.want || slices.Contains(h.Extensions, serverName) != (tt.want != "") {
			t.Errorf("%+v: %v, %v, name %q, extensions %v", tt, r.Outcome, r.Err, h.ServerName, h.Extensions)
		}
	}
}

// loadText loads a configuration.
func loadText(text string) (*confparse.Config, confparse.Diagnostics) {
	return confparse.Load(memoryFile(text), "k.conf", confparse.Env{Hostname: "lb1"})
}
