package healthcheck

import (
	"encoding/json"
	"errors"
	"net/netip"
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
		if diff := cmp.Diff([]string{vsName + " quorum=true 192.168.0.1=up 192.168.0.2=up"}, health(s)); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		l.wantLog("0s Gained quorum 1+0=1 <= 2 for VS " + vsName)
		l.wantChanges() // the Snapshot has told it all
	})
}

func TestCase3_AlphaStartsDownAndStaysSilent(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Alpha = true
		l.breaks(1)
		l.run(config(vs))
		l.wantHealth(vsName + " quorum=false 192.168.0.1=down")
		l.until(15 * s)
		l.wantLog("1s TCP_CHECK on service " + rs1 + " failed.")
		l.wantChanges()
		l.mends(1)
		l.until(25 * s)
		l.wantLog("21s TCP connection to "+rs1+" success.",
			"21s Adding service "+rs1+" to VS "+vsName,
			"21s Gained quorum 1+0=1 <= 1 for VS "+vsName)
		l.wantChanges(rs1+" up=true weight=1", vsName+" quorum=true")
	})
}

func TestCase5_SorryServerAtStart(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Alpha = true
		vs.SorryServer = &confparse.SorryServer{Addr: netip.MustParseAddr("192.168.0.9"), Port: 80}
		l.run(config(vs))
		l.wantLog("0s Starting with quorum down 1-0=1 > 0 for VS "+vsName,
			"0s Adding sorry server [192.168.0.9]:tcp:80 to VS "+vsName,
			"0s Removing alive servers from the pool for VS "+vsName)
		l.until(5 * s)
		l.wantLog("1s TCP connection to "+rs1+" success.",
			"1s Adding service "+rs1+" to VS "+vsName,
			"1s Gained quorum 1+0=1 <= 1 for VS "+vsName,
			"1s Removing sorry server [192.168.0.9]:tcp:80 from VS "+vsName,
			"1s Adding alive servers to the pool for VS "+vsName)
	})
}

func TestCase22And24_RetriesThenDownThenUp(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(pool(2)))
		l.until(5 * s)
		l.wantLog("0s Gained quorum 1+0=1 <= 2 for VS "+vsName,
			"1s TCP connection to "+rs1+" success.", "1s TCP connection to "+rs2+" success.")
		l.breaks(1)
		l.until(12500 * ms)
		l.wantLog()
		l.wantChanges()
		l.until(35 * s)
		l.wantLog("13s TCP_CHECK on service "+rs1+" failed after 2 retries.",
			"13s Removing service "+rs1+" from VS "+vsName)
		l.wantChanges(rs1 + " up=false weight=1")
		l.mends(1)
		l.until(60 * s)
		l.wantLog("43s TCP connection to "+rs1+" success.", "43s Adding service "+rs1+" to VS "+vsName)
		l.wantChanges(rs1 + " up=true weight=1")
		want := []time.Duration{1 * s, 11 * s, 12 * s, 13 * s, 23 * s, 33 * s, 43 * s, 53 * s}
		if diff := cmp.Diff(want, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestCase23_FirstFailureEverIsEnough(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(5 * s)
		l.wantLog("0s Gained quorum 1+0=1 <= 2 for VS "+vsName,
			"1s TCP_CHECK on service "+rs1+" failed.", "1s Removing service "+rs1+" from VS "+vsName,
			"1s TCP connection to "+rs2+" success.")
	})
}

func TestCase25_InhibitWords(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(2)
		vs.RealServers[0].InhibitOnFailure = true
		l.breaks(1)
		l.run(config(vs))
		l.until(5 * s)
		l.mends(1)
		l.until(15 * s)
		l.wantLog("0s Gained quorum 1+0=1 <= 2 for VS "+vsName,
			"1s TCP_CHECK on service "+rs1+" failed.", "1s Disabling service "+rs1+" of VS "+vsName,
			"1s TCP connection to "+rs2+" success.",
			"11s TCP connection to "+rs1+" success.", "11s Enabling service "+rs1+" of VS "+vsName)
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
		l.wantChanges(rs1 + " up=false weight=1")
		l.mends(1)
		l.until(15 * s)
		l.wantChanges()
		l.wantHealth(vsName + " quorum=true 192.168.0.1=down 192.168.0.2=up")
		l.answers(other, nil)
		l.until(25 * s)
		l.wantChanges(rs1 + " up=true weight=1")
	})
}

