package daemon

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"log/syslog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// LogOptions is where log messages go.
type LogOptions struct {
	Console  bool // -l: to stderr
	NoSyslog bool // -G
	Detail   int  // number of -D; 1 = debug messages too
	facility syslog.Priority
}

// SetFacility sets the syslog facility from its keepalived name: 0-7, local0-local7, user or daemon. It reports
// whether the name is one; the default stays when it is not.
func (o *LogOptions) SetFacility(name string) bool {
	switch name {
	case "user":
		o.facility = syslog.LOG_USER
		return true
	case "daemon":
		o.facility = syslog.LOG_DAEMON
		return true
	}
	n := strings.TrimPrefix(name, "local")
	if len(n) != 1 || n[0] < '0' || n[0] > '7' {
		return false
	}
	o.facility = syslog.LOG_LOCAL0 + syslog.Priority(n[0]-'0')<<3
	return true
}

// componentKey is the attribute that names the part a message comes from. keepalived's parts are processes with
// syslog idents of their own, which log filters match, so each part of ours keeps its ident.
const componentKey = "component"

var idents = map[string]string{
	"":          "Keepalived",
	"vrrp":      "Keepalived_vrrp",
	"checkers":  "Keepalived_healthcheckers",
	"bfd":       "Keepalived_bfd",
	"ipvs":      "Keepalived_healthcheckers",
	"daemon":    "Keepalived",
	"metrics":   "Keepalived",
	"configure": "Keepalived",
}

// shown by the message's own text in keepalived's wording; repeating them would break what operators grep for.
var quietAttrs = map[string]bool{componentKey: true, "instance": true, "vrid": true, "interface": true, "virtual_server": true,
	"session":     true,
	"real_server": true}

// logQueue is how many lines may wait for a slow sink before further ones are dropped and counted.
const logQueue = 8192

type logLine struct {
	at    time.Time
	level slog.Level
	ident string
	text  string
}

// logWriter carries log lines from any goroutine to the sinks without ever blocking the sender: a dead syslog must
// not delay an advertisement.
type logWriter struct {
	lines   chan logLine
	dropped atomic.Uint64
	suffix  atomic.Pointer[string] // of every ident; nil = none
	sinks   []logSink
	quit    chan struct{} // closed by close
	done    chan struct{} // closed when the queue has been written
	once    sync.Once
}

// logSink takes lines; flush is called when none is waiting.
type logSink interface {
	write(logLine)
	flush()
}

// newLogger returns the logger that o describes, and its writer, which is to be closed. What the standard library writes on its
// own is not wanted from then on: net/http has a line for each frame of HTTP/2 that it does not know, and a peer may send them
// without end.
func newLogger(o LogOptions, stderr io.Writer) (*slog.Logger, *logWriter) {
	log.SetOutput(io.Discard)
	w := &logWriter{lines: make(chan logLine, logQueue), quit: make(chan struct{}), done: make(chan struct{})}
	if !o.NoSyslog {
		if s := openSyslog(o.facility); s != nil {
			w.sinks = append(w.sinks, s)
		} else {
			o.Console = true // nobody would ever see a message otherwise
		}
	}
	if o.Console {
		w.sinks = append(w.sinks, console{bufio.NewWriter(stderr)})
	}
	go w.run()
	level := slog.LevelInfo
	if o.Detail > 0 {
		level = slog.LevelDebug
	}
	return slog.New(&logHandler{w: w, level: level, ident: idents[""]}), w
}

// rename makes every ident end with suffix, from the next message on.
func (w *logWriter) rename(suffix string) { w.suffix.Store(&suffix) }

func (w *logWriter) run() {
	defer close(w.done)
	for {
		select {
		case l := <-w.lines:
			w.emit(l)
			if len(w.lines) == 0 {
				w.flush()
			}
			continue
		case <-w.quit:
		}
		for {
			select {
			case l := <-w.lines:
				w.emit(l)
			default:
				w.flush()
				return
			}
		}
	}
}

func (w *logWriter) flush() {
	for _, s := range w.sinks {
		s.flush()
	}
}

