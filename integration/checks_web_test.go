package integration

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"time"
)

// web is what a scripted server does that is asked by HTTP_GET or SSL_GET.
type web struct {
	reply string
	tls   *tls.Config // nil: none
	stays bool        // it does not close the connection
	deaf  bool        // it says the reply without being asked
	cuts  bool        // it ends TLS without saying so
}

// serveWeb answers on a listener, and notes each request with the name that TLS was asked for.
func (s *scripted) serveWeb(listener net.Listener, r *transcripts) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			asked, conn := "", net.Conn(c)
			if s.web.tls != nil {
				t := tls.Server(c, s.web.tls)
				if t.Handshake() != nil {
					return
				}
				if !s.web.cuts {
					defer t.Close()
				}
				asked, conn = "to "+t.ConnectionState().ServerName+": ", t
			}
			if s.web.deaf {
				io.WriteString(conn, s.web.reply)
				return
			}
			for in := bufio.NewReader(conn); !strings.HasSuffix(asked, "\r\n\r\n"); {
				line, err := in.ReadString('\n')
				asked += line
				if err != nil {
					break
				}
			}
			r.add(s.name, asked)
			io.WriteString(conn, s.web.reply)
			if s.web.stays {
				io.Copy(io.Discard, conn)
			}
		}()
	}
}

// expired is a certificate that nobody has signed for a name that nobody asks for, and that is out of date.
func expired() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other.example"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, err
}

// scriptedWebServers are web servers about whose health, or about how to ask them, there might be two opinions.
func scriptedWebServers() ([]scripted, error) {
	config, err := expired()
	if err != nil {
		return nil, err
	}
	var all []scripted
	add := func(kind, name string, up bool, words string, does web) {
		all = append(all, scripted{name: kind + ": " + name, check: kind + " {\n" + words, up: up, web: &does})
	}
	page := func(path, more string) string { return "url {\npath " + path + "\n" + more + "}\n" }
	digest := func(body string) string { return fmt.Sprintf("digest %x\n", md5.Sum([]byte(body))) }
	const ok = "HTTP/1.1 200 OK\r\n\r\nhello"
	long := func(header int) string {
		return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", header-len("HTTP/1.1 200 OK\r\nX: \r\n\r\n")) + "\r\n\r\n"
	}
	for _, c := range []struct {
		name  string
		up    bool
		words string
		reply string
	}{
		{"a page", true, page("/x", ""), ok},
		{"virtual host of the URL", true, page("/", "virtualhost u.example\n") + "virtualhost c.example\n", ok},
		{"virtual host of the check", true, page("/", "") + "virtualhost c.example\n", ok},
		{"1.1", true, page("/", "") + "http_protocol 1.1\n", ok},
		{"1.0C", true, page("/", "") + "http_protocol 1.0C\nvirtualhost c.example\n", ok},
		{"a path with everything", true, page("/a%20b;c=d?e=f&g=%zz", ""), ok},
		{"two pages", true, page("/a", "") + page("/b", ""), ok},
		{"digest", true, page("/", digest("hello")), ok},
		{"another digest", false, page("/", digest("Hello")), ok},
		{"digest of as much as is announced", true, page("/", digest("hello")), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world"},
		{"digest of more than is announced in another spelling", true, page("/", digest("hello world")),
			"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello world"},
		{"less than is announced", true, page("/", digest("hello")), "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"},
		{"chunks", true, page("/", digest("1\r\na\r\n0\r\n\r\n")), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
		{"204", true, page("/", ""), "HTTP/1.1 204 No Content\r\n\r\n"},
		{"redirected", false, page("/", ""), "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"},
		{"redirection wanted", true, page("/", "status_code 200 300-399\n"), "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"},
		{"error wanted", true, page("/", "status_code 503\n"), "HTTP/1.1 503 No\r\n\r\n"},
		{"error", false, page("/", ""), "HTTP/1.1 503 No\r\n\r\n"},
		{"status without reason", false, page("/", ""), "HTTP/1.1 200\r\n\r\n"},
		{"status with an empty reason", true, page("/", ""), "HTTP/1.1 200 \r\n\r\n"},
		{"no header", false, page("/", ""), "hello"},
		{"half a header", false, page("/", ""), "HTTP/1.1 200 OK\r\nServer: x\r\n"},
		{"lines without CR", false, page("/", ""), "HTTP/1.1 200 OK\n\nhello"},
		{"nothing", false, page("/", ""), ""},
		{"a long header", true, page("/", ""), long(4000)},
		{"too long a header", false, page("/", ""), long(5000)},
	} {
		add("HTTP_GET", c.name, c.up, c.words, web{reply: c.reply})
	}
	add("HTTP_GET", "it stays", false, page("/", ""), web{reply: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", stays: true})
	for _, c := range []struct {
		name  string
		up    bool
		words string
		does  web
	}{
		{"a page", true, page("/x", digest("hello")), web{reply: ok, tls: config}},
		{"no name for SNI", true, page("/", "") + "enable_sni\n", web{reply: ok, tls: config}},
		{"SNI of the URL", true, page("/", "virtualhost u.example\n") + "virtualhost c.example\nenable_sni\n", web{reply: ok, tls: config}},
		{"SNI of the check", true, page("/", "") + "virtualhost c.example\nenable_sni\n", web{reply: ok, tls: config}},
		{"a host without SNI", true, page("/", "") + "virtualhost c.example\n", web{reply: ok, tls: config}},
		{"an end without a word", true, page("/", ""), web{reply: ok, tls: config, cuts: true}},
		{"error", false, page("/", ""), web{reply: "HTTP/1.1 500 No\r\n\r\n", tls: config}},
		{"nothing", false, page("/", ""), web{tls: config}},
		{"no TLS", false, page("/", ""), web{reply: ok, deaf: true}},
	} {
		add("SSL_GET", c.name, c.up, c.words, c.does)
	}
	return all, nil
}
