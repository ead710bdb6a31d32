package healthcheck

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// The servers of a virtual server that is suspended are not asked and stay what they were; within delay_loop of its end
// they are asked again. A check that somebody else wants too is made.
func TestSuspend(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		shared := &confparse.VirtualServer{ID: vsID, Quorum: 1}
		shared.ID.Port = 81
		other := &confparse.RealServer{ID: rsID(2), Weight: 1, Checkers: []*confparse.Checker{tcpCheckOfServer(2)}}
		other.ID.VS = shared.ID
		shared.RealServers = append(shared.RealServers, other)
		l.run(config(pool(2), shared))
		l.until(5 * s)
		l.m.Suspend(map[confparse.VirtualServerID]bool{vsID: true})
		l.breaks(1)
		l.until(35 * s)
		l.m.Suspend(nil)
		l.until(45 * s)
		if diff := cmp.Diff([]time.Duration{1 * s, 41 * s, 42 * s, 43 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts on the suspended server (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{1 * s, 11 * s, 21 * s, 31 * s, 41 * s}, l.made(target(2))); diff != "" {
			t.Errorf("attempts on the shared server (-want +got):\n%s", diff)
		}
		l.wantEvents("43s " + rs1 + " up=false weight=1")
	})
}

// That a server which alpha takes to be down is down is handed out when a check has found it, once.
func TestFirstFailureOfAnAlphaServerIsAChange(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.breaks(1)
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Alpha = true
		l.run(config(vs))
		l.until(35 * s)
		l.wantEvents("1s " + rs1 + " up=false weight=1 initial")
	})
}
