package main

import (
	"strings"
	"testing"
	"time"

	"vigil/integration/labkit"
)

// What happened before the end of a second stands above its line, what happened after it waits; marks are in the order in
// which the requests were made, not in which they ended.
func TestScreenPrintsASecondInOrder(t *testing.T) {
	start := time.UnixMilli(1_000_000)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var out strings.Builder
	s := &screen{out: &out, start: start}
	s.events = []event{{at(1200), "a server dies"}, {at(2100), "later"}}
	for _, r := range []struct {
		ms     int
		server string
	}{{1900, "rs1"}, {1000, "rs1"}, {1500, ""}, {1100, "rs2"}, {999, "rs2"}, {2000, "rs2"}} {
		s.request(labkit.Request{Start: at(r.ms), End: at(r.ms + 5), Server: r.server})
	}
	s.print(at(2000), 1)
	want := "  1.2 s  a server dies\n    1 s  12x1" + strings.Repeat(" ", 48) + "   3 answered, 1 lost\n"
	if got := out.String(); got != want {
		t.Errorf("printed\n%q, want\n%q", got, want)
	}
	out.Reset()
	s.print(at(9000), -1)
	if got, want := out.String(), "  2.1 s  later\n"; got != want {
		t.Errorf("at the end printed %q, want %q", got, want)
	}
	out.Reset()
	s.colored = true
	s.print(at(2000), 1)
	if got := out.String(); !strings.Contains(got, "\x1b[1;31mx") || !strings.Contains(got, "\x1b[36m1") {
		t.Errorf("in colour: %q", got)
	}
}

// A second without any request has no line: the client is not there yet, or not any more.
func TestScreenSaysNothingOfAnEmptySecond(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, start: time.UnixMilli(0)}
	s.print(time.UnixMilli(1000), 0)
	if out.Len() != 0 {
		t.Errorf("printed %q", out.String())
	}
}

func TestScreenReportsASpan(t *testing.T) {
	s := &screen{}
	for _, ms := range []int64{100, 200, 300} {
		s.request(labkit.Request{Start: time.UnixMilli(ms), End: time.UnixMilli(ms + 1), Server: "rs1"})
	}
	if got := s.report(time.UnixMilli(150), time.UnixMilli(250)); got.Requests != 1 {
		t.Errorf("%d requests between 150 and 250 ms, want 1", got.Requests)
	}
}