func (w *logWriter) emit(l logLine) {
	if n := w.dropped.Swap(0); n > 0 {
		w.emit(logLine{at: l.at, level: slog.LevelWarn, ident: l.ident, text: fmt.Sprintf("%d log messages dropped", n)})
	}
	for _, s := range w.sinks {
		s.write(l)
	}
}

// flushLimit is how long the end of the process waits for those who read the log.
const flushLimit = 2 * time.Second

// close writes what is queued and ends the writer. Messages logged afterwards are lost. A reader that has stopped reading
// (a pipe that is full, a journal that hangs) does not keep the process from ending.
func (w *logWriter) close() {
	w.once.Do(func() { close(w.quit) })
	limit := time.NewTimer(flushLimit)
	defer limit.Stop()
	select {
	case <-w.done:
	case <-limit.C:
	}
}

// logHandler formats records as keepalived's lines: the message, and those attributes that it does not spell out.
type logHandler struct {
	w     *logWriter
	level slog.Level
	ident string
	attrs string
	group string
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	text := r.Message + h.attrs
	r.Attrs(func(a slog.Attr) bool {
		text += formatAttr(h.group, a)
		return true
	})
	ident := h.ident
	if suffix := h.w.suffix.Load(); suffix != nil {
		ident += *suffix
	}
	text = strings.ReplaceAll(text, "\n", "; ") // errors that were joined: whoever reads a log reads it by lines
	select {
	case h.w.lines <- logLine{at: r.Time, level: r.Level, ident: ident, text: text}:
	default:
		h.w.dropped.Add(1)
	}
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == componentKey {
			if ident, ok := idents[a.Value.String()]; ok {
				c.ident = ident
			}
		}
		c.attrs += formatAttr(c.group, a)
	}
	return &c
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.group += name + "."
	return &c
}

func formatAttr(group string, a slog.Attr) string {
	if quietAttrs[a.Key] || a.Equal(slog.Attr{}) {
		return ""
	}
	if a.Key == "err" {
		return ": " + a.Value.String()
	}
	v := a.Value.Resolve().String()
	if strings.ContainsAny(v, " \"=") {
		v = fmt.Sprintf("%q", v)
	}
	return " " + group + a.Key + "=" + v
}

// console writes to stderr in keepalived's form: the date as strftime's %c, then the message.
type console struct{ w *bufio.Writer }

func (c console) write(l logLine) {
	_, _ = c.w.Write(l.at.AppendFormat(c.w.AvailableBuffer(), "Mon Jan _2 15:04:05 2006"))
	_, _ = c.w.WriteString(": " + l.text + "\n") // a terminal that has gone takes the messages with it
}

func (c console) flush() { _ = c.w.Flush() }

// syslogSink has one writer for each ident.
type syslogSink struct {
	facility syslog.Priority
	writers  map[string]*syslog.Writer
}

// openSyslog returns nil when there is no syslog to write to.
func openSyslog(facility syslog.Priority) *syslogSink {
	if facility == 0 {
		facility = syslog.LOG_DAEMON
	}
	s := &syslogSink{facility: facility, writers: make(map[string]*syslog.Writer)}
	if s.writer(idents[""]) == nil {
		return nil
	}
	return s
}

func (s *syslogSink) writer(ident string) *syslog.Writer {
	if w := s.writers[ident]; w != nil {
		return w
	}
	w, err := syslog.New(s.facility|syslog.LOG_INFO, ident)
	if err != nil {
		return nil
	}
	s.writers[ident] = w
	return w
}

func (s *syslogSink) flush() {}

func (s *syslogSink) write(l logLine) {
	w := s.writer(l.ident)
	if w == nil {
		return
	}
	// A failed write has been tried once more on a new connection; there is nowhere left to report it.
	switch {
	case l.level >= slog.LevelError:
		_ = w.Err(l.text)
	case l.level >= slog.LevelWarn:
		_ = w.Warning(l.text)
	case l.level >= slog.LevelInfo:
		_ = w.Info(l.text)
	default:
		_ = w.Debug(l.text)
	}
}
