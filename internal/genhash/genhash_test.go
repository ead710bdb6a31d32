package genhash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve answers every request with a reply in pieces, and hands out the requests. It returns its port.
func serve(t *testing.T, hold bool, pieces ...string) (port string, requests <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, done := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var request []byte
			for one := make([]byte, 1); !bytes.HasSuffix(request, []byte("\r\n\r\n")); {
				if _, err := c.Read(one); err != nil {
					break
				}
				request = append(request, one[0])
			}
			asked <- string(request)
			for _, p := range pieces {
				io.WriteString(c, p)
			}
			if hold {
				io.Copy(io.Discard, c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, asked
}

// asked takes the requests that came so far. The server of serve has one connection at a time, in their order: a last one of our
// own follows them all.
func asked(t *testing.T, port string, requests <-chan string) (all []string) {
	t.Helper()
	const last = "last\r\n\r\n"
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, last)
	for r := range requests {
		if r == last {
			break
		}
		all = append(all, r)
	}
	return all
}

const page = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"

// run is the command.
func run(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(context.Background(), "genhash", args, &out, &errs)
	return status, out.String(), errs.String()
}

var usecs = regexp.MustCompile(`= \d+ usecs`)

// cases are command lines; %P is a port that answers, %C one that is closed, %H one that keeps the connection.
var cases = []string{
	"", "-h", "--help", "-x", "-s", "-s 127.0.0.1", "-s 127.0.0.1 -p %P", "-s 127.0.0.1 -u /", "-p %P -u /", "--nonsense", "--u /",
	"-s 127.0.0.1 -p %P -u /", "-s 127.0.0.1 -p %P -u / -v", "-vs 127.0.0.1 -p %P -u /x", "-s127.0.0.1 -p%P -u/x",
	"--server=127.0.0.1 --po %P --url /x --use-virtualhost q --protocol 1.1 --timeout 3", "-s 127.0.0.1 -p %P -u /a -V v.example",
	"-s 127.0.0.1 -p %P -u /c -P 1.0c", "-s 127.0.0.1 -p %P -u /c -P 1.0C", "-s 127.0.0.1 -p %P -u /c -P 2",
	"-s 127.0.0.1 -p 0 -u /c", "-s 127.0.0.1 -p 70000 -u /c", "-s 127.0.0.1 -p x -u /c", "-s 300.0.0.1 -p %P -u /c",
	"-s localhost -p %P -u /c", "-s 127.0.0.1 -p %P -u /c -t x", "-s 127.0.0.1 -p %P -u /c extra", "-s 127.0.0.1 -p %P -u /c -m x",
	"-I -s 127.0.0.1 -p %P -u /c", "-s 127.0.0.1 -p %P -u /c -u /d", "-s 127.0.0.1 -p %P -u c", "-s 127.0.0.1 -p %C -u /",
	"-s 127.0.0.1 -p %C -u / -v", "-S -s 127.0.0.1 -p %C -u /", "-s 127.0.0.1 -p %H -u / -t 1", "-s 127.0.0.1 -p %P -u / -t 0",
	"-s ::1 -p %C -u /", "--verbose=x -s 127.0.0.1 -p %P -u /", "-s 127.0.0.1 -p %P -u / -- x",
}

// TestAgainstDebian runs Debian's genhash beside this one: the same output, status and requests.
func TestAgainstDebian(t *testing.T) {
	debian(t, "genhash")
	port, requests := serve(t, false, page)
	held, _ := serve(t, true, page)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closedPort, _ := net.SplitHostPort(closed.Addr().String())
	closed.Close()
	for _, words := range cases {
		words = strings.NewReplacer("%P", port, "%H", held, "%C", closedPort).Replace(words)
		args := strings.Fields(words)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, "genhash", args...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		cancel()
		want := asked(t, port, requests)
		status, stdout, stderr := run(args...)
		got := asked(t, port, requests)
		theirs := fmt.Sprintf("%d\n%s\n%s", cmd.ProcessState.ExitCode(), usecs.ReplaceAllString(out.String(), ""), errs.String())
		ours := fmt.Sprintf("%d\n%s\n%s", status, usecs.ReplaceAllString(stdout, ""), stderr)
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("genhash %s (-Debian +ours):\n%s", words, diff)
		}
		if strings.HasSuffix(words, "-t 0") { // it connects, and does not ask
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("genhash %s: requests (-Debian +ours):\n%s", words, diff)
		}
	}
}

func TestDigest(t *testing.T) {
	port, _ := serve(t, false, page)
	if status, out, errs := run("-s", "127.0.0.1", "-p", port, "-u", "/"); status != 0 || out != "5d41402abc4b2a76b9719d911017c592\n" || errs != "" {
		t.Errorf("%d, %q, %q", status, out, errs)
	}
	empty, _ := serve(t, false)
	if status, out, errs := run("-s", "127.0.0.1", "-p", empty, "-u", "/"); status != 0 || out != "" || errs != "no data received from remote webserver\n" {
		t.Errorf("%d, %q, %q", status, out, errs)
	}
}

// TestVerbose has what Debian's genhash 2.2.7 shows of pieces.
func TestVerbose(t *testing.T) {
	var b bytes.Buffer
	r := reply{out: &b}
	for _, piece := range []string{"HTTP/1.1 200 ", "OK\r\nA: b\r\n\r\nbody", "more \x00\xff"} {
		r.read([]byte(piece))
	}
	want := headerTitle + headerTitle +
		"0000  48 54 54 50 2f 31 2e 31 - 20 32 30 30 20 4f 4b 0d   HTTP/1.1 200 OK.\n" +
		"0016  0a 41 3a 20 62 0d 0a 0d - 0a                        .A: b....       \n" +
		asciiTitle + "HTTP/1.1 200 OK\r\nA: b\r\n\r\n\n" + bodyTitle +
		"0000  62 6f 64 79             -                           body            \n" +
		"0000  6d 6f 72 65 20 00 ff    -                           more ..         \n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
