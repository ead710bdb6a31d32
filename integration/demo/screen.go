package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"vigil/integration/labkit"
)

// settle is how long after a second its line is printed: by then every request of that second has ended, one way or the other.
const settle = time.Second

// screen prints what happens and, for every second, one line with a mark for each request in the order they were made. All is
// printed a second late, so that the lines are in the order of what they tell.
type screen struct {
	out     io.Writer
	colored bool
	start   time.Time

	mu       sync.Mutex
	requests []labkit.Request
	events   []event
	done     chan struct{}
	finished chan struct{}
}

type event struct {
	at   time.Time
	text string
}

func newScreen(out io.Writer, colored bool) *screen {
	s := &screen{out: out, colored: colored, start: time.Now(), done: make(chan struct{}), finished: make(chan struct{})}
	go s.run()
	return s
}

// request records one request of the client.
func (s *screen) request(r labkit.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
}

// say records that something happens now.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event{time.Now(), fmt.Sprintf(format, args...)})
}

// between returns the requests that were started in a span of time.
func (s *screen) report(from, to time.Time) labkit.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return labkit.Summarize(s.requests, from, to)
}

// close prints what is left.
func (s *screen) close() {
	close(s.done)
	<-s.finished
}

func (s *screen) run() {
	defer close(s.finished)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for second := 0; ; second++ {
		end := s.start.Add(time.Duration(second+1) * time.Second)
		for time.Now().Before(end.Add(settle)) {
			select {
			case <-s.done:
				s.print(time.Now(), -1)
				return
			case <-tick.C:
			}
		}
		s.print(end, second)
	}
}

// print shows the events before a moment and then the line of one second, if it has one.
func (s *screen) print(until time.Time, second int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.events) > 0 && s.events[0].at.Before(until) {
		fmt.Fprintf(s.out, "%s%5.1f s  %s%s\n", s.style("1"), s.events[0].at.Sub(s.start).Seconds(), s.events[0].text, s.style("0"))
		s.events = s.events[1:]
	}
	if second < 0 {
		return
	}
	var now []labkit.Request
	for _, r := range s.requests {
		if !r.Start.Before(until.Add(-time.Second)) && r.Start.Before(until) {
			now = append(now, r)
		}
	}
	if len(now) == 0 {
		return
	}
	slices.SortFunc(now, func(a, b labkit.Request) int { return a.Start.Compare(b.Start) })
	var marks strings.Builder
	lost := 0
	for _, r := range now {
		switch r.Server {
		case "rs1":
			marks.WriteString(s.style("36") + "1")
		case "rs2":
			marks.WriteString(s.style("32") + "2")
		default:
			lost++
			marks.WriteString(s.style("1;31") + "x")
		}
	}
	pad := strings.Repeat(" ", max(0, 52-len(now)))
	tail := fmt.Sprintf("%2d answered", len(now)-lost)
	if lost > 0 {
		tail += fmt.Sprintf(", %s%d lost%s", s.style("1;31"), lost, s.style("0"))
	}
	fmt.Fprintf(s.out, "%5d s  %s%s%s  %s\n", second, marks.String(), s.style("0"), pad, tail)
}

// style is an ANSI escape, where there is colour.
func (s *screen) style(code string) string {
	if !s.colored {
		return ""
	}
	return "\x1b[" + code + "m"
}
