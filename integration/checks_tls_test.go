package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// TestChecksOfWebServers has SSL_GET of OpenSSL's server with each version of TLS in turn, HTTP_GET and SSL_GET of nginx,
// and programs and files beside them, which come, go and come back.
func TestChecksOfWebServers(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	l := newCheckLab(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	l.must(os.MkdirAll(path("www"), 0o755))
	l.must(os.WriteFile(path("www/index.html"), []byte("Welcome: \"status\": \"up\"\n"), 0o644))
	openssl := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("k.pem"), "-out", path("c.pem"),
		"-days", "30", "-subj", "/CN=web.example", "-addext", "subjectAltName=DNS:web.example")
	if out, err := openssl.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.must(os.WriteFile(path("nginx.conf"), []byte(fmt.Sprintf("daemon off;\nuser root;\npid %[1]s/nginx.pid;\nerror_log stderr;\nevents { }\nhttp {\n"+
		"access_log off;\nserver {\nlisten 10.0.0.2:80;\nlisten 10.0.0.2:443 ssl;\nserver_name web.example;\nssl_certificate %[1]s/c.pem;\n"+
		"ssl_certificate_key %[1]s/k.pem;\nroot %[1]s/www;\n"+
		"location /locked/ {\nauth_basic locked;\nauth_basic_user_file %[1]s/users;\nif ($http_x_check != yes) {\nreturn 403;\n}\nalias %[1]s/www/;\n}\n"+
		"}\nserver {\nlisten 10.0.0.2:80 default_server;\nreturn 421;\n}\n}\n", dir)), 0o644))
	l.must(os.WriteFile(path("users"), []byte("checker:{PLAIN}secret\n"), 0o644))
	state := path("state")
	l.must(os.WriteFile(state, []byte("0"), 0o644))

	// The servers of the pool, by what is asked of them.
	const (
		page   = "10.1.0.1"
		text   = "10.1.0.2"
		secure = "10.1.0.3"
		named  = "10.1.0.4"
		old    = "10.1.0.5"
		file   = "10.1.0.6"
		runs   = "10.1.0.7"
		port   = "10.1.0.8"
		locked = "10.1.0.9"
		shut   = "10.1.0.10" // with another password
		large  = "10.1.0.11" // to be smaller than it is
	)
	l.must(os.WriteFile(path("check.sh"), []byte("#!/bin/sh\nexit $(cat "+state+")\n"), 0o755))
	web := "connect_ip 10.0.0.2\nvirtualhost web.example\n"
	config := "global_defs {\nscript_user root\n}\nSSL {\nca " + path("c.pem") + "\n}\ntrack_file state {\nfile " + state + "\nweight 0\n}\n" +
		"virtual_server 192.0.2.100 80 {\nalpha\ndelay_loop 1\nwarmup 0\nretry 1\ndelay_before_retry 1\nconnect_timeout 3\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"
	for _, s := range []struct{ address, check string }{
		{page, "HTTP_GET {\nconnect_port 80\n" + web + "url {\npath /\nstatus_code 200\n}\n"},
		{text, "HTTP_GET {\nconnect_port 80\n" + web + "url {\npath /\nregex \"\\\"status\\\"\\\\s*:\\\\s*\\\"up\\\"\"\n}\nurl {\npath /\nmethod HEAD\n}\n"},
		{secure, "SSL_GET {\nconnect_port 443\n" + web + "enable_sni\nverify_name web.example\nurl {\npath /\n}\n"},
		{named, "SSL_GET {\nconnect_port 443\n" + web + "sni_name web.example\nverify_name other.example\nurl {\npath /\n}\n"},
		{old, "SSL_GET {\nconnect_port 8443\nconnect_ip 10.0.0.2\nurl {\npath /\nstatus_code 200\n}\n"},
		{port, "TCP_CHECK {\nconnect_port 80\nconnect_ip 10.0.0.2\n"},
		{locked, "HTTP_GET {\nconnect_port 80\n" + web + "url {\npath /locked/\nbasic_auth checker secret\nheader \"X-Check: yes\"\nmax_body_size 1000\n}\n"},
		{shut, "HTTP_GET {\nconnect_port 80\n" + web + "url {\npath /locked/\nbasic_auth checker secrets\nheader \"X-Check: yes\"\n}\n"},
		{large, "HTTP_GET {\nconnect_port 80\n" + web + "url {\npath /\nmax_body_size 10\n}\n"},
		{file, "FILE_CHECK {\ntrack_file state\n"},
		{runs, "MISC_CHECK {\nmisc_path " + path("check.sh") + "\nmisc_timeout 2\n"},
	} {
		config += "real_server " + s.address + " 80 {\n" + s.check + "}\n}\n"
	}
	d := l.start(program(t, "vigil"), config+"}\n")
	l.waitPool([]string{file, runs}, d.Running)
	nginx, err := l.servers.Start("nginx", nil, "nginx", "-c", path("nginx.conf"), "-e", "stderr")
	l.must(err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("nginx:\n%s", nginx.Log.Tail(20))
		}
	})
	l.waitPool([]string{page, text, port, locked, secure, file, runs}, d.Running)
	l.must(os.WriteFile(path("www/index.html"), []byte("Welcome: \"status\": \"down\"\n"), 0o644))
	l.waitPool([]string{page, port, locked, secure, file, runs}, d.Running)
	l.must(os.WriteFile(state, []byte("1"), 0o644))
	l.waitPool([]string{page, port, locked, secure}, d.Running)
	l.must(os.WriteFile(state, []byte("0"), 0o644))
	l.waitPool([]string{page, port, locked, secure, file, runs}, d.Running)
	for _, version := range []string{"tls1", "tls1_1", "tls1_2", "tls1_3"} {
		argv := []string{"openssl", "s_server", "-accept", "8443", "-cert", path("c.pem"), "-key", path("k.pem"), "-www", "-quiet", "-" + version}
		if strings.HasPrefix(version, "tls1_1") || version == "tls1" {
			argv = append(argv, "-cipher", "DEFAULT@SECLEVEL=0")
		}
		s, err := l.servers.Start("s_server "+version, nil, argv...)
		l.must(err)
		l.waitPool([]string{page, port, locked, secure, old, file, runs}, d.Running)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_ = s.Stop(ctx) // it does not end well when it is told to
		cancel()
		l.waitPool([]string{page, port, locked, secure, file, runs}, d.Running)
	}
	// What the library cannot speak is told by name, when a server that was up has nothing else any more.
	serve := func(port, cipher string) *testlan.Process {
		s, err := l.servers.Start("s_server "+cipher, nil, "openssl", "s_server", "-accept", port, "-cert", path("c.pem"), "-key", path("k.pem"), "-www",
			"-quiet", "-tls1_2", "-cipher", cipher)
		l.must(err)
		return s
	}
	s, limited := serve("8443", "ECDHE-RSA-AES128-GCM-SHA256"), serve("8444", "DHE-RSA-AES128-GCM-SHA256")
	l.waitPool([]string{page, port, locked, secure, old, file, runs}, d.Running)
	l.must(testlan.Until(wait(t), "the server that has nothing else", func() error {
		return l.servers.Do(func() error {
			c, err := net.Dial("tcp", "10.0.0.2:8444")
			if err == nil {
				c.Close()
			}
			return err
		})
	}))
	// From one moment to the next: while nobody listens there is another reason.
	_, err = l.servers.Output(wait(t), "nft", "add table ip instead; add chain ip instead in { type nat hook prerouting priority -100; }; "+
		"add rule ip instead in tcp dport 8443 redirect to :8444")
	l.must(err)
	l.waitPool([]string{page, port, locked, secure, file, runs}, d.Running)
	if _, ok := d.Process.Log.Find("finite-field DHE", time.Time{}); !ok {
		t.Errorf("the log does not say what the server may lack: %s", d.Process.Log.Tail(10))
	}
	s.Kill()
	limited.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l.must(nginx.Stop(ctx))
	l.waitPool([]string{file, runs}, d.Running)
	l.must(d.Stop())
}