func TestCase27_Hysteresis(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(3)
		vs.Quorum, vs.Hysteresis = 2, 1
		l.run(config(vs))
		l.wantLog("0s Gained quorum 2+1=3 <= 3 for VS " + vsName)
		l.until(5 * s)
		l.breaks(1)
		l.breaks(2)
		l.until(15 * s)
		l.wantChanges(rs1+" up=false weight=1", rs2+" up=false weight=1")
		l.wantHealth(vsName + " quorum=true 192.168.0.1=down 192.168.0.2=down 192.168.0.3=up")
		l.breaks(3)
		l.until(35 * s)
		l.wantChanges(rs3+" up=false weight=1", vsName+" quorum=false")
		l.mends(1)
		l.mends(2)
		l.until(55 * s)
		l.wantHealth(vsName + " quorum=false 192.168.0.1=up 192.168.0.2=up 192.168.0.3=down")
		l.mends(3)
		l.until(75 * s)
		l.wantHealth(vsName + " quorum=true 192.168.0.1=up 192.168.0.2=up 192.168.0.3=up")
	})
}

func TestCase28And29_SorryServerStandsIn(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(3)
		vs.Quorum = 2
		vs.SorryServer = &confparse.SorryServer{Addr: netip.MustParseAddr("192.168.0.9"), Port: 80, Inhibit: true}
		l.run(config(vs))
		l.until(5 * s)
		l.wantLog("0s Gained quorum 2+0=2 <= 3 for VS "+vsName, "1s TCP connection to "+rs1+" success.",
			"1s TCP connection to "+rs2+" success.", "1s TCP connection to "+rs3+" success.")
		l.breaks(1)
		l.breaks(2)
		l.until(15 * s)
		l.wantLog("13s TCP_CHECK on service "+rs1+" failed after 2 retries.", "13s Removing service "+rs1+" from VS "+vsName,
			"13s TCP_CHECK on service "+rs2+" failed after 2 retries.", "13s Removing service "+rs2+" from VS "+vsName,
			"13s Lost quorum 2-0=2 > 1 for VS "+vsName,
			"13s Enabling sorry server [192.168.0.9]:tcp:80 to VS "+vsName,
			"13s Removing alive servers from the pool for VS "+vsName)
		l.breaks(3) // suppressed by the sorry server, but alive until now
		l.until(25 * s)
		l.wantLog("23s TCP_CHECK on service "+rs3+" failed after 2 retries.", "23s Removing service "+rs3+" from VS "+vsName)
		l.mends(1)
		l.mends(2)
		l.until(35 * s)
		l.wantLog("33s TCP connection to "+rs1+" success.", "33s Adding service "+rs1+" to VS "+vsName,
			"33s TCP connection to "+rs2+" success.", "33s Adding service "+rs2+" to VS "+vsName,
			"33s Gained quorum 2+0=2 <= 2 for VS "+vsName,
			"33s Disabling sorry server [192.168.0.9]:tcp:80 from VS "+vsName,
			"33s Adding alive servers to the pool for VS "+vsName)
	})
}

// httpPool is a pool of one server with an HTTP_GET of three URLs.
func httpPool(fast bool) *confparse.VirtualServer {
	vs := pool(1)
	vs.RealServers[0].Checkers = []*confparse.Checker{{
		Kind: confparse.HTTPGet, DelayLoop: 3 * time.Second, Retry: 1, DelayBeforeRetry: 5 * time.Second,
		Connect: confparse.Connect{Timeout: time.Second},
		HTTP:    &confparse.HTTPCheck{FastRecovery: fast, URLs: []confparse.URL{{Path: "/1"}, {Path: "/2"}, {Path: "/3"}}},
	}}
	return vs
}

