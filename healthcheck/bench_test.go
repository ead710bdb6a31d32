package healthcheck

import (
	"context"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"vigil/confparse"
)

// manyServers returns n real servers in virtual servers of ten, each with a TCP_CHECK.
func manyServers(n int) *confparse.Config {
	c := &confparse.Config{}
	for v := range n / 10 {
		vs := pool(0)
		vs.ID.Addr = netip.AddrFrom4([4]byte{10, 1, byte(v >> 8), byte(v)})
		for r := range 10 {
			i := v*10 + r
			rs := &confparse.RealServer{Weight: 1, Checkers: []*confparse.Checker{tcpCheckOf()}, ID: confparse.RealServerID{
				VS: vs.ID, Addr: netip.AddrFrom4([4]byte{10, 2 + byte(i>>16), byte(i >> 8), byte(i)}), Port: 80,
			}}
			rs.Checkers[0].Connect.Addr, rs.Checkers[0].Connect.Port = rs.ID.Addr, rs.ID.Port
			rs.Checkers[0].DelayLoop, rs.Checkers[0].Warmup = time.Hour, time.Hour
			vs.RealServers = append(vs.RealServers, rs)
		}
		c.VirtualServers = append(c.VirtualServers, vs)
	}
	return c
}

// BenchmarkIdle starts 100,000 checks that wait, and reports what each costs in memory.
func BenchmarkIdle(b *testing.B) {
	const n = 100_000
	spec := FromConfig(manyServers(n))
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc + s.StackInuse
	}
	for b.Loop() {
		before := heap()
		m := NewManager(Options{})
		m.Apply(spec)
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		for {
			m.mu.Lock()
			armed := m.ctx != nil
			m.mu.Unlock()
			if armed {
				break
			}
			runtime.Gosched()
		}
		b.ReportMetric(float64(heap()-before)/n, "B/check")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		cancel()
		<-done
		runtime.KeepAlive(m)
	}
}

// BenchmarkReloadWithoutChange applies what already runs, for 10,000 checks.
func BenchmarkReloadWithoutChange(b *testing.B) {
	c := manyServers(10_000)
	m := NewManager(Options{})
	m.Apply(FromConfig(c))
	b.ReportAllocs()
	for b.Loop() {
		m.Apply(FromConfig(c))
	}
}

// BenchmarkStatus looks at 36,430 servers, and reports how long a check that ends meanwhile waits at the longest.
func BenchmarkStatus(b *testing.B) {
	m := NewManager(Options{})
	m.Apply(FromConfig(manyServers(36_430)))
	stop, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		wait := time.Duration(0)
		for {
			select {
			case <-stop:
				longest <- wait
				return
			default:
				begin := time.Now()
				m.mu.Lock()
				wait = max(wait, time.Since(begin))
				m.mu.Unlock()
				runtime.Gosched()
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		m.Status()
	}
	close(stop)
	b.ReportMetric(float64((<-longest).Microseconds()), "µs-longest-wait")
}
