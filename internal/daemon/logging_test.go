package daemon

import (
	"bytes"
	"errors"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func consoleLogger(t *testing.T, detail int) (*slog.Logger, func() []string) {
	t.Helper()
	var b bytes.Buffer
	log, writer := newLogger(LogOptions{Console: true, NoSyslog: true, Detail: detail}, &b)
	return log, func() []string {
		writer.close()
		return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
}

func TestConsoleLineIsDateAndMessage(t *testing.T) {
	log, lines := consoleLogger(t, 0)
	log.With(componentKey, "vrrp").Info("(VI_1) Entering MASTER STATE", "instance", "VI_1", "vrid", 51)
	got := lines()
	if len(got) != 1 {
		t.Fatalf("got %d lines: %q", len(got), got)
	}
	const layout = "Mon Jan _2 15:04:05 2006"
	if _, err := time.Parse(layout, got[0][:len(layout)]); err != nil {
		t.Errorf("line does not begin with a date: %q", got[0])
	}
	if rest := got[0][len(layout):]; rest != ": (VI_1) Entering MASTER STATE" {
		t.Errorf("rest of line %q", rest)
	}
}

func TestLibrariesDoNotWrite(t *testing.T) {
	before := stdlog.Writer()
	defer stdlog.SetOutput(before)
	stdlog.SetOutput(os.Stderr)
	_, lines := consoleLogger(t, 2)
	if stdlog.Print("Transport: unhandled response frame type"); stdlog.Writer() != io.Discard || len(lines()) > 1 {
		t.Error("what the standard library says is shown")
	}
}

func TestConsoleShowsAttributesThatTheTextLacks(t *testing.T) {
	log, lines := consoleLogger(t, 0)
	log.Warn("reload refused", "file", "a b.conf", "count", 3, "err", errors.New("no such file"))
	got := lines()[0]
	if want := `reload refused file="a b.conf" count=3: no such file`; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want suffix %q", got, want)
	}
}

func TestMessageOfSeveralLinesIsOneLine(t *testing.T) {
	log, lines := consoleLogger(t, 0)
	log.Error("stop", "err", errors.Join(errors.New("vrrp"), errors.New("ipvs")))
	if got := lines(); len(got) != 1 || !strings.HasSuffix(got[0], "stop: vrrp; ipvs") {
		t.Errorf("got %q", got)
	}
}

func TestDetailDecidesOnDebugMessages(t *testing.T) {
	for detail, want := range map[int]int{0: 1, 1: 2, 2: 2} {
		log, lines := consoleLogger(t, detail)
		log.Debug("setting VIPs.")
		log.Info("shown")
		if got := lines(); len(got) != want {
			t.Errorf("detail %d: got %d lines, want %d: %q", detail, len(got), want, got)
		}
	}
}

// blockedSink holds the writer until it is released, as a dead syslog does.
type blockedSink struct {
	release chan struct{}
	lines   []string
}

func (s *blockedSink) write(l logLine) {
	<-s.release
	s.lines = append(s.lines, l.text)
}

func (*blockedSink) flush() {}

func TestSlowSinkNeverBlocksAndIsCounted(t *testing.T) {
	sink := &blockedSink{release: make(chan struct{})}
	w := &logWriter{lines: make(chan logLine, 4), sinks: []logSink{sink}, quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	log := slog.New(&logHandler{w: w})
	for range 100 { // would deadlock here if Handle waited for the sink
		log.Info("x")
	}
	close(sink.release)
	w.close()
	if len(sink.lines) < 4 || len(sink.lines) >= 100 {
		t.Errorf("%d lines written", len(sink.lines))
	}
	if w.dropped.Load() == 0 && !strings.Contains(strings.Join(sink.lines, "\n"), "log messages dropped") {
		t.Errorf("drops were not reported: %q", sink.lines)
	}
	log.Info("after close") // must not panic
}

func TestSetFacility(t *testing.T) {
	for name, ok := range map[string]bool{"0": true, "7": true, "local3": true, "user": true, "daemon": true, "8": false,
		"local": false, "local9": false, "mail": false, "": false, "local33": false} {
		var o LogOptions
		if got := o.SetFacility(name); got != ok {
			t.Errorf("SetFacility(%q) = %v, want %v", name, got, ok)
		}
	}
}

func TestComponentSelectsTheSyslogIdent(t *testing.T) {
	h := &logHandler{w: &logWriter{lines: make(chan logLine, 1)}, ident: idents[""]}
	slog.New(h).With(componentKey, "checkers").Info("x")
	if l := <-h.w.lines; l.ident != "Keepalived_healthcheckers" {
		t.Errorf("ident %q", l.ident)
	}
}

// stuckReader is a pipe whose reader has stopped.
type stuckReader struct{ release chan struct{} }

func (r stuckReader) Write(p []byte) (int, error) { <-r.release; return len(p), nil }

func TestStuckReaderDoesNotKeepTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := stuckReader{make(chan struct{})}
		log, writer := newLogger(LogOptions{Console: true, NoSyslog: true}, stuck)
		for range logQueue {
			log.Info("Stopped")
		}
		begun := time.Now()
		writer.close()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		close(stuck.release)
	})
}
