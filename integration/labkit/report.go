package labkit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request is one request of a client.
type Request struct {
	Start, End time.Time
	Server     string // who answered; empty when it failed
	Err        string // why it failed
}

// parseRequest reads a line of recorder.
func parseRequest(line string) (Request, error) {
	f := strings.SplitN(line, " ", 4)
	if len(f) != 4 {
		return Request{}, fmt.Errorf("not a request: %q", line)
	}
	start, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		return Request{}, err
	}
	end, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return Request{}, err
	}
	r := Request{Start: time.Unix(0, start), End: time.Unix(0, end), Server: f[2], Err: f[3]}
	if r.Server == "-" {
		r.Server = ""
	}
	return r, nil
}

// Report sums up what a client saw.
type Report struct {
	Requests  int
	Failed    int
	Servers   map[string]int // answered requests by server
	Gap       time.Duration  // the longest time in which no request was answered
	GapStart  time.Time
	Outage    time.Duration // the longest time in which no request began that was answered, however long the answer took
	Slowest   time.Duration // the slowest answered request
	Typical   time.Duration // the median answered request
	FirstFail string        // the first failure's reason
}

// Summarize looks at the requests that were started in a window of time. The window's edges count as answers, so that a
// client that hears nothing at all shows a gap as long as the window.
func Summarize(all []Request, from, to time.Time) Report {
	r := Report{Servers: map[string]int{}}
	var answers, begun []time.Time
	var took []time.Duration
	for _, q := range all {
		if q.Start.Before(from) || q.Start.After(to) {
			continue
		}
		r.Requests++
		if q.Server == "" {
			r.Failed++
			if r.FirstFail == "" {
				r.FirstFail = q.Err
			}
			continue
		}
		r.Servers[q.Server]++
		took = append(took, q.End.Sub(q.Start))
		begun = append(begun, q.Start)
		if q.End.Before(to) {
			answers = append(answers, q.End)
		}
	}
	slices.SortFunc(answers, time.Time.Compare)
	last := from
	for _, at := range append(answers, to) {
		if gap := at.Sub(last); gap > r.Gap {
			r.Gap, r.GapStart = gap, last
		}
		last = at
	}
	slices.SortFunc(begun, time.Time.Compare)
	last = from
	for _, at := range append(begun, to) {
		r.Outage = max(r.Outage, at.Sub(last))
		last = at
	}
	if len(took) > 0 {
		slices.Sort(took)
		r.Typical, r.Slowest = took[len(took)/2], took[len(took)-1]
	}
	return r
}

// String is one line for a log.
func (r Report) String() string {
	var servers []string
	for _, name := range slices.Sorted(maps.Keys(r.Servers)) {
		servers = append(servers, fmt.Sprintf("%s %d", name, r.Servers[name]))
	}
	s := fmt.Sprintf("%d requests, %d failed, longest gap %d ms, outage %d ms, median %.1f ms, slowest %d ms, %s", r.Requests, r.Failed,
		r.Gap.Milliseconds(), r.Outage.Milliseconds(), float64(r.Typical.Microseconds())/1000, r.Slowest.Milliseconds(), strings.Join(servers, ", "))
	if r.FirstFail != "" {
		s += ", first failure: " + r.FirstFail
	}
	return s
}
