package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vigil/internal/status"
)

const (
	// askLimit is how long a daemon may take to answer.
	askLimit = 10 * time.Second
	// maxAnswer bounds what is read: thousands of instances have a few kilobytes each.
	maxAnswer = 64 << 20
)

// explainCommand asks a running daemon why its virtual routers are what they are.
func explainCommand(args []string, s streams) (int, error) {
	f := newFlags("explain", "[INSTANCE]\n\nAsks a running daemon why the instance, or each, is what it is: what its priority is made of, what keeps it in\nFAULT, who was heard, what is wrong between it and the others, and what would change it.", s)
	address := f.String("address", status.DefaultListen, "where the daemon listens (its --metrics-listen)")
	asJSON := f.Bool("json", false, "for programs")
	if err := parse(f, args, 0, 1); err != nil {
		return exitOK, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	answer, err := ask(ctx, *address, f.Arg(0))
	if err != nil {
		return exitErrors, err
	}
	if *asJSON {
		_, err := s.out.Write(answer)
		return exitOK, err
	}
	var all status.Explanations
	if err := json.Unmarshal(answer, &all); err != nil {
		return exitErrors, fmt.Errorf("the answer of %s: %w", *address, err)
	}
	return exitOK, writeExplanations(s.out, all)
}

// ask gets what the daemon at address says of an instance, or of all for "".
func ask(ctx context.Context, address, instance string) ([]byte, error) {
	u := url.URL{Scheme: "http", Host: address, Path: "/explain"}
	if instance != "" {
		u.RawQuery = url.Values{"instance": {instance}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("no daemon answers at %s, where --metrics-listen of it is to be: %w", address, err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s: %w", address, err)
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(body)))
	}
	return body, nil
}

// writeExplanations prints one paragraph for each instance.
func writeExplanations(w io.Writer, all status.Explanations) error {
	var b strings.Builder
	if len(all.Instances) == 0 {
		b.WriteString("no instance runs\n")
	}
	for i, e := range all.Instances {
		if i > 0 {
			b.WriteString("\n")
		}
		explain(&b, e, all.At)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func explain(b *strings.Builder, e status.Explanation, now time.Time) {
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	line("%s (VRID %d on %s): %s for %v", e.Name, e.VRID, orNone(e.Interface), e.State, ago(now, e.Since))
	by := ""
	if e.By.IsValid() {
		by = fmt.Sprintf(" (%v, priority %d)", e.By, e.ByPriority)
	}
	line("  from %s: %s%s", e.From, e.Cause, by)
	line("  priority %d", e.EffectivePriority)
	line("    %+4d  configured", e.BasePriority)
	for _, c := range e.Contributions {
		line("    %+4d  %s %s %s, weight %d%s", c.Points, c.Kind, c.Name, valueWord(c.Kind, c.Value), c.Weight, reverseWord(c.Reverse))
	}
	for _, v := range e.Vetoes {
		mark := "ok"
		switch {
		case v.Fails:
			mark = "FAULT"
		case !v.Known:
			mark = "wait"
		}
		line("    %-5s %s %s %s%s", mark, v.Kind, v.Name, valueWord(v.Kind, v.Value), reverseWord(v.Reverse))
	}
	for _, f := range e.Failures {
		line("  failed: %s: %s", f.Resource, f.Error)
	}
	for _, h := range e.Heard {
		heard(line, h, now)
	}
	for _, r := range e.Rivals {
		rival(line, r, now)
	}
	for _, m := range e.Mismatches {
		consequence := "its adverts count all the same"
		if m.Refused {
			consequence = "its adverts are refused"
		}
		line("  MISMATCH of %s with %v: theirs %s, ours %s; %d times, %v ago; %s", m.Kind, m.Address, m.Theirs, m.Ours, m.Times, ago(now, m.At), consequence)
	}
	if l := e.Lateness; l != nil {
		line("  own adverts: the latest %v late %v ago, the worst %v late %v ago; a backup tolerates %v", late(l.LatestSeconds), ago(now, l.LatestAt),
			late(l.WorstSeconds), ago(now, l.WorstAt), late(l.ToleratedSeconds))
	}
	if e.Next != "" && !e.NextAt.IsZero() {
		line("  next: %s in %v", e.Next, max(0, e.NextAt.Sub(now)).Round(time.Millisecond))
	}
	for _, c := range e.Changes {
		line("  %s", c)
	}
}

func heard(line func(string, ...any), h status.Heard, now time.Time) {
	refused := ""
	if h.Rejected > 0 {
		refused = fmt.Sprintf(", %d packets refused (%s)", h.Rejected, h.Reason)
	}
	switch {
	case h.At.IsZero() && h.UnicastPeer && h.Rejected == 0:
		line("  never heard %v, a unicast peer (which says nothing unless it is MASTER)", h.Address)
	case h.At.IsZero():
		line("  heard of %v nothing of use%s", h.Address, refused)
	case h.Resigned:
		line("  heard %v %v ago: it resigned%s", h.Address, ago(now, h.At), refused)
	case h.Silent:
		line("  SILENT %v: it was MASTER with priority %d, every %v, and has said nothing for %v, without having resigned%s", h.Address, h.Priority,
			time.Duration(h.IntervalSeconds), ago(now, h.At), refused)
	default:
		line("  heard %v %v ago: priority %d, every %v%s", h.Address, ago(now, h.At), h.Priority, time.Duration(h.IntervalSeconds), refused)
	}
}

func rival(line func(string, ...any), r status.Rival, now time.Time) {
	line("  RIVAL %v is MASTER too: priority %d, %d adverts in %v, the latest %v ago", r.Address, r.Priority, r.Adverts, ago(r.At, r.Since), ago(now, r.At))
	if r.OneWay {
		line("    ONE-WAY: it goes on although it has to give way, so it does not hear this router: %s", r.Causes)
	}
}

// late is a lateness, as exactly as it matters.
func late(s status.Seconds) time.Duration { return time.Duration(s).Round(10 * time.Microsecond) }

// ago is how long at was before now, as exactly as it matters.
func ago(now, at time.Time) time.Duration {
	d := max(0, now.Sub(at))
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

func valueWord(kind string, value int) string {
	switch {
	case kind == "file":
		return fmt.Sprintf("says %d", value)
	case value == 0:
		return "is down"
	}
	return "is up"
}

func reverseWord(reverse bool) string {
	if reverse {
		return ", reverse"
	}
	return ""
}

func orNone(link string) string {
	if link == "" {
		return "no interface"
	}
	return link
}
