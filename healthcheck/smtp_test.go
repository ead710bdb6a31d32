package healthcheck

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/fuzzing"
)

// mailServer returns the address of a server that says its lines in turn, and waits for a line before each but the first.
// What it was told goes to told.
func mailServer(t *testing.T, told chan<- string, lines ...string) netip.AddrPort {
	return mailServerAt(t, "127.0.0.1:0", told, lines...)
}

func mailServerAt(t *testing.T, addr string, told chan<- string, lines ...string) netip.AddrPort {
	return listen(t, addr, func(c *net.TCPConn) {
		var said []byte
		for i, line := range lines {
			if i > 0 {
				said = append(said, readLine(c)...)
			}
			io.WriteString(c, line)
		}
		rest, _ := io.ReadAll(c)
		if told != nil {
			told <- string(append(said, rest...))
		}
	})
}

// readLine reads a byte at a time, so that nothing of the next line is lost.
func readLine(r io.Reader) (line []byte) {
	b := make([]byte, 1)
	for !bytes.HasSuffix(line, []byte("\n")) {
		if n, err := r.Read(b); n == 0 || err != nil {
			return line
		}
		line = append(line, b[0])
	}
	return line
}

// TestSMTPCheckSays has the bytes of the dialogue, with the name that is the default and with one that is configured.
func TestSMTPCheckSays(t *testing.T) {
	told := make(chan string, 1)
	for _, helo := range []string{"smtpchecker.keepalived.org", "lb1.example.net"} {
		target := mailServer(t, told, "220 ready\r\n", "250 hello\r\n", "221 bye\r\n")
		r := smtpCheck{dial{target: target, timeout: 5 * time.Second}, helo}.Check(t.Context())
		if r.Outcome != Passed || r.Code != CodeAnswered {
			t.Fatalf("got %v, %v, %v", r.Outcome, r.Code, r.Err)
		}
		if got, want := <-told, "HELO "+helo+"\r\nQUIT\r\n"; got != want {
			t.Errorf("the server was told %q, want %q", got, want)
		}
	}
}

