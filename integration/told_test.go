package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// mailPort is where each host has its mail server.
const mailPort = 7900

// TestServersToldLikeKeepalived has keepalived and Vigil run the same configurations beside each other, whose servers fail and
// recover at the same moments: what both write to the pipe, which programs they run, and what they send by mail is the same after
// each event, whatever its order.
func TestServersToldLikeKeepalived(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	lab := testlan.ForTest(t)
	programs := [2]labkit.Program{program(t, "keepalived"), program(t, "vigil")}
	loadSchedulers()
	all := toldConfigurations()
	if only := os.Getenv("VIGIL_TOLD"); only != "" {
		all = slices.DeleteFunc(all, func(c tried) bool { return !regexp.MustCompile(only).MatchString(c.name) })
	}
	queue := make(chan tried, len(all))
	for _, c := range all {
		queue <- c
	}
	close(queue)
	var group sync.WaitGroup
	for n := range min(twinsBeside, len(all)) {
		w, err := newTwins(t.Context(), lab, fmt.Sprint(n), programs)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			defer w.close()
			for c := range queue {
				w.told = new(told2)
				if err := w.try(t.Context(), c); err != nil {
					t.Errorf("%s: %v\n%s", c.name, err, w.logs())
				}
				t.Logf("%s: %d lines were compared", c.name, w.told.compared)
				if w.told.compared == 0 {
					t.Errorf("%s: nothing was told", c.name)
				}
			}
		})
	}
	group.Wait()
}

