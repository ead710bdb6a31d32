package healthcheck

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// wantAttempts compares when a server was asked.
func (l *lab) wantAttempts(n int, want ...time.Duration) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.made(target(n))); diff != "" {
		l.t.Errorf("attempts on server %d (-want +got):\n%s", n, diff)
	}
}

// TestCheckCase22: a server that was up is removed after retry+1 failures, delay_before_retry apart.
func TestCheckCase22(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.run(config(pool(2)))
		l.until(10 * s)
		l.breaks(1)
		l.until(30 * s)
		l.wantAttempts(1, 1*s, 11*s, 12*s, 13*s, 23*s)
		l.wantEvents("13s " + rs1 + " up=false weight=1")
		l.wantHealth(vsName + " 192.168.0.1=down 192.168.0.2=up")
	})
}

// TestCheckCase23: one that was never found up is removed after the first failure.
func TestCheckCase23(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(9 * s)
		l.wantAttempts(1, 1*s)
		l.wantEvents("1s " + rs1 + " up=false weight=1 initial")
	})
}

// TestCheckCase24: one that is down is asked every delay_loop, without retries, and is back with its weight by one success.
func TestCheckCase24(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Weight = 7
		l.watch()
		l.breaks(1)
		l.run(config(vs))
		l.until(25 * s)
		l.mends(1)
		l.until(35 * s)
		l.wantAttempts(1, 1*s, 11*s, 21*s, 31*s)
		l.wantEvents("1s "+rs1+" up=false weight=7 initial", "31s "+rs1+" up=true weight=7")
	})
}

// TestCheckCase26: of two checks that fail, the first takes the server out and the last brings it back.
func TestCheckCase26(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		second := tcpCheckOf()
		second.Kind, second.Connect.Port = confparse.PingCheck, 0
		vs.RealServers[0].Checkers = append(vs.RealServers[0].Checkers, second)
		host := second.Connect.Addr
		ping := CheckSpec{addr: host}.Target()
		l.watch()
		l.breaks(1)
		l.answers(ping, refuses)
		l.run(config(vs))
		l.until(5 * s)
		down := rs1 + " up=false weight=1"
		l.wantEvents("1s " + down + " initial")
		l.mends(1)
		l.until(15 * s)
		l.wantEvents("11s " + down) // of the check alone
		l.answers(ping, nil)
		l.until(25 * s)
		l.wantEvents("21s " + rs1 + " up=true weight=1")
	})
}

// TestCheckCase51: a reload leaves a server down whose check is the same, and takes one in whose check is another.
func TestCheckCase51(t *testing.T) {
	for _, kind := range []confparse.CheckerKind{confparse.TCPCheck, confparse.SMTPCheck, confparse.DNSCheck, confparse.UDPCheck} {
		inLab(t, Options{}, func(l *lab) {
			vs := pool(1)
			ck := vs.RealServers[0].Checkers[0]
			ck.Kind = kind
			l.breaks(1)
			l.run(config(vs))
			l.until(30 * s)
			l.wantHealth(vsName + " 192.168.0.1=down")
			if got := health(l.m.Apply(FromConfig(config(vs)))); got[0] != vsName+" 192.168.0.1=down" {
				t.Errorf("%v: after a reload with nothing changed: %s", kind, got)
			}
			ck.DelayLoop, ck.Retry = 5*s, 9
			if got := health(l.m.Apply(FromConfig(config(vs)))); got[0] != vsName+" 192.168.0.1=down" {
				t.Errorf("%v: after a reload of its timing: %s", kind, got)
			}
			ck.Connect.Port = 8080
			if got := health(l.m.Apply(FromConfig(config(vs)))); got[0] != vsName+" 192.168.0.1=up" {
				t.Errorf("%v: after a reload of connect_port: %s", kind, got)
			}
		})
	}
}

// TestWhatAReloadCarriesOver: the verdict of a check stays where the question is the same (§1.12).
func TestWhatAReloadCarriesOver(t *testing.T) {
	ask := func(kind confparse.CheckerKind, detail any) question {
		return kinds[kind].ask(&confparse.Checker{Kind: kind, Detail: detail})
	}
	mail := func(name string) question { return ask(confparse.SMTPCheck, &confparse.SMTPDetail{HELO: name}) }
	dns := func(kind, name string) question {
		return ask(confparse.DNSCheck, &confparse.DNSDetail{Type: kind, Name: name})
	}
	udp := func(payload string) question {
		return ask(confparse.UDPCheck, &confparse.UDPDetail{Payload: []byte(payload)})
	}
	for _, tt := range []struct {
		name   string
		before question
		after  question
		want   bool
	}{
		{"helo_name", mail("a"), mail("b"), false}, {"no other helo_name", mail("a"), mail("a"), true},
		{"name", dns("A", "a."), dns("A", "b."), false}, {"type", dns("A", "a."), dns("MX", "a."), false},
		{"no other name", dns("A", "a"), dns("A", "a."), true},
		{"payload, which is not looked at", udp("a"), udp("b"), true}, {"kind", udp("a"), mail("a"), false},
	} {
		if got := tt.before.same(tt.after); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestMailChecksInsist: SMTP_CHECK makes its retries before its first verdict and while it is down too (§2.3).
func TestMailChecksInsist(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Kind = confparse.SMTPCheck
		l.watch()
		l.breaks(1)
		l.run(config(vs))
		l.until(22 * s)
		l.wantAttempts(1, 1*s, 2*s, 3*s, 13*s, 14*s, 15*s)
		l.wantEvents("3s " + rs1 + " up=false weight=1 initial")
		l.mends(1)
		l.until(26 * s)
		l.wantEvents("25s " + rs1 + " up=true weight=1")
		l.answers(target(1), func(int) Result { return postponed(errors.New("no descriptor")) })
		l.until(60 * s)
		l.wantEvents()
	})
}

// TestEqualEchoesAreSentOnce: of one host that has servers on several ports, there is one question.
func TestEqualEchoesAreSentOnce(t *testing.T) {
	text := "PING_CHECK {\n}\n}\nreal_server 10.0.0.1 8081 {\nPING_CHECK {\n}\n}\nreal_server 10.0.0.1 8082 {\nPING_CHECK {\nbind_if eth0\n}\n"
	servers := settled(t, text).VirtualServers[0].RealServers
	if a, b, c := servers[0].Checks[0], servers[1].Checks[0], servers[2].Checks[0]; a != b || a == c || a.subject() != "10.0.0.1" {
		t.Errorf("%+v, %+v and %+v", a, b, c)
	}
}
