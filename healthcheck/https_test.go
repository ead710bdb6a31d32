package healthcheck

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

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
		code    Code
		reason  string
	}{
		{"§2.2 certificates are not verified (case 43)", serve(&tls.Config{}, orderly), Passed, CodeAnswered, "MD5 digest"},
		{"§2.2 no server name is sent (case 43)", serve(&tls.Config{
			GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				sni <- h.ServerName
				return nil, nil
			},
		}, orderly), Passed, CodeAnswered, "MD5 digest"},
		{"§2.2 an old version of TLS",
			serve(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, orderly), Passed, CodeAnswered, "MD5 digest"},
		{"§2.2 the end without close_notify is an end", serve(&tls.Config{}, func(s *tls.Conn, _ *net.TCPConn) {
			io.WriteString(s, ok)
		}), Passed, CodeAnswered, "MD5 digest"},
		{"§2.2 the end without close_notify in the header", serve(&tls.Config{}, func(s *tls.Conn, _ *net.TCPConn) {
			io.WriteString(s, "HTTP/1.1 200 OK\r\n")
		}), Failed, CodeAnswerInvalid, "Read, no data received from"},
		{"no TLS on the other side", listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			io.WriteString(c, ok)
			io.Copy(io.Discard, c)
		}), Failed, CodeTLSFailed, "SSL handshake/communication error connecting to"},
		{"silence in the handshake", listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(io.Discard, c) }),
			Failed, CodeTLSTimeout, "Timeout connecting"},
		{"silence after the request", serve(&tls.Config{}, func(_ *tls.Conn, c *net.TCPConn) { io.Copy(io.Discard, c) }),
			Failed, CodeAnswerTimeout, "Timeout SSL read"},
		{"a reset after the reply is its end", serve(&tls.Config{}, func(s *tls.Conn, c *net.TCPConn) {
			io.WriteString(s, ok)
			c.SetLinger(0)
		}), Passed, CodeAnswered, "MD5 digest"},
		{"a reset within the body shows in the digest", serve(&tls.Config{}, func(s *tls.Conn, c *net.TCPConn) {
			io.WriteString(s, "HTTP/1.1 200 OK\r\n\r\nhel")
			c.SetLinger(0)
		}), Failed, CodeAnswerInvalid, "MD5 digest error to"},
		{"a reset in the header", serve(&tls.Config{}, func(s *tls.Conn, c *net.TCPConn) {
			io.WriteString(s, "HTTP/1.1 200 OK\r\n")
			c.SetLinger(0)
		}), Failed, CodeAnswerInvalid, "Read error with"},
		{"no suite in common", answersAlert(t, 40), Failed, CodeTLSFailed, "SSL handshake/communication error connecting to"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := 5 * time.Second
			if strings.Contains(tt.name, "silence") {
				timeout = 300 * time.Millisecond
			}
			as := func(r Result) bool { return r.Outcome == tt.outcome && r.Code == tt.code && r.Reason == tt.reason }
			r := inTime(timeout, as, func(timeout time.Duration) Result {
				return httpCheck{
					dial: dial{target: tt.target, timeout: timeout}, tls: tlsConfig(), limits: replyLimit,
					url: urlSpec{path: "/", status: statuses(200, 299), digest: md5.Sum([]byte("hello")), hasDigest: true},
				}.Check(t.Context())
			})
			if !as(r) {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason)
			}
		})
	}
	if name := <-sni; name != "" {
		t.Errorf("server name %q was sent", name)
	}
}

// TestClientHelloIsOneSegment: a server that takes the first segment for the whole ClientHello is up, whichever name it is asked for,
// on any link that IPv6 is on (RFC 8200 §5).
func TestClientHelloIsOneSegment(t *testing.T) {
	const segment = 1280 - 40 - 20 - 12 // less the headers of IPv6 and TCP, and timestamps
	name := strings.Repeat("a.", 120) + "example"
	for _, config := range []*tls.Config{tlsConfig(), (*TLSMaterial)(nil).config(name, true, "")} {
		length := make(chan int, 1)
		target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			var header [5]byte // of the record (RFC 8446 §5.1)
			if _, err := io.ReadFull(c, header[:]); err == nil {
				length <- len(header) + int(header[3])<<8 + int(header[4])
			}
		})
		httpCheck{dial: dial{target: target, timeout: time.Minute}, tls: config, limits: replyLimit}.Check(t.Context())
		if n := <-length; n > segment {
			t.Errorf("a ClientHello of %d bytes, more than %d", n, segment)
		}
	}
}

// answersAlert returns a server that answers a ClientHello with a fatal alert (RFC 5246 §7.2): 40 is handshake_failure,
// which OpenSSL sends when the client offers none of its suites.
func answersAlert(t *testing.T, alert byte) netip.AddrPort {
	return listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		c.Read(make([]byte, 4096))
		c.Write([]byte{21, 3, 3, 0, 2, 2, alert})
		io.Copy(io.Discard, c)
	})
}

// TestHandshakeErrorNamesTheLibrary: an operator who can reach the server with openssl is told what differs.
func TestHandshakeErrorNamesTheLibrary(t *testing.T) {
	result := func(alert byte) error {
		c := httpCheck{dial: dial{target: answersAlert(t, alert), timeout: 5 * time.Second}, tls: tlsConfig(), limits: replyLimit}
		return c.Check(t.Context()).Err
	}
	var remote *net.OpError
	if err := result(40); !errors.As(err, &remote) || explained(remote).Error() != err.Error() || err.Error() == remote.Error() {
		t.Errorf("handshake_failure: %v", err)
	}
	if err := result(49); err == nil || explained(err) != err { // access_denied
		t.Errorf("another alert: %v", err)
	}
}
