package healthcheck

import (
	"slices"
	"testing"
	"time"
)

// TestStatusHoldsTheLockBriefly takes the lock again and again while somebody looks at everything, as checks that end
// do: they wait for a small part of a look.
func TestStatusHoldsTheLockBriefly(t *testing.T) {
	const servers = 20_000
	m := NewManager(Options{})
	m.Apply(serversInOne(servers))
	var looks, waits []time.Duration
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			begin := time.Now()
			if n := len(m.Status().VirtualServers[0].RealServers); n != servers {
				t.Errorf("%d servers seen", n)
			}
			looks = append(looks, time.Since(begin))
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 300 {
		<-tick.C // meets it anywhere
		begin := time.Now()
		m.mu.Lock()
		waits = append(waits, time.Since(begin))
		m.mu.Unlock()
	}
	close(stop)
	<-done
	slices.Sort(looks)
	slices.Sort(waits)
	if look, wait := looks[len(looks)/2], waits[len(waits)*9/10]; wait > look/4 {
		t.Errorf("a look takes %v, and whoever comes then waits %v", look, wait)
	}
}

// TestViewOfEverySize copies pools around the size that is copied at a time.
func TestViewOfEverySize(t *testing.T) {
	for _, n := range []int{0, 1, viewed - 1, viewed, viewed + 1, 3 * viewed} {
		m := NewManager(Options{})
		m.Apply(serversInOne(n))
		vs := m.pools()[0]
		v := m.view(vs)
		if next := v.copyState(vs, 0, 0); next > viewed {
			t.Errorf("%d servers were copied with the lock held once", next)
		}
		if len(v.servers) != n {
			t.Errorf("%d servers: %d seen", n, len(v.servers))
		}
		for i, rs := range v.servers {
			if want := &vs.servers[i]; rs.id != want.id() || !rs.up || rs.weight != 1 || len(rs.checks) != 1 ||
				rs.checks[0].spec != want.checks[0].probe.spec {
				t.Fatalf("server %d of %d: %+v", i, n, rs)
			}
		}
	}
}
