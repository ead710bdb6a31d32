package healthcheck

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
	"unique"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// TestAlertTexts has what keepalived mails of each kind of check, and what is mailed of those that it does not have or does not
// mail about.
func TestAlertTexts(t *testing.T) {
	const passes, fails = "CHECK succeed on service", "CHECK failed on service"
	ask := func(q question) CheckSpec {
		return CheckSpec{addr: netip.MustParseAddr("192.0.2.7"), port: 25, shared: unique.Make(profile{asks: q})}
	}
	for _, tt := range []struct {
		kind         confparse.CheckerKind
		asks         question
		reason       string // of the failure
		passed, fail string
	}{
		{confparse.TCPCheck, tcpQuestion{}, tcpFailed, "TCP " + passes, "TCP " + fails},
		{confparse.HTTPGet, httpQuestion{}, httpTimeoutReading, passes, fails + " : HTTP request failed"},
		{confparse.SSLGet, httpQuestion{}, httpTimeoutReading, passes, fails + " : HTTP request failed"},
		{confparse.SMTPCheck, smtpQuestion{}, smtpBadBanner, passes, fails + " : Bad greeting banner from server [192.0.2.7]:25"},
		{confparse.DNSCheck, dnsQuestion{}, dnsTimeout, "DNS_CHECK: succeed on service", "DNS_CHECK: failed on service"},
		{confparse.UDPCheck, udpQuestion{}, udpFailed, "UDP " + passes, "UDP " + fails},
		{confparse.PingCheck, pingQuestion{}, pingTimeout, "ICMP " + passes, "ICMP " + fails},
		{confparse.MiscCheck, miscQuestion{}, miscTimeout, "MISC CHECK succeeded on service", "MISC CHECK timed out on service"},
		{confparse.MiscCheck, miscQuestion{}, miscFailed, "MISC CHECK succeeded on service", "MISC CHECK failed on service"},
		{confparse.BFDCheck, bfdQuestion{"gw"}, bfdDown, "BFD CHECK gw succeeded on service", "BFD CHECK gw failed on service"},
		{confparse.FileCheck, fileQuestion{}, fileFault, "FILE " + passes, "FILE " + fails},
		{confparse.GRPCCheck, grpcQuestion{}, grpcFailed, "GRPC " + passes, "GRPC " + fails},
	} {
		alert := kinds[tt.kind].words.alert
		if got := alert(told{verdict: up, spec: ask(tt.asks), result: Result{Reason: miscSuccess}}); got != tt.passed {
			t.Errorf("%v: %q, want %q", tt.kind, got, tt.passed)
		}
		if got := alert(told{verdict: down, spec: ask(tt.asks), result: Result{Reason: tt.reason}}); got != tt.fail {
			t.Errorf("%v: %q, want %q", tt.kind, got, tt.fail)
		}
	}
	for kind, k := range kinds {
		if k.words.alert == nil {
			t.Errorf("%v has no text for mails", kind)
		}
	}
}

// TestAlertsAreOfNews: a first verdict is mailed where it is another than was taken for granted, and of MISC_CHECK in any case; later
// ones are where they change.
func TestAlertsAreOfNews(t *testing.T) {
	for _, tt := range []struct {
		kind            confparse.CheckerKind
		alpha           bool
		before, verdict verdict
		want            bool
	}{
		{confparse.TCPCheck, false, unknown, up, false},
		{confparse.TCPCheck, false, unknown, down, true},
		{confparse.TCPCheck, true, unknown, up, true},
		{confparse.TCPCheck, true, unknown, down, false},
		{confparse.TCPCheck, false, up, down, true},
		{confparse.TCPCheck, true, down, up, true},
		{confparse.MiscCheck, false, unknown, up, true},
		{confparse.MiscCheck, true, unknown, down, true},
		{confparse.MiscCheck, false, down, up, true},
	} {
		p := &probe{spec: CheckSpec{Kind: tt.kind, Alpha: tt.alpha, shared: unique.Make(profile{asks: tcpQuestion{}})}}
		a, any := p.alert(tt.before, observed{verdict: tt.verdict}, Result{})
		if any != tt.want || any && a.Passed != (tt.verdict == up) {
			t.Errorf("%v, alpha %v, from %v to %v: %+v, %v", tt.kind, tt.alpha, tt.before, tt.verdict, a, any)
		}
	}
}

// TestAlertsAreHandedOut: each check of a server that comes to another verdict is told of once, with the server's health or, where
// that stays, without a change of it. What a reload hands out is not handed out again.
func TestAlertsAreHandedOut(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		second := tcpCheckOf()
		second.Kind, second.Connect.Port = confparse.UDPCheck, 81
		vs.RealServers[0].Checkers = append(vs.RealServers[0].Checkers, second)
		other := netip.AddrPortFrom(rsAddr(1), 81)
		want := func(want ...string) {
			t.Helper()
			var got []string
			for _, c := range l.m.Take() {
				for _, a := range c.Alerts {
					got = append(got, fmt.Sprintf("%v: %v %v", a, c.Up, c.Same))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		l.run(config(vs))
		l.until(5 * s)
		want()
		l.breaks(1)
		l.until(25 * s)
		want("{false TCP CHECK failed on service}: false false")
		l.answers(other, refuses)
		l.until(45 * s)
		want("{false UDP CHECK failed on service}: false true")
		l.mends(1)
		l.until(65 * s)
		l.answers(other, nil)
		l.until(85 * s)
		want("{true TCP CHECK succeed on service}: true false", "{true UDP CHECK succeed on service}: true false")
		l.breaks(1)
		l.until(105 * s)
		if all := l.m.Apply(FromConfig(config(vs))).Untaken; len(all) != 1 || len(all[0].Alerts) != 1 {
			t.Errorf("%+v", all)
		}
		want()
	})
}

// TestFirstOfTwoWithAlpha: a server that is held out until both of its checks have passed is not heard to be down when one has.
func TestFirstOfTwoWithAlpha(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		second := tcpCheckOf()
		second.Connect.Port = 81
		vs.RealServers[0].Checkers = append(vs.RealServers[0].Checkers, second)
		for _, ck := range vs.RealServers[0].Checkers {
			ck.Alpha = true
		}
		l.answers(netip.AddrPortFrom(rsAddr(1), 81), func(int) Result {
			time.Sleep(5 * s)
			return passed(CodeConnected, tcpSuccess)
		})
		l.run(config(vs))
		l.until(3 * s)
		for _, c := range l.m.Take() {
			if c.Up || !c.Same || len(c.Alerts) != 1 {
				t.Errorf("one has passed: %+v", c)
			}
		}
		l.until(9 * s)
		if all := l.m.Take(); len(all) != 1 || !all[0].Up || all[0].Same {
			t.Errorf("both have passed: %+v", all)
		}
	})
}
