package healthcheck

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"vigil/confparse"
)

// bfdPool is a pool of two servers that follow the session b, the second with alpha.
func bfdPool() *confparse.Config {
	vs := pool(2)
	for i, rs := range vs.RealServers {
		rs.Checkers = []*confparse.Checker{{Kind: confparse.BFDCheck, Alpha: i == 1, Detail: &confparse.BFDDetail{Name: "b"}}}
	}
	return config(vs)
}

// TestBFDCheck is §2.6: a server is up exactly while the session is; before anything has been heard of that it is up, or
// down with alpha.
func TestBFDCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		sessions := NewBFDSessions()
		m := NewManager(Options{BFD: sessions, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		states := func() string {
			out := ""
			for _, rs := range m.Status().VirtualServers[0].RealServers {
				out += map[bool]string{true: "+", false: "-"}[rs.Up]
			}
			return out
		}
		apply := func(c *confparse.Config) { m.Apply(FromConfig(c)) }
		apply(bfdPool())
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		if got := states(); got != "+-" {
			t.Errorf("nothing is known: %s", got)
		}
		for _, tt := range []struct {
			up           bool
			want, change string
		}{{true, "++", "+"}, {true, "++", ""}, {false, "--", "--"}, {false, "--", ""}, {true, "++", "++"}} {
			sessions.Set("other", !tt.up)
			sessions.Set("b", tt.up)
			changes := ""
			for _, c := range m.Take() {
				changes += map[bool]string{true: "+", false: "-"}[c.Up]
			}
			if got := states(); got != tt.want || changes != tt.change {
				t.Errorf("up %v: %s by %q, want %s by %q", tt.up, got, changes, tt.want, tt.change)
			}
		}
		for _, line := range []string{"BFD check of [b] RS([192.168.0.1]:tcp:80) is UP", "BFD check of [b] RS([192.168.0.2]:tcp:80) is DOWN"} {
			if !strings.Contains(log.String(), line) {
				t.Errorf("the log has no %q:\n%s", line, &log)
			}
		}
		check := m.Status().VirtualServers[0].RealServers[0].Checks[0]
		if check.Kind != "BFD_CHECK" || check.Target != "b" || !check.Up || check.Result != "success" || check.Overdue {
			t.Errorf("%+v", check)
		}

		sessions.Set("b", false)
		apply(bfdPool()) // the same again
		if got := states(); got != "--" {
			t.Errorf("after a reload: %s", got)
		}
		apply(config()) // no check follows it any more
		if len(sessions.followers) != 0 {
			t.Errorf("followed by %v", sessions.followers)
		}
		sessions.Set("b", true)
		apply(bfdPool()) // and what was heard meanwhile counts from the start
		if got := states(); got != "++" {
			t.Errorf("back: %s", got)
		}
		apply(config())
		sessions.Forget("b")
		apply(bfdPool())
		if got := states(); got != "+-" {
			t.Errorf("of a session that is forgotten nothing is known: %s", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestBFDCheckBesidesOthers: it counts like any other check.
func TestBFDCheckBesidesOthers(t *testing.T) {
	c := bfdPool()
	rs := c.VirtualServers[0].RealServers[0]
	rs.Checkers = append(rs.Checkers, tcpCheckOfServer(1))
	sessions := NewBFDSessions()
	sessions.Set("b", false)
	inLab(t, Options{BFD: sessions}, func(l *lab) {
		if got := l.m.Apply(FromConfig(c)).VirtualServers[0].RealServers[0]; got.Up {
			t.Error("up with a session that is down")
		}
		sessions.Set("b", true)
		if got := l.m.Apply(FromConfig(c)).VirtualServers[0].RealServers[0]; !got.Up {
			t.Error("down with a session that is up")
		}
	})
	if NewManager(Options{}).Apply(FromConfig(bfdPool())); NewBFDSessions().up["b"] {
		t.Error("without anybody who tells, something is told")
	}
}
