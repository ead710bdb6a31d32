package healthcheck

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// readRequest reads a request up to and including its empty line.
func readRequest(r io.Reader) string {
	var request strings.Builder
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		request.WriteString(line)
		if err != nil || line == "\r\n" {
			return request.String()
		}
	}
}

// answering returns a server that answers every request with reply and closes.
func answering(t *testing.T, reply string) netip.AddrPort {
	return listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		io.WriteString(c, reply)
	})
}

// statuses returns a set of one range.
func statuses(first, last uint16) (s statusSet) {
	s.add(first, last)
	return s
}

func TestHTTPRequest(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.168.0.1:80"), netip.MustParseAddrPort("[2001:db8::1]:80")
	long := strings.Repeat("x", 3000)
	tests := []struct {
		name  string
		check httpCheck
		want  string
	}{
		{"a virtual host as written (case 36)",
			httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/x", host: "r.example"}},
			"GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: r.example\r\n\r\n"},
		{"no virtual host (case 37)", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/x"}},
			"GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"no virtual host, IPv6 (case 37)", httpCheck{dial: dial{target: v6}, url: urlSpec{path: "/"}},
			"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [2001:db8::1]:80\r\n\r\n"},
		{"no zone in the Host field (RFC 6874 §4)",
			httpCheck{dial: dial{target: netip.MustParseAddrPort("[fe80::1%eth0]:80")}, url: urlSpec{path: "/"}},
			"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [fe80::1]:80\r\n\r\n"},
		{"http_protocol 1.1 (case 37)",
			httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/"}, protocol: confparse.HTTP11},
			"GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"http_protocol 1.0C", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/"}, protocol: confparse.HTTP10C},
			"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"the path is not escaped", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/a b?c=%zz&d=ä", host: "h"}},
			"GET /a b?c=%zz&d=ä HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: h\r\n\r\n"},
		{"a long request is cut at 2047 bytes", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/" + long}},
			("GET /" + long)[:2047]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(tt.check.request())); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTTPCheckSendsItsRequest(t *testing.T) {
	requests := make(chan string, 1)
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		requests <- readRequest(c)
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
	})
	c := httpCheck{
		dial: dial{target: target, timeout: 5 * time.Second},
		url:  urlSpec{path: "/x", host: "h", status: statuses(200, 299)},
	}
	if r := c.Check(t.Context()); r.Outcome != Passed {
		t.Fatalf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
	}
	if diff := cmp.Diff(string(c.request()), <-requests); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

func TestHTTPCheck(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	moved := "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"
	digest := func(body string) urlSpec {
		return urlSpec{path: "/", status: statuses(200, 299), digest: md5.Sum([]byte(body)), hasDigest: true}
	}
	plain := urlSpec{path: "/", status: statuses(200, 299)}
	redirects := urlSpec{path: "/", status: statuses(200, 200)}
	redirects.status.add(300, 399)
	tests := []struct {
		name    string
		target  netip.AddrPort
		url     urlSpec
		outcome Outcome
		reason  string
	}{
		{"a plain reply", answering(t, ok), plain, Passed, "HTTP status code"},
		{"digest (case 41)", answering(t, ok+"more"), digest("hello"), Passed, "MD5 digest"},
		{"wrong digest", answering(t, ok), digest("other"), Failed, "MD5 digest error to"},
		{"right digest, wrong status", answering(t, "HTTP/1.1 500 Sorry\r\n\r\nhello"), digest("hello"), Failed,
			"HTTP status code error to"},
		{"status line without reason (case 39)", answering(t, "HTTP/1.1 200\r\n\r\n"), plain, Failed,
			"HTTP status code error to"},
		{"redirect with the default set (case 40)", answering(t, moved), plain, Failed, "HTTP status code error to"},
		{"redirect in the set (case 40)", answering(t, moved), redirects, Passed, "HTTP status code"},
		{"nothing received", answering(t, ""), plain, Failed, "Read, no data received from"},
		{"no end of header", answering(t, "HTTP/1.1 200 OK\r\n"), plain, Failed, "Read, no data received from"},
		{"refused", closedPort(t), plain, Failed, "Connection failed"},
		{"unreachable at once", unreachable, plain, Failed, "Error connecting"},
		{"no answer to SYN", fullBacklog(t), plain, Failed, "Timeout connecting"},
		{"reset instead of a reply", listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			readRequest(c)
			c.SetLinger(0)
		}), plain, Failed, "Read error with"},
		{"the connection stays open after the reply (case 38)", listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			readRequest(c)
			io.WriteString(c, ok)
			io.Copy(io.Discard, c) // until the check gives up
		}), plain, Failed, "Timeout HTTP read"},
		{"no target", netip.AddrPort{}, plain, Postponed, "could not be made"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := 5 * time.Second
			if strings.Contains(tt.reason, "Timeout") {
				timeout = 50 * time.Millisecond
			}
			r := httpCheck{dial: dial{target: tt.target, timeout: timeout}, url: tt.url}.Check(t.Context())
			if r.Outcome != tt.outcome || r.Reason != tt.reason {
				t.Errorf("got %v, %q, %v; want %v, %q", r.Outcome, r.Reason, r.Err, tt.outcome, tt.reason)
			}
		})
	}
}

