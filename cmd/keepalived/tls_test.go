package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/healthcheck"
)

// serveTLS answers every request over TLS. It returns its address, and hands out the errors of handshakes.
func serveTLS(t *testing.T, config *tls.Config) (netip.AddrPort, <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s := tls.Server(c, config)
			if err := s.Handshake(); err != nil {
				select {
				case refused <- err:
				default:
				}
			} else {
				for lines := bufio.NewReader(s); ; {
					if line, err := lines.ReadString('\n'); err != nil || line == "\r\n" {
						break
					}
				}
				io.WriteString(s, "HTTP/1.1 200 OK\r\n\r\n")
			}
			s.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().(*net.TCPAddr).AddrPort(), refused
}

// sslGet runs an SSL_GET of target. Its server is down until it passes, which is a change.
func sslGet(t *testing.T, target netip.AddrPort) *healthcheck.Manager {
	t.Helper()
	id := confparse.VirtualServerID{
		Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.100"), Port: 443,
	}
	ok := []confparse.StatusRange{{First: 200, Last: 200}}
	check := &confparse.Checker{
		Kind: confparse.SSLGet, Alpha: true, DelayLoop: time.Second,
		Connect: confparse.Connect{Addr: target.Addr(), Port: target.Port(), Timeout: 30 * time.Second},
		HTTP:    &confparse.HTTPCheck{URLs: []confparse.URL{{Path: "/", StatusCodes: ok}}},
	}
	vs := &confparse.VirtualServer{ID: id, Quorum: 1, RealServers: []*confparse.RealServer{{
		ID: confparse.RealServerID{VS: id, Addr: target.Addr(), Port: target.Port()}, Weight: 1,
		Checkers: []*confparse.Checker{check},
	}}}
	m := healthcheck.NewManager(healthcheck.Options{})
	m.Apply(healthcheck.FromConfig(&confparse.Config{VirtualServers: []*confparse.VirtualServer{vs}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return m
}

// TestSSLGetDoesNotJudge has servers that OpenSSL talks to and that crypto/tls refuses by default.
func TestSSLGetDoesNotJudge(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	const serial = 0x5a5a5a5a5a
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Unix(1, 0)}
	ecDER, err := x509.CreateCertificate(rand.Reader, template, template, &ec.PublicKey, ec)
	if err != nil {
		t.Fatal(err)
	}
	smallDER, err := x509.CreateCertificate(rand.Reader, template, template, &small.PublicKey, small)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody verifies the signature, so the serial number can be made negative in place.
	negative := bytes.Replace(ecDER, []byte{2, 5, 0x5a, 0x5a}, []byte{2, 5, 0xa5, 0x5a}, 1)
	if bytes.Equal(negative, ecDER) {
		t.Fatal("the serial number is not where it was expected")
	}
	for name, config := range map[string]*tls.Config{
		"a negative serial number": {Certificates: []tls.Certificate{{Certificate: [][]byte{negative}, PrivateKey: ec}}},
		"an RSA key of 768 bits":   {Certificates: []tls.Certificate{{Certificate: [][]byte{smallDER}, PrivateKey: small}}},
		"signatures with SHA-1": {
			Certificates: []tls.Certificate{{
				Certificate: [][]byte{ecDER}, PrivateKey: ec,
				SupportedSignatureAlgorithms: []tls.SignatureScheme{tls.ECDSAWithSHA1},
			}},
			MaxVersion: tls.VersionTLS12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			target, refused := serveTLS(t, config)
			m := sslGet(t, target)
			select {
			case <-m.Changed():
				if c := m.Take()[0]; !c.Up {
					t.Errorf("%+v", c)
				}
			case err := <-refused:
				t.Error(err)
			}
		})
	}
}
