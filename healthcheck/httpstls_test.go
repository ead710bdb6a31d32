package healthcheck

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	t   *testing.T
	key *ecdsa.PrivateKey
	der []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, der}
}

// issue returns a certificate for a name, and it and its key in PEM.
func (a *authority) issue(name string, until time.Time) (tls.Certificate, []byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, err := x509.ParseCertificate(a.der)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der, key
}

// write writes PEM blocks to a file.
func writePEM(t *testing.T, path string, blocks ...*pem.Block) string {
	t.Helper()
	var text []byte
	for _, b := range blocks {
		text = append(text, pem.EncodeToMemory(b)...)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// counted counts what is read of a connection.
type counted struct {
	*net.TCPConn
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.n += n
	return n, err
}

// serving answers requests over TLS, and tells what it has seen of the connection and how many bytes ended it.
func serving(t *testing.T, config *tls.Config) (netip.AddrPort, <-chan tls.ConnectionState, <-chan int) {
	seen, ends := make(chan tls.ConnectionState, 10), make(chan int, 10)
	return listen(t, "127.0.0.1:0", func(tcp *net.TCPConn) {
		c := &counted{TCPConn: tcp}
		s := tls.Server(c, config)
		if s.Handshake() != nil {
			return
		}
		seen <- s.ConnectionState()
		readRequest(s)
		io.WriteString(s, "HTTP/1.1 200 OK\r\n\r\n")
		s.CloseWrite()
		before := c.n
		s.Read(make([]byte, 1))
		ends <- c.n - before
	}), seen, ends
}

func TestVerification(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	caFile := writePEM(t, filepath.Join(dir, "ca.pem"), &pem.Block{Type: "CERTIFICATE", Bytes: ca.der})
	good, _, _ := ca.issue("web.example", time.Now().Add(time.Hour))
	old, _, _ := ca.issue("web.example", time.Now().Add(-time.Hour))
	trusted, err := LoadTLS(TLSFiles{CA: caFile})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name        string
		certificate tls.Certificate
		material    *TLSMaterial
		verify      bool
		verifyName  string
		outcome     Outcome
	}{
		{"nobody asks", old, trusted, false, "", Passed},
		{"good", good, trusted, true, "", Passed},
		{"good, for the name", good, trusted, true, "web.example", Passed},
		{"for another name", good, trusted, true, "other.example", Failed},
		{"expired", old, trusted, true, "", Failed},
		{"issued by a stranger", good, nil, true, "", Failed},
	} {
		target, _, _ := serving(t, &tls.Config{Certificates: []tls.Certificate{tt.certificate}})
		r := httpCheck{dial: dial{target: target, timeout: 5 * time.Second}, limits: replyLimit,
			url: urlSpec{path: "/", status: statuses(200, 299)}, tls: tt.material.config("", tt.verify, tt.verifyName)}.Check(t.Context())
		if r.Outcome != tt.outcome || tt.outcome == Failed && r.Code != CodeTLSFailed {
			t.Errorf("%s: %v, %v, %v", tt.name, r.Outcome, r.Code, r.Err)
		}
	}
}

// TestAuthoritiesThatAreRenewed: who is trusted is what the file says now, and while there is nothing in it, as it was.
func TestAuthoritiesThatAreRenewed(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, file, &pem.Block{Type: "CERTIFICATE", Bytes: before.der})
	material, err := LoadTLS(TLSFiles{CA: file})
	if err != nil {
		t.Fatal(err)
	}
	trusts := func(when string, want bool) {
		t.Helper()
		certificate, _, _ := after.issue("web.example", time.Now().Add(time.Hour))
		target, _, _ := serving(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
		r := httpCheck{dial: dial{target: target, timeout: time.Minute}, limits: replyLimit,
			url: urlSpec{path: "/", status: statuses(200, 299)}, tls: material.config("", true, "web.example")}.Check(t.Context())
		if (r.Outcome == Passed) != want {
			t.Errorf("%s: %v, %v", when, r.Outcome, r.Err)
		}
	}
	trusts("before", false)
	writePEM(t, file+".new", &pem.Block{Type: "CERTIFICATE", Bytes: after.der})
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	trusts("after", true)
	writePEM(t, file)
	trusts("with an empty file", true)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	trusts("without a file", true)
}

// TestServerNameAndCloseNotify: what is asked for, what of ours is shown, and how the end is told.
func TestServerNameAndCloseNotify(t *testing.T) {
	ca := newAuthority(t)
	server, _, _ := ca.issue("web.example", time.Now().Add(time.Hour))
	_, der, key := ca.issue("director", time.Now().Add(time.Hour))
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := TLSFiles{
		Certificate: writePEM(t, filepath.Join(dir, "c.pem"), &pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         writePEM(t, filepath.Join(dir, "k.pem"), &pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	}
	material, err := LoadTLS(files)
	if err != nil {
		t.Fatal(err)
	}
	target, seen, ends := serving(t, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAnyClientCert})
	for _, compliant := range []bool{true, false} {
		r := httpCheck{dial: dial{target: target, timeout: 5 * time.Second}, limits: replyLimit,
			url: urlSpec{path: "/", status: statuses(200, 299), closeNotify: compliant},
			tls: material.config("web.example", false, "")}.Check(t.Context())
		if r.Outcome != Passed {
			t.Fatalf("%v, %v", r.Outcome, r.Err)
		}
		state := <-seen
		if state.ServerName != "web.example" || len(state.PeerCertificates) != 1 || state.PeerCertificates[0].Subject.CommonName != "director" {
			t.Errorf("name %q, %d certificates", state.ServerName, len(state.PeerCertificates))
		}
		if n := <-ends; (n > 0) != compliant {
			t.Errorf("tls_compliant %v: %d bytes end the connection", compliant, n)
		}
	}

	// A certificate that is renewed is used at once, and while there is none the one before is.
	_, der, key = ca.issue("renewed", time.Now().Add(time.Hour))
	if keyDER, err = x509.MarshalECPrivateKey(key); err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.Certificate, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	writePEM(t, files.Key, &pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	for range 2 {
		parsed, err := x509.ParseCertificate(material.current().Certificate[0])
		if err != nil || parsed.Subject.CommonName != "renewed" {
			t.Errorf("%v, %v", parsed, err)
		}
		writePEM(t, files.Key)
	}
}

func TestTLSFilesThatCannotBeUsed(t *testing.T) {
	ca := newAuthority(t)
	_, der, key := ca.issue("director", time.Now().Add(time.Hour))
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate := &pem.Block{Type: "CERTIFICATE", Bytes: der}
	//lint:ignore SA1019 that is what openssl writes with a password
	locked, err := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", keyDER, []byte("secret"), x509.PEMCipherAES128)
	if err != nil {
		t.Fatal(err)
	}
	one := writePEM(t, filepath.Join(dir, "one.pem"), certificate, &pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	lockedFile := writePEM(t, filepath.Join(dir, "locked.pem"), locked)
	pkcs8 := writePEM(t, filepath.Join(dir, "pkcs8.pem"), &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: keyDER})
	for _, tt := range []struct {
		name  string
		files TLSFiles
		says  string // "" = it can be used
	}{
		{"nothing", TLSFiles{}, ""},
		{"both in one file", TLSFiles{Certificate: one}, ""},
		{"both in the file of the key", TLSFiles{Key: one}, ""},
		{"a key with a password", TLSFiles{Certificate: one, Key: lockedFile, Password: "secret"}, ""},
		{"a wrong password", TLSFiles{Certificate: one, Key: lockedFile, Password: "wrong"}, "SSL key"},
		{"what is no encrypted PKCS#8", TLSFiles{Certificate: one, Key: pkcs8}, "encrypted PKCS#8 key: asn1"},
		{"no such certificate", TLSFiles{Certificate: one + ".not"}, "SSL certificate"},
		{"no such key", TLSFiles{Certificate: one, Key: one + ".not"}, "SSL key"},
		{"no such authority", TLSFiles{CA: one + ".not"}, "SSL ca"},
		{"no authority", TLSFiles{CA: lockedFile}, "no certificate"},
	} {
		_, err := LoadTLS(tt.files)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
