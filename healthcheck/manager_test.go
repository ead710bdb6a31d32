package healthcheck

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

const (
	ms  = time.Millisecond
	rs1 = "[192.168.0.1]:tcp:80"
	rs2 = "[192.168.0.2]:tcp:80"
	rs3 = "[192.168.0.3]:tcp:80"
)

func target(n int) netip.AddrPort { return netip.AddrPortFrom(rsAddr(n), 80) }

func TestCase1_StartsUpBeforeAnyCheck(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(2)
		vs.RealServers[1].Checkers = nil
		s := l.run(config(vs))
		if diff := cmp.Diff([]string{vsName + " 192.168.0.1=up 192.168.0.2=up"}, health(s)); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		l.wantChanges() // the Snapshot has told it all
	})
}

func TestCase3_AlphaStartsDownAndItsFirstFailureIsTold(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Alpha = true
		l.watch()
		l.breaks(1)
		l.run(config(vs))
		l.wantHealth(vsName + " 192.168.0.1=down")
		l.until(15 * s)
		l.wantEvents("1s " + rs1 + " up=false weight=1 initial")
		if c := l.checkOf(1); c.Result != "failure" || c.Up {
			t.Errorf("after a failure: %+v", c)
		}
		l.mends(1)
		l.until(25 * s)
		l.wantEvents("21s " + rs1 + " up=true weight=1")
	})
}

func TestAlphaPassesForTheFirstTime(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Alpha = true
		l.watch()
		l.run(config(vs))
		l.until(5 * s)
		l.wantEvents("1s " + rs1 + " up=true weight=1 initial")
	})
}

func TestCase22And24_RetriesThenDownThenUp(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.run(config(pool(2)))
		l.until(5 * s)
		l.breaks(1)
		l.until(12500 * ms)
		l.wantEvents()
		if c := l.checkOf(1); !c.Up || c.ConsecutiveFailures != 2 {
			t.Errorf("between retries: %+v", c)
		}
		l.until(35 * s)
		l.wantEvents("13s " + rs1 + " up=false weight=1")
		l.mends(1)
		l.until(60 * s)
		l.wantEvents("43s " + rs1 + " up=true weight=1")
		want := []time.Duration{1 * s, 11 * s, 12 * s, 13 * s, 23 * s, 33 * s, 43 * s, 53 * s}
		if diff := cmp.Diff(want, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestCase23_FirstFailureEverIsEnough(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(5 * s)
		l.wantEvents("1s " + rs1 + " up=false weight=1 initial")
	})
}

func TestCase26_TwoChecksOfOneServer(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(2)
		second := tcpCheckOf()
		second.Connect.Port = 81
		vs.RealServers[0].Checkers = append(vs.RealServers[0].Checkers, second)
		other := netip.AddrPortFrom(rsAddr(1), 81)
		l.breaks(1)
		l.answers(other, refuses)
		l.run(config(vs))
		l.until(5 * s)
		l.wantChanges(rs1 + " up=false weight=1 initial")
		l.mends(1)
		l.until(15 * s)
		l.wantChanges(rs1 + " up=false weight=1") // of the check alone
		l.wantHealth(vsName + " 192.168.0.1=down 192.168.0.2=up")
		l.answers(other, nil)
		l.until(25 * s)
		l.wantChanges(rs1 + " up=true weight=1")
	})
}

// httpPool is a pool of one server with an HTTP_GET of three URLs.
func httpPool(fast bool) *confparse.VirtualServer {
	vs := pool(1)
	vs.RealServers[0].Checkers = []*confparse.Checker{{
		Kind: confparse.HTTPGet, DelayLoop: 3 * time.Second, Retry: 1, DelayBeforeRetry: 5 * time.Second,
		Connect: confparse.Connect{Addr: rsAddr(1), Port: 80, Timeout: time.Second},
		HTTP:    &confparse.HTTPCheck{FastRecovery: fast, URLs: []confparse.URL{{Path: "/1"}, {Path: "/2"}, {Path: "/3"}}},
	}}
	return vs
}

func TestCase42_URLWalk(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.run(config(httpPool(false)))
		l.answers(target(1), func(url int) Result {
			if url == 1 && time.Since(l.start) > 10*s && time.Since(l.start) < 30*s {
				return failed(CodeAnswerStatus, httpStatusError, nil)
			}
			return passed(CodeAnswered, httpStatusSuccess)
		})
		l.until(48 * s)
		var urls []string
		for _, a := range l.attempts {
			urls = append(urls, a.String())
		}
		want := []string{
			"1s 192.168.0.1:80 url0", "4s 192.168.0.1:80 url1", "7s 192.168.0.1:80 url2", "10s 192.168.0.1:80 url0",
			"13s 192.168.0.1:80 url1", "18s 192.168.0.1:80 url1", "23s 192.168.0.1:80 url1", "28s 192.168.0.1:80 url1",
			"33s 192.168.0.1:80 url1", "36s 192.168.0.1:80 url0", "39s 192.168.0.1:80 url1", "42s 192.168.0.1:80 url2",
			"45s 192.168.0.1:80 url0", "48s 192.168.0.1:80 url1",
		}
		if diff := cmp.Diff(want, urls); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		l.wantEvents("18s "+rs1+" up=false weight=1",
			"42s "+rs1+" up=true weight=1")
	})
}

