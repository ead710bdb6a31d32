package daemon

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mailbox is a mail server that tells the subject and the text of each mail.
func mailbox(t *testing.T) (address string, mails <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	list := make(chan string, 64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			list <- receive(c)
			c.Close()
		}
	}()
	return l.Addr().String(), list
}

// receive takes one mail (RFC 5321).
func receive(c net.Conn) (mail string) {
	lines := bufio.NewScanner(c)
	fmt.Fprint(c, "220 ready\r\n")
	data := false
	for lines.Scan() {
		switch line := lines.Text(); {
		case data && line == ".":
			data = false
			fmt.Fprint(c, "250 ok\r\n")
		case data:
			if subject, is := strings.CutPrefix(line, "Subject: "); is || strings.HasPrefix(line, "=>") {
				mail = strings.TrimSpace(mail + " " + subject)
			}
		case line == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case line == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return mail
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
	return mail
}

// TestMailsOfChecks: of a server with two checks each verdict of either is mailed, with the state that the server has then, and with
// no_checker_emails only those by which it changes.
func TestMailsOfChecks(t *testing.T) {
	for _, c := range []struct {
		name, option string
		want         []string // after each step
	}{
		{"of all", "", []string{"DOWN => FILE CHECK failed on service <=", "DOWN => FILE CHECK failed on service <=",
			"DOWN => FILE CHECK succeed on service <=", "UP => FILE CHECK succeed on service <="}},
		{"of changes", "no_checker_emails", []string{"DOWN => FILE CHECK failed on service <=", "", "", "UP => FILE CHECK succeed on service <="}},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, mails := mailbox(t)
			host, port, _ := net.SplitHostPort(address)
			dir := t.TempDir()
			config := fmt.Sprintf("global_defs {\n router_id lb1\n smtp_server %s %s\n notification_email {\n  a@example.net\n }\n %s\n}\n", host, port, c.option)
			checks := ""
			say := func(file, number string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(dir, file), []byte(number), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range []string{"a", "b"} {
				say(file, "0")
				config += fmt.Sprintf("track_file %s {\n file %s\n weight 0\n}\n", file, filepath.Join(dir, file))
				checks += fmt.Sprintf("  FILE_CHECK {\n   track_file %s\n  }\n", file)
			}
			i := launch(t, config+"virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_algo rr\n real_server 198.51.100.1 80 {\n"+checks+" }\n}\n", nil)
			defer i.end()
			verdicts := func() string {
				r := i.services.running.Load()
				if r == nil {
					return ""
				}
				text := ""
				for _, vs := range r.checks.Status().VirtualServers { // none until it has its configuration
					for _, check := range vs.RealServers[0].Checks {
						text += fmt.Sprint(check.Result, " ")
					}
				}
				return text
			}
			const passes, fails = "success ", "failure "
			await := func(want string) {
				t.Helper()
				for deadline := time.Now().Add(time.Minute); verdicts() != want; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("checks are %q, want %q\n%s", verdicts(), want, i.log)
					}
				}
			}
			await(passes + passes)
			for n, step := range []struct{ file, number, verdicts string }{
				{"a", "1", fails + passes}, {"b", "1", fails + fails}, {"a", "0", passes + fails}, {"b", "0", passes + passes},
			} {
				say(step.file, step.number)
				await(step.verdicts)
				if c.want[n] == "" {
					continue
				}
				want := "[lb1] Realserver [198.51.100.1]:tcp:80 of virtual server [192.0.2.1]:tcp:80 - " + c.want[n]
				select {
				case got := <-mails:
					if got != want {
						t.Errorf("mail %q, want %q", got, want)
					}
				case <-time.After(time.Minute):
					t.Fatalf("no mail, want %q\n%s", want, i.log)
				}
			}
			select {
			case more := <-mails:
				t.Errorf("one mail more: %q", more)
			default:
			}
		})
	}
}