// TestCheckCase44: a greeting of several lines fails; 220, 250, and anything after QUIT pass. What each server here is
// found to be was keepalived 2.2.7's finding too.
func TestCheckCase44(t *testing.T) {
	pad := func(length int) string { return "220 " + strings.Repeat("x", length-6) + "\r\n" }
	for _, tt := range []struct {
		name    string
		lines   []string
		outcome Outcome
		code    Code
		reason  string
	}{
		{"all is well", []string{"220 ok\r\n", "250 ok\r\n", "221 bye\r\n"}, Passed, CodeAnswered, smtpSuccess},
		{"any answer to QUIT", []string{"220 ok\r\n", "250 ok\r\n", "500 no\r\n"}, Passed, CodeAnswered, smtpSuccess},
		{"no code in the answer to QUIT", []string{"220 ok\r\n", "250 ok\r\n", "x\n"}, Passed, CodeAnswered, smtpSuccess},
		{"the first of several lines after QUIT", []string{"220 ok\r\n", "250 ok\r\n", "221-a\r\n"}, Passed, CodeAnswered, smtpSuccess},
		{"lines without CR", []string{"220 ok\n", "250 ok\n", "221 bye\n"}, Passed, CodeAnswered, smtpSuccess},
		{"a code alone, without CR", []string{"220 ok\r\n", "250\n", "221 bye\n"}, Passed, CodeAnswered, smtpSuccess},
		{"more lines with the greeting", []string{"220 ok\r\n250 more\r\n", "250 ok\r\n", "221 bye\r\n"}, Passed, CodeAnswered, smtpSuccess},
		{"the longest line", []string{pad(511), "250 ok\r\n", "221 bye\r\n"}, Passed, CodeAnswered, smtpSuccess},
		{"a longer one", []string{pad(512)}, Failed, CodeAnswerInvalid, smtpTooLong},
		{"a line without end", []string{strings.Repeat("2", 1<<16)}, Failed, CodeAnswerInvalid, smtpTooLong},
		{"a greeting of several lines", []string{"220-multi\r\n220 end\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"a code alone, with CR", []string{"220\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"a tab", []string{"220\tok\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"four digits", []string{"2200 ok\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"a space first", []string{" 220 ok\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"a NUL", []string{"220 a\x00b\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"an empty line", []string{"\r\n"}, Failed, CodeAnswerInvalid, smtpBadBanner},
		{"no service (RFC 5321 §3.1)", []string{"554 go away\r\n"}, Failed, CodeAnswerStatus, smtpBadBanner},
		{"HELO refused", []string{"220 ok\r\n", "502 no\r\n"}, Failed, CodeAnswerStatus, smtpBadHELO},
		{"several lines after HELO", []string{"220 ok\r\n", "250-a\r\n250 b\r\n"}, Failed, CodeAnswerInvalid, smtpBadHELO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := smtpCheck{dial{target: mailServer(t, nil, tt.lines...), timeout: 5 * time.Second}, "me"}
			if r := c.Check(t.Context()); r.Outcome != tt.outcome || r.Code != tt.code || r.Reason != tt.reason {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason)
			}
		})
	}
}

// TestSMTPCheckBroken has the dialogues that end early.
func TestSMTPCheckBroken(t *testing.T) {
	hangUp := func(say string, wait bool) netip.AddrPort {
		return listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			io.WriteString(c, say)
			if wait {
				readLine(c)
			}
		})
	}
	silent := func(lines ...string) netip.AddrPort { return mailServer(t, nil, lines...) }
	for _, tt := range []struct {
		name    string
		target  netip.AddrPort
		timeout time.Duration
		outcome Outcome
		code    Code
		reason  string
	}{
		{"refused", closedPort(t), time.Minute, Failed, CodeConnectFailed, smtpNoConnection},
		{"unreachable at once", unreachable, time.Minute, Failed, CodeConnectFailed, smtpNoConnection},
		{"no answer to SYN", fullBacklog(t), 50 * time.Millisecond, Failed, CodeConnectTimeout, smtpConnectTimeout},
		{"no greeting", silent(""), 50 * time.Millisecond, Failed, CodeAnswerTimeout, smtpReadTimeout},
		{"half a greeting", silent("220 o"), 50 * time.Millisecond, Failed, CodeAnswerTimeout, smtpReadTimeout},
		{"no answer to QUIT", silent("220 ok\r\n", "250 ok\r\n"), 50 * time.Millisecond, Failed, CodeAnswerTimeout, smtpReadTimeout},
		{"closed at once", hangUp("", false), time.Minute, Failed, CodeAnswerInvalid, smtpReadFailure},
		{"closed in the greeting", hangUp("220 ok", false), time.Minute, Failed, CodeAnswerInvalid, smtpReadFailure},
		{"closed for an answer", hangUp("220 ok\r\n", true), time.Minute, Failed, CodeAnswerInvalid, smtpReadFailure},
		{"nobody to ask", netip.AddrPort{}, time.Minute, Postponed, CodeSocketError, "could not be made"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := smtpCheck{dial{target: tt.target, timeout: tt.timeout}, "me"}
			if r := c.Check(t.Context()); r.Outcome != tt.outcome || r.Code != tt.code || r.Reason != tt.reason {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason)
			}
		})
	}
}

// socketPair returns a connection as a check has it, and its other end.
func socketPair(t *testing.T) (conn *replyConn, peer *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn = &replyConn{stream: os.NewFile(uintptr(fds[0]), "a"), timeout: time.Minute, limits: smtpLimits}
	peer = os.NewFile(uintptr(fds[1]), "b")
	t.Cleanup(func() { conn.Close(); peer.Close() })
	return conn, peer
}

// TestSMTPCheckEndsInTime: a server that sends a byte now and then does not hold a check for longer than a whole dialogue
// may take, however long each wait may be.
func TestSMTPCheckEndsInTime(t *testing.T) {
	conn, peer := socketPair(t)
	conn.expect(time.Now(), 100*time.Millisecond)
	ended := make(chan Result, 1)
	go func() { ended <- smtpCheck{dial{timeout: time.Minute}, "me"}.converse(conn) }()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case r := <-ended:
			if r.Outcome != Failed || r.Code != CodeAnswerTimeout {
				t.Errorf("got %v, %v, %v", r.Outcome, r.Code, r.Err)
			}
			return
		case <-tick.C:
			peer.Write([]byte("2"))
		}
	}
}