func TestCase42_FastRecovery(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(httpPool(true)))
		l.until(2 * s)
		if at := l.made(target(1)); len(at) != 3 || at[2]-at[0] > 100*ms {
			t.Errorf("attempts %v, want the three URLs without a pause", at)
		}
	})
}

// records counts what is logged; what it says is the business of words.go.
type records struct {
	slog.Handler
	mu sync.Mutex
	n  int
}

// Enabled implements slog.Handler.
func (r *records) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (r *records) Handle(context.Context, slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	return nil
}

func (r *records) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// TestLogAllFailures counts the lines of failures that are not yet a verdict.
func TestLogAllFailures(t *testing.T) {
	for _, tt := range []struct {
		all  bool
		want []int // lines at 11.5, 12.5, 13.5 and 23.5 s: two retries, the verdict, and nothing more
	}{{false, []int{0, 0, 1, 1}}, {true, []int{1, 2, 4, 4}}} {
		log := &records{}
		inLab(t, Options{Logger: slog.New(log)}, func(l *lab) {
			vs := pool(1)
			vs.RealServers[0].Checkers[0].LogAllFailures = tt.all
			l.run(config(vs))
			l.until(5 * s)
			before := log.count()
			l.breaks(1)
			for i, at := range []time.Duration{11500 * ms, 12500 * ms, 13500 * ms, 23500 * ms} {
				l.until(at)
				if got := log.count() - before; got != tt.want[i] {
					t.Errorf("log_all_failures %v: %d lines at %v, want %d", tt.all, got, at, tt.want[i])
				}
			}
		})
	}
}

// TestMailboxCoalesces has a server that flaps while nobody looks: only its latest state is handed out.
func TestMailboxCoalesces(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(2)
		vs.RealServers[0].Checkers[0].Retry = 0
		l.run(config(vs))
		l.until(5 * s)
		for range 3 {
			l.breaks(1)
			time.Sleep(10 * time.Second)
			l.mends(1)
			time.Sleep(10 * time.Second)
		}
		l.breaks(1)
		l.breaks(2)
		time.Sleep(20 * time.Second)
		select {
		case <-l.m.Changed():
		default:
			t.Error("no signal")
		}
		l.wantChanges(rs1+" up=false weight=1", rs2+" up=false weight=1")
		select {
		case <-l.m.Changed():
			t.Error("a second signal")
		default:
		}
		l.wantChanges()
	})
}

func TestStatusOfAServerThatIsDown(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		l.answers(target(1), func(int) Result { return failed(CodeConnectFailed, tcpFailed, errors.New("invalid")) })
		l.takes(250 * time.Millisecond)
		l.run(config(vs))
		l.until(12 * s)
		want := Status{VirtualServers: []VirtualServerStatus{{ID: vs.ID, Name: "[10.0.0.1]:tcp:80",
			RealServers: []RealServerStatus{{ID: vs.RealServers[0].ID, Name: "[192.168.0.1]:tcp:80", Weight: 1, Checks: []CheckStatus{{
				Kind: "TCP_CHECK", Target: "192.168.0.1:80", Result: "failure", Code: "L4CON", Summary: "L4CON 250ms", Reason: "failed", Error: "invalid",
				TookSeconds: 0.25, LastCompleted: time.Date(2000, 1, 1, 0, 0, 11, 5e8, time.UTC), ConsecutiveFailures: 2, Decided: true, SharedBy: 1,
			}}}}}}}
		if diff := cmp.Diff(want, l.m.Status(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestAlphaOfAWebServer: that a server which alpha holds down is down is no news of HTTP_GET and SSL_GET, as it is of the others;
// that it comes up is.
func TestAlphaOfAWebServer(t *testing.T) {
	for kind, want := range map[confparse.CheckerKind][]string{
		confparse.TCPCheck: {"1s " + rs1 + " up=false weight=1 initial", "21s " + rs1 + " up=true weight=1"},
		confparse.HTTPGet:  {"31s " + rs1 + " up=true weight=1"}, confparse.SSLGet: {"31s " + rs1 + " up=true weight=1"},
	} {
		inLab(t, Options{}, func(l *lab) {
			vs := pool(1)
			check := vs.RealServers[0].Checkers[0]
			check.Alpha, check.Kind = true, kind
			if kind != confparse.TCPCheck {
				check.HTTP = &confparse.HTTPCheck{URLs: []confparse.URL{{Path: "/"}}}
			}
			l.watch()
			l.breaks(1)
			l.run(config(vs))
			l.until(15 * s)
			l.mends(1)
			l.until(45 * s)
			l.wantEvents(want...)
		})
	}
}
