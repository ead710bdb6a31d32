package genhash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// debian skips a test, or fails it where root's tests are required, unless these programs of Debian are here.
func debian(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("REQUIRE_NETNS") == "1" { // whoever requires them has had them installed
				t.Fatal(err)
			}
			t.Skip(p + " is not installed")
		}
	}
}

// theirs is what Debian's genhash says.
func theirs(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "genhash", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d\n%s\n%s", cmd.ProcessState.ExitCode(), out.String(), errs.String())
}

func ours(args ...string) string {
	status, stdout, stderr := run(args...)
	return fmt.Sprintf("%d\n%s\n%s", status, stdout, stderr)
}

// TestOddRepliesAgainstDebian: what servers send that is no orderly reply means the same to both.
func TestOddRepliesAgainstDebian(t *testing.T) {
	debian(t, "genhash")
	const ok = "HTTP/1.1 200 OK\r\n"
	header := func(size int) string {
		return ok + "X: " + strings.Repeat("a", size-len(ok)-len("X: \r\n\r\n")) + "\r\n\r\n"
	}
	replies := map[string]string{
		"nothing": "", "a header alone": ok + "\r\n", "half a header": ok, "no header": "<html>hello</html>", "chunks": ok +
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "100 before": "HTTP/1.1 100 Continue\r\n\r\n" + ok + "\r\nhello",
		"lines without CR": "HTTP/1.1 200 OK\nServer: x\n\nhello", "some lines without CR": "HTTP/1.1 200 OK\nServer: x\r\n\r\nhello",
		"empty lines before": "\r\n\r\n" + ok + "\r\nhello", "empty lines after": ok + "\r\n\r\n\r\nhello", "a NUL in the body": ok + "\r\nhe\x00llo",
		"the longest header": header(4094) + "hello", "a longer one": header(4097) + "hello", "much longer": header(9000) + "hello",
		"a redirection": "HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\nhello", "500": "HTTP/1.1 500 x\r\n\r\nhello",
		"a large body": ok + "\r\n" + strings.Repeat("x", 300_000), "less than a large body": ok + "Content-Length: 5000\r\n\r\n" +
			strings.Repeat("x", 300_000),
	}
	for _, length := range []string{"3", "50", "0", "-1", "+3", "+ 3", "0x3", "3x", "3 ", "3\t", "3;", "3,3", "3.0", "  3", "", "00",
		"4294967296", "18446744073709551616", "0000000000000000000000003", "3\r\nContent-Length: 4", "3\nX: y"} {
		replies["Content-Length:"+length] = ok + "Content-Length: " + length + "\r\n\r\nhello"
	}
	for name, reply := range replies {
		port, _ := serve(t, false, reply)
		args := []string{"-s", "127.0.0.1", "-p", port, "-u", "/"}
		if diff := cmp.Diff(theirs(t, args...), ours(args...)); diff != "" {
			t.Errorf("%s (-Debian +ours):\n%s", name, diff)
		}
	}
}

// TestRenegotiationAgainstDebian: a server of TLS 1.2 that wants a certificate for some pages alone begins anew when it has
// read the request, as Apache and IIS do.
func TestRenegotiationAgainstDebian(t *testing.T) {
	debian(t, "genhash", "openssl")
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	if out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
		"-subj", "/CN=web.example").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, command := range []string{"r", "R"} { // s_server(1): anew, and with a certificate wanted
		for name, ask := range map[string]func(...string) string{
			"Debian": func(args ...string) string { return theirs(t, args...) }, "ours": ours,
		} {
			port := renegotiates(t, command, certificate, key)
			if got := ask("-S", "-s", "127.0.0.1", "-p", port, "-u", "/"); !strings.HasPrefix(got, "0\n5d41402abc4b2a76b9719d911017c592\n") {
				t.Errorf("%s, %s: %s", command, name, got)
			}
		}
	}
}

// renegotiates is a server for one request that it answers after a command, and its port.
func renegotiates(t *testing.T, command, certificate, key string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command("openssl", "s_server", "-tls1_2", "-cert", certificate, "-key", key, "-accept", port, "-naccept", "1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	until := func(word string) bool {
		for lines.Scan() {
			if strings.Contains(lines.Text(), word) {
				return true
			}
		}
		return false
	}
	if !until("ACCEPT") {
		t.Fatal("s_server does not start")
	}
	go func() {
		if !until("Host: ") {
			return
		}
		fmt.Fprintln(in, command)
		if !until("SSL_do_handshake -> 1") {
			return
		}
		fmt.Fprint(in, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello\n")
		in.Close() // it ends with that
		for lines.Scan() {
		}
	}()
	return port
}