// TestSMTPCheckTakesNoFlood: lines without end are no reason to read on.
func TestSMTPCheckTakesNoFlood(t *testing.T) {
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		for line := []byte(strings.Repeat("220 again\r\n", 1000)); ; {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	})
	r := smtpCheck{dial{target: target, timeout: time.Minute}, "me"}.Check(t.Context())
	if r.Outcome != Failed || r.Reason != smtpBadHELO && r.Reason != smtpReadFailure {
		t.Errorf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
	}
}

func TestSMTPReply(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{"220 ok\r\nmore", "220 ok\r", nil}, {"\n", "", nil}, {"220", "", io.EOF}, {"", "", io.EOF},
		{strings.Repeat("x", 510) + "\n", strings.Repeat("x", 510), nil},
		{strings.Repeat("x", 511) + "\n", "", errReplyTooLong},
	} {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)),
			iotest.DataErrReader(strings.NewReader(tt.in))} {
			if got, err := smtpReply(r); string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%.20q: %q, %v; want %q, %v", tt.in, got, err, tt.want, tt.err)
			}
		}
	}
}

// TestSMTPWords has the lines of 2.2.7: the address that was asked, and one line for the last attempt.
func TestSMTPWords(t *testing.T) {
	for _, tt := range []struct{ target, want string }{
		{"127.0.0.1:10002", "SMTP_CHECK Bad greeting banner from server [127.0.0.1]:10002"},
		{"[2001:db8::1]:25", "SMTP_CHECK Bad greeting banner from server [2001:db8::1]:25"},
	} {
		target := netip.MustParseAddrPort(tt.target)
		spec := CheckSpec{Kind: confparse.SMTPCheck, addr: target.Addr(), port: target.Port()}
		got := verdictText(&smtpWords, told{verdict: down, spec: spec, result: Result{Reason: smtpBadBanner}, retries: 1})
		if again := attemptText(&smtpWords, told{spec: spec, result: Result{Reason: smtpBadBanner}}); again != got {
			t.Errorf("of an attempt %q, of the verdict %q", again, got)
		}
		if got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestSMTPHosts: each host block is a check of its own, with the settings of the block around it.
func TestSMTPHosts(t *testing.T) {
	c := settled(t, "SMTP_CHECK {\nhelo_name me\nretry 4\nhost {\nconnect_port 26\n}\nhost {\nconnect_ip 10.0.0.9\n}\n}\n")
	var targets []string
	for _, ck := range c.VirtualServers[0].RealServers[0].Checks {
		p := ck.shared.Value()
		if ck.Kind != confparse.SMTPCheck || p.asks != (smtpQuestion{"me"}) || p.timing.retry != 4 || !ck.policy().insists {
			t.Errorf("check %+v of %+v", ck, p)
		}
		targets = append(targets, ck.Target().String())
	}
	if got := strings.Join(targets, " "); got != "10.0.0.1:26 10.0.0.9:8080" {
		t.Errorf("targets %s", got)
	}
}

func FuzzSMTPReply(f *testing.F) {
	f.Add([]byte("220 ok\r\n"), uint8(3))
	f.Add([]byte("220-a\r\n220 b\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, chunk uint8) {
		var line []byte
		var err error
		fuzzing.Within(t, time.Second, func() { line, err = smtpReply(&chunks{b, int(chunk)}) })
		if err != nil {
			if end := bytes.IndexByte(b, '\n'); end >= 0 && end < smtpLineLimit {
				t.Errorf("a line of %d bytes: %v", end, err)
			}
			return
		}
		if want, _, _ := bytes.Cut(b, []byte("\n")); !bytes.Equal(line, want) {
			t.Errorf("line %q, want %q", line, want)
		}
		if code, ok := smtpCode(line); ok && !bytes.HasPrefix(line, []byte(code)) || ok && len(code) != 3 {
			t.Errorf("code %q of %q", code, line)
		}
	})
}

// chunks is a reader that returns what it has in pieces.
type chunks struct {
	left []byte
	size int
}

func (c *chunks) Read(b []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.left[:min(len(c.left), c.size+1)])
	c.left = c.left[n:]
	return n, nil
}