// toldConfigurations have servers of which is told in every way. Two servers never come at one moment where a quorum depends on it:
// whether the mail has the weight of one or of both is a matter of moments. Of what neither the table nor anybody tells, something
// else that is seen happens at the same time.
func toldConfigurations() []tried {
	const usual = "lb_algo rr\nlb_kind NAT\nprotocol TCP\n"
	head := func(globals string) string {
		return root("lvs_notify_fifo DIR/pipe-HOST\nsmtp_server 127.0.0.1 " + fmt.Sprint(mailPort) + "\nsmtp_connect_timeout 30\n" +
			"notification_email_from lb@example.net\nnotification_email {\nadmin@example.net\n}\nrouter_id LB\n" + globals)
	}
	// service has programs for what happens to it and to its servers.
	service := func(name, lines string, servers ...string) string {
		says := func(what, of string) string { return fmt.Sprintf("%s \"DIR/say-HOST '%s %s' its\"\n", what, what, of) }
		for i, s := range servers {
			address, rest, _ := strings.Cut(s, ": ")
			servers[i] = address + ": " + says("notify_up", address+" of "+name) + says("notify_down", address+" of "+name) + rest
		}
		return written(name, lines+says("quorum_up", name)+says("quorum_down", name), servers...)
	}
	mixed := func(more string) []string {
		var list []string
		for i, check := range []string{"tcp1", "http1", "smtp1", "dns1", "udp1", "misc1"} {
			list = append(list, fmt.Sprintf("192.168.0.%d 80: %s; %s", i+1, more, check))
		}
		return list
	}
	three := func(more string) []string {
		return []string{"192.168.0.1 80: " + more + "; tcp1", "192.168.0.2 80: " + more + "; tcp2", "192.168.0.3 80: " + more + "; tcp3 http3"}
	}
	return []tried{
		{name: "alpha", texts: []string{
			head("") + service("10.0.0.1 80", usual+"alpha\nquorum 2\nsmtp_alert\n", mixed("")...),
			head("") + service("10.0.0.1 80", usual+"alpha\nquorum 3\nsmtp_alert\n", append(mixed(""), "192.168.0.9 80: ; tcp9", "192.168.0.8 80: ; http8")...)},
			down:  []string{"tcp1", "http1", "smtp1", "dns1", "udp1", "misc1", "tcp9", "http8"},
			steps: []string{"tcp1 up", "http1 up", "smtp1 up", "dns1 up, udp1 up, misc1 up", "http1 down", "reload", "tcp9 up", "http8 up", "http1 up"}},
		{name: "some down at the start", texts: []string{
			head("rs_init_notifies\n") + service("10.0.0.1 80", usual+"quorum 2\nomega\n", mixed("smtp_alert")...)},
			down:  []string{"tcp1", "http1", "dns1"},
			steps: []string{"tcp1 up", "http1 up, dns1 up", "udp1 down, misc1 down, smtp1 down, http1 down", "tcp1 down", "misc1 up"}},
		{name: "a sorry server and hysteresis", texts: []string{
			head("smtp_alert\n") + service("10.0.0.1 80", usual+"quorum 2\nhysteresis 1\nsorry_server 192.168.0.9 80\nomega\n", three("")...)},
			steps: []string{"tcp1 down", "tcp2 down", "http3 down", "tcp3 down", "http3 up", "tcp1 up", "tcp3 up", "tcp2 up", "tcp2 down"}},
		{name: "servers that stay with weight 0", texts: []string{
			head("smtp_alert_checker\nno_checker_emails\n") + service("10.0.0.1 80", usual+"inhibit_on_failure\nsorry_server 192.168.0.9 80\nsorry_server_inhibit\n", three("")...),
			head("smtp_alert_checker\nno_checker_emails\n") + service("10.0.0.1 80", usual+"inhibit_on_failure\nsorry_server 192.168.0.9 80\nsorry_server_inhibit\n", three("weight 3\n")[:2]...)},
			steps: []string{"tcp1 down, tcp2 down", "http3 down", "tcp3 down, tcp2 up", "reload", "tcp1 up"}},
		{name: "servers and services come and go", texts: []string{
			head("") + service("10.0.0.1 80", usual+"smtp_alert\n", three("")...) + service("10.0.0.2 80", usual+"smtp_alert\n", "192.168.0.1 80: ; tcp1", "192.168.0.4 80: ; tcp4"),
			head("") + service("10.0.0.1 80", usual+"smtp_alert\n", three("")[1:]...) + service("10.0.0.3 80", usual+"smtp_alert\n", "192.168.0.1 80: ; tcp6", "192.168.0.5 80: ; tcp5"),
			head("") + service("10.0.0.1 80", usual+"smtp_alert\nquorum 4\n", three("")...)},
			down:  []string{"tcp6"},
			steps: []string{"tcp1 down", "tcp2 down", "reload", "tcp2 up, tcp5 down, tcp1 up", "reload", "tcp1 down"}},
		{name: "the table is emptied at the stop", texts: []string{
			head("lvs_flush_on_stop\n") + service("10.0.0.1 80", usual+"smtp_alert\n", three("")...) + service("10.0.0.2 80", usual, "192.168.0.1 80: ; tcp1", "192.168.0.4 80: ; tcp4"),
			head("lvs_flush_on_stop\n") + service("10.0.0.1 80", usual+"smtp_alert\n", three("")...)},
			steps: []string{"tcp1 down", "reload", "tcp1 up", "tcp2 down"}},
		{name: "weights that programs say", texts: []string{
			head("smtp_alert\n") + service("10.0.0.1 80", usual+"quorum 5\n", "192.168.0.1 80 3: ; code1", "192.168.0.2 80 2: ; code2 tcp1")},
			steps: []string{"code1 12", "code2 22", "code1 3", "code2 3", "code1 1", "tcp1 down", "code1 40", "code2 2, tcp1 up"}},
		{name: "a group, and a mark", texts: []string{
			head("smtp_alert\n") + "virtual_server_group G {\n10.0.0.1-2 80\nfwmark 7\n}\n" + service("group G", usual, three("")...) +
				service("fwmark 5", "lb_algo rr\nlb_kind NAT\n", "192.168.0.1 0: ; tcp1", "2001:db8::1 0: lvs_method TUN\n; tcp2")},
			steps: []string{"tcp1 down", "tcp2 down", "tcp3 down", "tcp1 up", "tcp2 up"}},
	}
}

// told2 is what two programs told.
type told2 struct {
	end      func()
	pipes    [2]*pipeLines
	said     [2]string // files
	mails    [2]*mailbox
	compared int // lines, at the end
}

