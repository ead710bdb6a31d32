package healthcheck

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// serversInOne is a Spec of one virtual server with n real servers, a check on each.
func serversInOne(n int) Spec {
	cfg := &confparse.Config{}
	vs := &confparse.VirtualServer{Quorum: 1,
		ID: confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.1"), Port: 80}}
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		vs.RealServers = append(vs.RealServers, &confparse.RealServer{Weight: 1,
			ID: confparse.RealServerID{VS: vs.ID, Addr: addr, Port: 80},
			Checkers: []*confparse.Checker{{Kind: confparse.TCPCheck, DelayLoop: time.Minute,
				Connect: confparse.Connect{Addr: addr, Port: 80, Timeout: time.Second}}}})
	}
	cfg.VirtualServers = append(cfg.VirtualServers, vs)
	return FromConfig(cfg)
}

func TestManyChecksBeginWithOneLine(t *testing.T) {
	for _, tt := range []struct {
		servers, lines int
		level          slog.Level
	}{
		{manyActivations, manyActivations, slog.LevelInfo},
		{manyActivations + 1, 1, slog.LevelInfo},
		{manyActivations + 1, manyActivations + 2, slog.LevelDebug},
	} {
		t.Run(fmt.Sprintf("%d at %v", tt.servers, tt.level), func(t *testing.T) {
			var b bytes.Buffer
			m := NewManager(Options{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: tt.level}))})
			m.Apply(serversInOne(tt.servers))
			if got := bytes.Count(b.Bytes(), []byte("\n")); got != tt.lines {
				t.Errorf("%d lines, want %d", got, tt.lines)
			}
		})
	}
}

// TestSuspensionIsTold: what is suspended when it begins is deactivated, later suspended, and activated when it is no more; of what is not
// known yet nothing is said. Many have one line.
func TestSuspensionIsTold(t *testing.T) {
	var b bytes.Buffer
	said := func() (words []string) {
		for line := range strings.Lines(b.String()) {
			if _, text, ok := strings.Cut(line, `msg="`); ok && strings.Contains(text, " healthchecker") {
				words = append(words, text[:strings.IndexByte(text, '"')])
			}
		}
		b.Reset()
		return words
	}
	lines := func(word string, servers ...int) (list []string) {
		for _, n := range servers {
			list = append(list, fmt.Sprintf("%s healthchecker for service [192.168.0.%d]:tcp:80 for VS %s", word, n, vsName))
		}
		return list
	}
	m := NewManager(Options{Logger: textLogger(&b), BFD: NewBFDSessions()})
	suspend := func(state bool) func() {
		return func() { m.Suspend(map[confparse.VirtualServerID]bool{vsID: state}) }
	}
	nobody := func() { m.Suspend(map[confparse.VirtualServerID]bool{{Group: "other"}: true}) }
	applied := func(c *confparse.Config) func() { return func() { m.Apply(FromConfig(c)) } }
	for i, step := range []struct {
		do   func()
		want []string
	}{
		{suspend(false), nil}, {applied(config(pool(2))), nil},
		{suspend(true), lines(deactivating, 1, 2)}, {suspend(true), nil},
		{applied(config(pool(3))), lines(deactivating, 3)},
		{nobody, lines(activating, 1, 2, 3)}, {nobody, nil},
		{suspend(true), lines(suspending, 1, 2, 3)},
		{applied(config()), nil}, {func() { m.Suspend(nil) }, nil},
		{applied(config(pool(1))), lines(activating, 1)},
		{applied(config()), nil}, {suspend(false), nil}, {applied(config(pool(1))), nil},
		{nobody, lines(activating, 1)}, // it is known now, and is not suspended
		{applied(config()), nil}, {suspend(true), nil},
		{applied(bfdPool()), lines(activating, 1, 2)}, // of which it is heard all the time
		{nobody, nil}, {suspend(true), nil},
	} {
		step.do()
		if diff := cmp.Diff(step.want, said()); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}

	m.Apply(serversInOne(manyActivations + 1))
	said()
	id := confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.1"), Port: 80}
	m.Suspend(map[confparse.VirtualServerID]bool{id: true})
	if got := said(); len(got) != 1 || got[0] != fmt.Sprintf("Suspending %d healthcheckers", manyActivations+1) {
		t.Errorf("%d lines, of them %q", len(got), got[:min(1, len(got))])
	}
}

// TestLogSaysWhyTLSFailed: the line of a verdict, or of an attempt, names what the library lacks, and nothing of a server's own
// reaches the terminal of who reads it. Of other failures the summary says enough.
func TestLogSaysWhyTLSFailed(t *testing.T) {
	lacking := &net.OpError{Op: "remote error", Err: handshakeFailure}
	for _, tt := range []struct {
		name string
		r    Result
		want string // at the end of each line
	}{
		{"no suite in common", failed(CodeTLSFailed, httpHandshakeError, explained(lacking)),
			`err="` + strings.ReplaceAll(explained(lacking).Error(), `"`, `\"`) + `"`},
		{"a name in a certificate", failed(CodeTLSFailed, httpHandshakeError, errors.New("it is for \x1b]0;a\x07.example\r")),
			`err="it is for ` + "\ufffd]0;a\ufffd.example\ufffd" + `"`},
		{"refused", refuses(0), `result="L4CON 1.0ms"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			inLab(t, Options{Logger: slog.New(slog.NewTextHandler(&b, nil))}, func(l *lab) {
				vs := pool(1)
				ck := vs.RealServers[0].Checkers[0]
				ck.LogAllFailures, ck.Retry = true, 1
				l.run(config(vs))
				l.until(5 * s)
				b.Reset()
				l.answers(target(1), func(int) Result { return tt.r })
				l.until(30 * s)
			})
			lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			if len(lines) != 3 {
				t.Errorf("%d lines:\n%s", len(lines), &b)
			}
			for _, line := range lines {
				if !strings.HasSuffix(line, tt.want) {
					t.Errorf("%s\ndoes not end in %s", line, tt.want)
				}
			}
		})
	}
	if text := explained(lacking).Error(); !strings.Contains(text, "finite-field DHE") {
		t.Error(text)
	}
}