// TestHTTPCheckTimerRestartsPerRead has §2.2: a reply may take longer than connect_timeout as long as no pause in it
// does.
func TestHTTPCheckTimerRestartsPerRead(t *testing.T) {
	const timeout = 600 * time.Millisecond
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		for _, part := range []string{"HTTP/1.1 200", " OK\r\n", "\r\n", "hel", "lo", "!"} {
			io.WriteString(c, part)
			<-time.After(timeout / 4) // the peer's pace is what is tested
		}
	})
	c := httpCheck{dial: dial{target: target, timeout: timeout}, url: urlSpec{path: "/", status: statuses(200, 299)}}
	if r := c.Check(t.Context()); r.Outcome != Passed {
		t.Errorf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
	}
}

// TestDeadlineConnEnds has the bound that keepalived lacks: no read waits beyond the end of the whole reply.
func TestDeadlineConnEnds(t *testing.T) {
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	d := dial{target: target, timeout: time.Hour}
	f, err := d.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &deadlineConn{File: f, timeout: time.Hour, end: time.Now()}
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("read past the end: %v", err)
	}
}

func TestHTTPCheckEndsWithContext(t *testing.T) {
	asked := make(chan struct{})
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		close(asked)
		io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan Result)
	go func() {
		result <- httpCheck{dial: dial{target: target, timeout: time.Hour}, url: urlSpec{path: "/"}}.Check(ctx)
	}()
	<-asked
	cancel()
	if r := <-result; r.Outcome != Failed {
		t.Errorf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
	}
}

// certificate returns a self-signed certificate that has expired.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0),
		DNSNames: []string{"other.example"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSSLCheck(t *testing.T) {
	cert := certificate(t)
	serve := func(config *tls.Config, reply func(*tls.Conn, *net.TCPConn)) netip.AddrPort {
		config.Certificates = []tls.Certificate{cert}
		return listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			session := tls.Server(c, config)
			if session.Handshake() == nil {
				readRequest(session)
				reply(session, c)
			}
		})
	}
	const ok = "HTTP/1.1 200 OK\r\n\r\nhello"
	orderly := func(s *tls.Conn, _ *net.TCPConn) {
		io.WriteString(s, ok)
		s.CloseWrite()
	}
	sni := make(chan string, 1)
	tests := []struct {
		name    string
		target  netip.AddrPort
		outcome Outcome
		reason  string
	}{
		{"§2.2 certificates are not verified (case 43)", serve(&tls.Config{}, orderly), Passed, "MD5 digest"},
		{"§2.2 no server name is sent (case 43)", serve(&tls.Config{
			GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				sni <- h.ServerName
				return nil, nil
			},
		}, orderly), Passed, "MD5 digest"},
		{"§2.2 an old version of TLS",
			serve(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, orderly), Passed, "MD5 digest"},
		{"§2.2 the end without close_notify is an end", serve(&tls.Config{}, func(s *tls.Conn, _ *net.TCPConn) {
			io.WriteString(s, ok)
		}), Passed, "MD5 digest"},
		{"§2.2 the end without close_notify in the header", serve(&tls.Config{}, func(s *tls.Conn, _ *net.TCPConn) {
			io.WriteString(s, "HTTP/1.1 200 OK\r\n")
		}), Failed, "Read, no data received from"},
		{"no TLS on the other side", listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			io.WriteString(c, ok)
			io.Copy(io.Discard, c)
		}), Failed, "SSL handshake/communication error connecting to"},
		{"silence in the handshake", listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(io.Discard, c) }),
			Failed, "SSL handshake/communication error connecting to"},
		{"silence after the request", serve(&tls.Config{}, func(_ *tls.Conn, c *net.TCPConn) { io.Copy(io.Discard, c) }),
			Failed, "Timeout SSL read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := 5 * time.Second
			if strings.Contains(tt.name, "silence") {
				timeout = 300 * time.Millisecond
			}
			r := httpCheck{
				dial: dial{target: tt.target, timeout: timeout}, tls: true,
				url: urlSpec{path: "/", status: statuses(200, 299), digest: md5.Sum([]byte("hello")), hasDigest: true},
			}.Check(t.Context())
			if r.Outcome != tt.outcome || r.Reason != tt.reason {
				t.Errorf("got %v, %q, %v; want %v, %q", r.Outcome, r.Reason, r.Err, tt.outcome, tt.reason)
			}
		})
	}
	if name := <-sni; name != "" {
		t.Errorf("server name %q was sent", name)
	}
}