// listen begins to hear what the programs on two hosts tell.
func (o *told2) listen(ctx context.Context, hosts []*testlan.Host, dir string) error {
	ctx, cancel := context.WithCancel(ctx)
	o.end = cancel
	for i, h := range hosts {
		o.pipes[i] = newPipeLines(ctx, filepath.Join(dir, "pipe-"+h.Name))
		o.said[i] = filepath.Join(dir, "said-"+h.Name)
		say := "#!/bin/sh\nIFS='|'\necho \"$*\" >>" + o.said[i] + "\n"
		if err := os.WriteFile(filepath.Join(dir, "say-"+h.Name), []byte(say), 0o755); err != nil {
			return err
		}
		var l net.Listener
		if err := whenFree(h, func() (err error) {
			l, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", mailPort))
			return err
		}); err != nil {
			return err
		}
		o.mails[i] = new(mailbox)
		context.AfterFunc(ctx, func() { l.Close() })
		go o.mails[i].serve(l)
	}
	return nil
}

// lines are what one program has told, sorted: both tell of several servers in the order in which their checks end.
func (o *told2) lines(i int) (all []string) {
	for _, line := range o.pipes[i].all() {
		all = append(all, "pipe: "+strings.Trim(line, "\x00")) // which the documentation speaks of
	}
	said, _ := os.ReadFile(o.said[i]) // nothing was said yet
	for line := range strings.Lines(string(said)) {
		all = append(all, "program: "+strings.TrimSuffix(line, "\n"))
	}
	for _, m := range o.mails[i].all() {
		if strings.Contains(m, "Lost quorum") {
			m, _, _ = strings.Cut(m, "Lost quorum") // the sum is one of the differences that are documented
		}
		all = append(all, "mail: "+m)
	}
	slices.Sort(all)
	return all
}

// agree waits until both have told the same: more than before, if an event cannot be seen otherwise. A check whose server is down
// already would else not be waited for, and be asked after the next event only.
func (o *told2) agree(ctx context.Context, more bool) error {
	before := o.compared
	return until(ctx, func() error {
		theirs, ours := o.lines(0), o.lines(1)
		o.compared = len(ours)
		if more && o.compared == before {
			return errors.New("nothing was told")
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			return fmt.Errorf("told (-keepalived +vigil):\n%s", diff)
		}
		return nil
	})
}

// agreeAtLast is agree when both have stopped: of the programs that keepalived runs then it waits for none for more than a second,
// and its mail is lost.
func (o *told2) agreeAtLast() error {
	isPipe := func(line string) bool { return strings.HasPrefix(line, "pipe: ") }
	theirs, ours := slices.DeleteFunc(o.lines(0), func(l string) bool { return !isPipe(l) }), slices.DeleteFunc(o.lines(1), func(l string) bool { return !isPipe(l) })
	if diff := cmp.Diff(theirs, ours); diff != "" {
		return fmt.Errorf("told at the stop (-keepalived +vigil):\n%s", diff)
	}
	return nil
}

// mailbox is a mail server that takes everything.
type mailbox struct {
	mu    sync.Mutex
	mails []string // subject and text
}

func (m *mailbox) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}

func (m *mailbox) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			_ = m.take(c)
		}()
	}
}

// take receives one mail.
func (m *mailbox) take(c io.ReadWriter) error {
	in := bufio.NewReader(c)
	_, err := io.WriteString(c, "220 ok\r\n")
	for err == nil {
		var line string
		if line, err = in.ReadString('\n'); err != nil {
			break
		}
		answer := "250 ok\r\n"
		switch command, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); command {
		case "DATA":
			if _, err = io.WriteString(c, "354 go on\r\n"); err == nil {
				err = m.read(in)
			}
		case "QUIT":
			_, err = io.WriteString(c, "221 bye\r\n")
			return err
		}
		if err == nil {
			_, err = io.WriteString(c, answer)
		}
	}
	return err
}

// read takes what follows DATA: of its head the subject, and the text.
func (m *mailbox) read(in *bufio.Reader) error {
	subject, text, head := "", "", true
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
		switch line = strings.TrimRight(line, "\r\n"); {
		case line == ".":
			m.mu.Lock()
			m.mails = append(m.mails, subject+": "+strings.TrimSpace(text))
			m.mu.Unlock()
			return nil
		case head && line == "":
			head = false
		case head && strings.HasPrefix(line, "Subject: "):
			subject = strings.TrimPrefix(line, "Subject: ")
		case !head:
			text += line + " "
		}
	}
}
