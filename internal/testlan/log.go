package testlan

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"time"
)

// Line is one line that a program wrote, with the time it was read.
type Line struct {
	Time time.Time
	Text string
}

// Log collects a program's standard output and error.
type Log struct {
	mu    sync.Mutex
	lines []Line
}

// collect reads until the last writer has closed.
func (l *Log) collect(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		l.mu.Lock()
		l.lines = append(l.lines, Line{time.Now(), s.Text()})
		l.mu.Unlock()
	}
}

// Lines returns a copy of what has been written so far.
func (l *Log) Lines() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line(nil), l.lines...)
}

// Find returns the first line at or after a time that contains text.
func (l *Log) Find(text string, since time.Time) (Line, bool) {
	for _, line := range l.Lines() {
		if !line.Time.Before(since) && strings.Contains(line.Text, text) {
			return line, true
		}
	}
	return Line{}, false
}

// Tail returns the last n lines as one text.
func (l *Log) Tail(n int) string {
	lines := l.Lines()
	var b strings.Builder
	for _, line := range lines[max(0, len(lines)-n):] {
		b.WriteString(line.Time.Format("15:04:05.000 "))
		b.WriteString(line.Text)
		b.WriteByte('\n')
	}
	return b.String()
}