func TestCase42_URLWalk(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(httpPool(false)))
		l.answers(target(1), func(url int) Result {
			if url == 1 && time.Since(l.start) > 10*s && time.Since(l.start) < 30*s {
				return failed(httpStatusError, nil)
			}
			return passed(httpStatusSuccess)
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
		l.wantLog("0s Gained quorum 1+0=1 <= 1 for VS "+vsName,
			"7s Remote Web server "+rs1+" succeed on service.",
			"18s HTTP_CHECK on service "+rs1+" failed after 1 retries.",
			"18s Removing service "+rs1+" from VS "+vsName,
			"18s Lost quorum 1-0=1 > 0 for VS "+vsName,
			"33s HTTP status code success to "+rs1+" url(/2)",
			"36s HTTP status code success to "+rs1+" url(/1)",
			"39s HTTP status code success to "+rs1+" url(/2)",
			"42s HTTP status code success to "+rs1+" url(/3)",
			"42s Remote Web server "+rs1+" succeed on service.",
			"42s Adding service "+rs1+" to VS "+vsName,
			"42s Gained quorum 1+0=1 <= 1 for VS "+vsName)
	})
}

func TestCase42_FastRecovery(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(httpPool(true)))
		l.until(2 * s)
		l.wantLog("0s Gained quorum 1+0=1 <= 1 for VS "+vsName, "1s Remote Web server "+rs1+" succeed on service.")
	})
}

func TestLogAllFailures(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		c := config(pool(1), httpPool(false))
		c.VirtualServers[1].ID.Port = 81
		c.VirtualServers[1].RealServers[0].ID.VS.Port = 81
		c.VirtualServers[1].RealServers[0].Checkers[0].Connect.Port = 8080
		c.Global.LogAllFailures = true
		l.run(c)
		l.until(8 * s)
		l.answers(target(1), func(int) Result { return failed(tcpTimeout, nil) })
		l.answers(netip.AddrPortFrom(rsAddr(1), 8080), func(int) Result { return failed(httpTimeoutReading, nil) })
		l.forget()
		l.until(40 * s)
		l.wantLog("10s Timeout HTTP read server "+rs1+".",
			"11s TCP connection to "+rs1+" timeout.",
			"12s TCP connection to "+rs1+" timeout.",
			"13s TCP connection to "+rs1+" timeout.",
			"13s TCP_CHECK on service "+rs1+" failed after 2 retries.",
			"13s Removing service "+rs1+" from VS "+vsName,
			"13s Lost quorum 1-0=1 > 0 for VS "+vsName,
			"15s Timeout HTTP read server "+rs1+".",
			"15s HTTP_CHECK on service "+rs1+" failed after 1 retries.",
			"15s Removing service "+rs1+" from VS [10.0.0.1]:tcp:81",
			"15s Lost quorum 1-0=1 > 0 for VS [10.0.0.1]:tcp:81")
	})
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
		l.wantChanges(rs1+" up=false weight=1", rs2+" up=false weight=1", vsName+" quorum=false")
		select {
		case <-l.m.Changed():
			t.Error("a second signal")
		default:
		}
		l.wantChanges()
	})
}

func TestStatusMarshals(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.SorryServer = &confparse.SorryServer{Addr: netip.MustParseAddr("192.168.0.9"), Port: 80}
		l.answers(target(1), func(int) Result { return failed(tcpFailed, errors.New("invalid")) })
		l.takes(250 * time.Millisecond)
		l.run(config(vs))
		l.until(12 * s)
		got, err := json.MarshalIndent(l.m.Status(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want := `{
 "virtual_servers": [
  {
   "name": "[10.0.0.1]:tcp:80",
   "quorum_up": false,
   "quorum": 1,
   "hysteresis": 0,
   "weight": 0,
   "sorry_server": "192.168.0.9:80",
   "sorry_active": true,
   "real_servers": [
    {
     "name": "[192.168.0.1]:tcp:80",
     "up": false,
     "weight": 1,
     "checks": [
      {
       "kind": "TCP_CHECK",
       "target": "192.168.0.1:80",
       "up": false,
       "result": "failure",
       "reason": "failed",
       "error": "invalid",
       "took_seconds": 0.25,
       "last_completed": "2000-01-01T00:00:11.5Z",
       "consecutive_failures": 2,
       "running": false,
       "shared_by": 1
      }
     ]
    }
   ]
  }
 ],
 "in_flight": 0,
 "waiting": 0
}`
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}
