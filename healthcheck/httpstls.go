package healthcheck

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
)

// TLSMaterial is what the SSL block gives to every check over TLS. nil is none.
type TLSMaterial struct {
	files TLSFiles

	mu          sync.Mutex
	certificate *tls.Certificate // of ours, when the server asks for one
	tried       pairText         // what its files had in them when they were last used, or were of no use
	authorities *x509.CertPool   // that certificates are verified with; nil = those of the system
	read        fs.FileInfo      // of the file of the authorities, as it was read
}

// TLSFiles are the files of the SSL block. They are compared by name: what is in them is read when they are loaded.
type TLSFiles struct {
	Certificate, Key, CA string
	Password             string // of the key
}

// tlsFiles copies the SSL block.
func tlsFiles(m confparse.TLSMaterial) TLSFiles {
	return TLSFiles{Certificate: m.Certificate, Key: m.Key, CA: m.CA, Password: m.Password}
}

// LoadTLS reads the files. keepalived ends when one of them cannot be used.
func LoadTLS(f TLSFiles) (*TLSMaterial, error) {
	m := &TLSMaterial{files: f}
	if f.CA != "" {
		if err := m.readAuthorities(); err != nil {
			return nil, err
		}
	}
	if f.Certificate == "" && f.Key == "" {
		return m, nil
	}
	var err error
	if m.tried, err = f.read(); err == nil {
		m.certificate, err = f.pair(m.tried)
	}
	return m, err
}

// readAuthorities reads who may issue certificates.
func (m *TLSMaterial) readAuthorities() error {
	info, err := os.Stat(m.files.CA)
	if err != nil {
		return fmt.Errorf("SSL ca: %w", err)
	}
	text, err := os.ReadFile(m.files.CA)
	if err != nil {
		return fmt.Errorf("SSL ca: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return fmt.Errorf("SSL ca %s has no certificate", m.files.CA)
	}
	m.authorities, m.read = authorities, info
	return nil
}

// roots returns who may issue certificates as the file says now: a reload does not come by here when the configuration is what
// it was. While it cannot be read they are those of before.
func (m *TLSMaterial) roots() *x509.CertPool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read == nil {
		return m.authorities
	}
	now, err := os.Stat(m.files.CA)
	if err == nil && !(os.SameFile(now, m.read) && now.ModTime().Equal(m.read.ModTime()) && now.Size() == m.read.Size()) {
		_ = m.readAuthorities()
	}
	return m.authorities
}

// pairText is what the files of our certificate and its key have in them.
type pairText struct{ certificate, key string }

// read reads our certificate and its key.
func (f TLSFiles) read() (pairText, error) {
	certificate, err := os.ReadFile(cmp.Or(f.Certificate, f.Key))
	if err != nil {
		return pairText{}, fmt.Errorf("SSL certificate: %w", err)
	}
	key, err := os.ReadFile(cmp.Or(f.Key, f.Certificate))
	if err != nil {
		return pairText{}, fmt.Errorf("SSL key: %w", err)
	}
	return pairText{string(certificate), string(key)}, nil
}

// pair returns our certificate with its key.
func (f TLSFiles) pair(text pairText) (*tls.Certificate, error) {
	key, err := decrypted([]byte(text.key), f.Password)
	if err != nil {
		return nil, fmt.Errorf("SSL key %s: %w", cmp.Or(f.Key, f.Certificate), err)
	}
	pair, err := tls.X509KeyPair([]byte(text.certificate), key)
	if err != nil {
		return nil, fmt.Errorf("SSL certificate %s and key %s: %w", f.Certificate, f.Key, err)
	}
	return &pair, nil
}

// current returns our certificate as its files are now, so that one that was renewed is used at once; while they cannot
// be read it is the one before. What they have in them is looked at once: to decrypt a key takes its time.
func (m *TLSMaterial) current() *tls.Certificate {
	text, err := m.files.read()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil || text == m.tried {
		return m.certificate
	}
	m.tried = text
	if pair, err := m.files.pair(text); err == nil {
		m.certificate = pair
	}
	return m.certificate
}

// decrypted returns a key without the encryption of RFC 1421 or of PKCS#8.
func decrypted(text []byte, password string) ([]byte, error) {
	var clear []byte
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return clear, nil
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" {
			der, err := decryptPKCS8(block.Bytes, password, maxIterations)
			if err != nil {
				return nil, err
			}
			block = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
		}
		//lint:ignore SA1019 whoever has such a key is not asked how good it is
		if x509.IsEncryptedPEMBlock(block) {
			//lint:ignore SA1019 as above
			der, err := x509.DecryptPEMBlock(block, []byte(password))
			if err != nil {
				return nil, err
			}
			block = &pem.Block{Type: block.Type, Bytes: der}
		}
		clear = append(clear, pem.EncodeToMemory(block)...)
	}
}

// config is what one connection offers. serverName is the name that it asks for. With verify the certificate must have
// been issued by who can be trusted, not have expired and, with a verifyName, be for that.
func (m *TLSMaterial) config(serverName string, verify bool, verifyName string) *tls.Config {
	c := tlsConfig()
	if m == nil {
		m = &TLSMaterial{}
	}
	ours := m.files.Certificate != "" || m.files.Key != ""
	if serverName == "" && !verify && !ours {
		return c
	}
	c = c.Clone()
	c.ServerName = serverName
	if ours {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return m.current(), nil }
	}
	if verify {
		c.VerifyConnection = func(s tls.ConnectionState) error { return m.verify(s.PeerCertificates, verifyName) }
	}
	return c
}

func (m *TLSMaterial) verify(chain []*x509.Certificate, name string) error {
	if len(chain) == 0 {
		return errors.New("the server has no certificate")
	}
	o := x509.VerifyOptions{Roots: m.roots(), DNSName: name, CurrentTime: time.Now(), Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	return err
}

// explained adds to an error of the TLS handshake what the operator can do nothing about: crypto/tls has no
// finite-field DHE (RFC 5288), for instance, and a server that offers nothing else answers with handshake_failure
// (RFC 8446 §6.2).
func explained(err error) error {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == handshakeFailure.Error() {
		return fmt.Errorf("%w: the server may offer only what this build lacks, such as cipher suites of finite-field DHE, "+
			"the group X448, or a certificate of Ed448, RSA-PSS or MD5", err)
	}
	return err
}

const handshakeFailure = tls.AlertError(40)

// tlsConfig is what SSL_GET offers: everything the library can do, because the question is whether the server works
// and not how good its TLS is; certificates are not verified and no server name is sent. The exception is key exchange with
// ML-KEM, whose share makes a ClientHello longer than a TCP segment: there are servers that read only one, and clients in plenty
// that they work for.
var tlsConfig = sync.OnceValue(func() *tls.Config {
	// A server that wants a certificate for this page alone begins anew when it has read the request.
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, Renegotiation: tls.RenegotiateOnceAsClient,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	return c
})
