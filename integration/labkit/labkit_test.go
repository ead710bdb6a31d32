package labkit

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/testlan"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func at(ms int) time.Time { return time.UnixMilli(1_000_000 + int64(ms)) }

func TestSummarize(t *testing.T) {
	answered := func(start, took int, name string) Request {
		return Request{Start: at(start), End: at(start + took), Server: name}
	}
	failed := func(start int) Request { return Request{Start: at(start), End: at(start + 900), Err: "timeout"} }
	for _, test := range []struct {
		name     string
		requests []Request
		want     Report
	}{
		{"nothing heard", nil, Report{Servers: map[string]int{}, Gap: time.Second, GapStart: at(0), Outage: time.Second}},
		{"steady", []Request{answered(100, 10, "a"), answered(500, 10, "b"), answered(900, 30, "a")},
			Report{Requests: 3, Servers: map[string]int{"a": 2, "b": 1}, Gap: 420 * time.Millisecond, GapStart: at(510),
				Outage: 400 * time.Millisecond, Typical: 10 * time.Millisecond, Slowest: 30 * time.Millisecond}},
		{"an outage, and what is outside of the window", []Request{answered(-50, 10, "a"), answered(10, 10, "a"), failed(30), failed(500),
			answered(980, 10, "b"), answered(1100, 10, "b")},
			Report{Requests: 4, Failed: 2, Servers: map[string]int{"a": 1, "b": 1}, Gap: 970 * time.Millisecond, GapStart: at(20),
				Outage: 970 * time.Millisecond, Typical: 10 * time.Millisecond, Slowest: 10 * time.Millisecond, FirstFail: "timeout"}},
		{"answers out of order", []Request{answered(200, 700, "a"), answered(400, 10, "b")},
			Report{Requests: 2, Servers: map[string]int{"a": 1, "b": 1}, Gap: 490 * time.Millisecond, GapStart: at(410),
				Outage: 600 * time.Millisecond, Typical: 700 * time.Millisecond, Slowest: 700 * time.Millisecond}},
		{"an answer after the window is no answer in it", []Request{answered(900, 500, "a")},
			Report{Requests: 1, Servers: map[string]int{"a": 1}, Gap: time.Second, GapStart: at(0), Outage: 900 * time.Millisecond, Typical: 500 * time.Millisecond, Slowest: 500 * time.Millisecond}},
	} {
		if diff := cmp.Diff(test.want, Summarize(test.requests, at(0), at(1000))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestNoise(t *testing.T) {
	for _, test := range []struct {
		report Report
		delay  time.Duration
		failed int
		allows time.Duration
		excuse int
	}{
		{Report{Gap: controlInterval}, 0, 0, 100 * time.Millisecond, 0},
		{Report{Gap: 30 * time.Millisecond}, 0, 0, 100 * time.Millisecond, 0},
		{Report{Gap: controlInterval + 99*time.Millisecond}, 99 * time.Millisecond, 0, 397 * time.Millisecond, 0},
		{Report{Gap: controlInterval + 100*time.Millisecond, Failed: 2}, 100 * time.Millisecond, 2, 400 * time.Millisecond, 25},
	} {
		n := noise(test.report)
		if n.Delay != test.delay || n.Failed != test.failed || n.Allowance() != test.allows || n.Excused() != test.excuse {
			t.Errorf("%v: %+v, which allows %v and excuses %d; want %+v", test.report, n, n.Allowance(), n.Excused(), test)
		}
	}
}

func TestLongestChange(t *testing.T) {
	spans := []span{{at(0), at(500)}, {at(600), at(610)}, {at(700), at(730)}, {at(800), at(1800)}}
	for _, test := range []struct{ from, to, want int }{{500, 800, 30}, {499, 800, 500}, {605, 700, 10}, {605, 801, 1000}, {731, 799, 0}} {
		if got := longest(spans, at(test.from), at(test.to)); got != time.Duration(test.want)*time.Millisecond {
			t.Errorf("from %d to %d: %v, want %d ms", test.from, test.to, got, test.want)
		}
	}
}

func TestParseRequest(t *testing.T) {
	got, err := parseRequest("1000 2500 rs1 ")
	if want := (Request{Start: time.Unix(0, 1000), End: time.Unix(0, 2500), Server: "rs1"}); err != nil || got != want {
		t.Errorf("answered: %+v, %v; want %+v", got, err, want)
	}
	got, err = parseRequest("1000 2500 - dial tcp: i/o timeout")
	if want := (Request{Start: time.Unix(0, 1000), End: time.Unix(0, 2500), Err: "dial tcp: i/o timeout"}); err != nil || got != want {
		t.Errorf("failed: %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "1 2 rs1", "x 2 rs1 ", "1 y rs1 "} {
		if got, err := parseRequest(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestParseTable(t *testing.T) {
	const listing = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.100:443 sh persistent 3600
  -> 192.0.2.12:443               Route   1      0          7         
  -> 192.0.2.11:443               Route   2      1          30        
UDP  192.0.2.100:53 rr ops
FWM  7 wlc
  -> 10.10.0.11:8080              Masq    0      0          0         
`
	want := Table{
		"TCP 192.0.2.100:443 sh persistent 3600": {"192.0.2.11:443 Route 2", "192.0.2.12:443 Route 1"},
		"UDP 192.0.2.100:53 rr ops":              nil,
		"FWM 7 wlc":                              {"10.10.0.11:8080 Masq 0"},
	}
	got, err := parseTable(listing)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"  -> 192.0.2.12:443 Route 1 0 7\n", "TCP 192.0.2.1:80 rr\n  -> 192.0.2.12:443 Route\n"} {
		if got, err := parseTable(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

// Both kinds of director must be able to read what the scenarios write: braces match, and each setting is there once.
func TestRender(t *testing.T) {
	for _, mode := range []Mode{Local, DR, NAT, TUN} {
		s := Settings{Mode: mode, Version: 3, Advert: "0.1", Pass: mode == DR, Priority: [2]int{150, 100}}
		master, backup := s.Render(0), s.Render(1)
		for _, text := range []string{master, backup} {
			if strings.Count(text, "{") != strings.Count(text, "}") {
				t.Errorf("%s: braces do not match:\n%s", mode, text)
			}
		}
		for word, want := range map[string]int{"state MASTER": 1, "priority 150": 1, "advert_int 0.1": 1, "vrrp_version 3": 1,
			"192.0.2.100/24": 1, "auth_type PASS": map[Mode]int{DR: 1}[mode], "10.10.0.1/24 dev eth1": map[Mode]int{NAT: 1}[mode],
			"real_server": map[Mode]int{Local: 0, DR: 2, NAT: 2, TUN: 2}[mode]} {
			if got := strings.Count(master, word); got != want {
				t.Errorf("%s: %q is there %d times, want %d:\n%s", mode, word, got, want, master)
			}
		}
		if !strings.Contains(backup, "state BACKUP") || !strings.Contains(backup, "priority 100") {
			t.Errorf("%s: the backup's file:\n%s", mode, backup)
		}
		if s.Often = true; mode != Local && !strings.Contains(s.Render(0), "delay_loop 1\n") {
			t.Errorf("%s with frequent checks:\n%s", mode, s.Render(0))
		}
		s.Omit = []string{"rs2"}
		if text := s.Render(0); mode != Local && (strings.Count(text, "real_server") != 1 || !strings.Contains(text, serverAddress(mode, 0).String())) {
			t.Errorf("%s without rs2:\n%s", mode, text)
		}
	}
}

// A client and a server on a segment: steady answers, a death that the prober and the holder notice, each in its way, and a
// connection without a request that the server takes for a health check.
func TestClientsAndServer(t *testing.T) {
	testlan.RequireNetns(t)
	p, err := NewPair(Local, [2]Program{Keepalived(), Keepalived()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	server := &Server{Name: "extra", Host: p.Directors[0].Host, ports: []string{"192.0.2.2:81"}}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort("192.0.2.2:81")

	source := ClientSources()[3]
	requests, err := Ask(ctx, p.Client, source, to, 3)
	if err != nil || len(requests) != 3 || slices.ContainsFunc(requests, func(r Request) bool { return r.Server != "extra" }) {
		t.Errorf("Ask: %v, %+v; want three answers of extra", err, requests)
	}
	if _, err := p.Client.Output(ctx, "bash", "-c", "exec 3<>/dev/tcp/192.0.2.2/81"); err != nil {
		t.Error(err)
	}
	if err := server.WaitChecked(ctx, netip.MustParseAddr("192.0.2.200"), 81, server.Process.Started); err != nil {
		t.Error(err)
	}

	if err := testlan.Until(ctx, "the control is answered", func() error {
		if len(p.control.Requests()) < 5 {
			return errors.New("not yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if r := Summarize(p.control.Requests(), time.Time{}, time.Now()); r.Servers["control"] != r.Requests {
		t.Errorf("of the control the client saw %v", r)
	}
	prober, err := StartProber(p.Client, to, 10*time.Millisecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	holder, err := StartHolder(p.Client, to, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := testlan.Until(ctx, "both clients are answered", func() error {
		if len(prober.Requests()) < 5 || len(holder.Requests()) < 5 {
			return errors.New("not yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	died := time.Now()
	server.Process.Kill()
	if err := testlan.Until(ctx, "both clients notice", func() error {
		if holder.Running() || Summarize(prober.Requests(), died, time.Now()).Failed == 0 {
			return errors.New("not yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all, err := prober.Stop()
	all = slices.DeleteFunc(all, func(r Request) bool { return !r.End.Before(died) })
	if r := Summarize(all, died.Add(-time.Hour), died); err != nil || r.Failed != 0 || r.Servers["extra"] == 0 {
		t.Errorf("before the death: %v, %v", err, r)
	}
	held, _ := holder.Stop() // its exit status tells that the connection broke
	if last := held[len(held)-1]; last.Err == "" || held[0].Server != "extra" {
		t.Errorf("the holder's first and last request: %+v, %+v", held[0], last)
	}
}
