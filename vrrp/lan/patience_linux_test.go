package lan

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
)

// slowRules is nftables on a machine that takes its time. It counts what is done and notes what is quiet.
type slowRules struct {
	takes time.Duration

	mu    sync.Mutex
	did   map[string]int
	quiet map[netip.Addr]time.Duration
	ever  map[netip.Addr]bool
}

func newSlowRules(takes time.Duration) *slowRules {
	return &slowRules{takes: takes, did: map[string]int{}, quiet: map[netip.Addr]time.Duration{}, ever: map[netip.Addr]bool{}}
}

func (s *slowRules) note(op string) error {
	time.Sleep(s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did[op]++
	return nil
}

func (s *slowRules) Prepare() error                      { return s.note("prepare") }
func (s *slowRules) Arm(netip.Addr, time.Duration) error { return s.note("arm") }
func (s *slowRules) Begin(context.Context, Move) error   { return s.note("begin") }
func (s *slowRules) Close() error                        { return s.note("close") }
func (s *slowRules) Cover(string, [6]byte)               {}
func (s *slowRules) Uncover(string)                      {}

func (s *slowRules) Set(addrs []netip.Addr, d time.Duration) error {
	defer s.note("set")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		s.quiet[a] = d
		s.ever[a] = s.ever[a] || d > 0
	}
	return nil
}

func (s *slowRules) times(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.did[op]
}

// isQuiet tells whether an address is quiet, and whether it ever was.
func (s *slowRules) isQuiet(a netip.Addr) (now, ever bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quiet[a] > 0, s.ever[a]
}

// withSlowRules runs f with a Kernel that stops when f is over.
func withSlowRules(t *testing.T, takes time.Duration, f func(*Kernel, *slowRules)) {
	synctest.Test(t, func(t *testing.T) {
		h, err := netio.Open()
		if err != nil {
			t.Fatal(err)
		}
		s := newSlowRules(takes)
		k := newKernel(h, s, s)
		f(k, s)
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
}

func vip(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(n / 250), byte(1 + n%250)}) }

// What waits for nftables waits for 50 ms in all, however slow it is and whatever else it is doing.
func TestNothingWaitsForNFTables(t *testing.T) {
	for _, takes := range []time.Duration{150 * time.Millisecond, 5 * time.Second, time.Minute} {
		withSlowRules(t, takes, func(k *Kernel, s *slowRules) {
			previous := netip.MustParseAddr("10.77.0.9")
			for _, op := range []struct {
				name string
				do   func() error
				max  time.Duration
			}{
				{"prepare quiet", func() error { k.PrepareQuiet(); return nil }, 0},
				{"prepare to pass on", func() error { k.PreparePassOn(previous, time.Second); return nil }, 0},
				{"the same again", func() error { k.PreparePassOn(previous, time.Second); return nil }, 0},
				{"pass on", func() error { return k.PassOn(Move{Previous: previous}) }, passOnPatience},
				{"quiet", func() error { return k.Quiet([]netip.Addr{vip(1)}, time.Second) }, quietPatience},
				{"answer again", func() error { return k.Quiet([]netip.Addr{vip(1)}, 0) }, 0},
			} {
				begin := time.Now()
				err := op.do()
				if took := time.Since(begin); took != op.max {
					t.Errorf("nftables takes %v: %s took %v, want %v", takes, op.name, took, op.max)
				}
				if (err != nil) != (op.max > 0) {
					t.Errorf("nftables takes %v: %s: %v", takes, op.name, err)
				}
			}
			time.Sleep(10 * takes)
			if n := s.times("arm"); n != 1 {
				t.Errorf("armed %d times, want once", n)
			}
			if _, ever := s.isQuiet(vip(1)); ever {
				t.Error("an address was made quiet when it no longer should be")
			}
		})
	}
}

// Routers that hand over together wait for two transactions at most: the one under way, and one for all the others.
func TestRoutersDoNotWaitForEachOther(t *testing.T) {
	const routers = 200
	withSlowRules(t, 20*time.Millisecond, func(k *Kernel, s *slowRules) {
		begin := time.Now()
		failures := make([]error, routers)
		var all sync.WaitGroup
		for i := range routers {
			all.Go(func() { failures[i] = k.Quiet([]netip.Addr{vip(i)}, time.Second) })
		}
		all.Wait()
		for _, err := range failures {
			if err != nil {
				t.Fatal(err)
			}
		}
		if took, n := time.Since(begin), s.times("set"); took > 40*time.Millisecond || n > 2 {
			t.Errorf("%d routers took %v and %d transactions", routers, took, n)
		}
		for i := range routers {
			if now, _ := s.isQuiet(vip(i)); !now {
				t.Errorf("%v is not quiet", vip(i))
			}
		}
	})
}

// However late it is done, the last word about an address counts, and what is over does not begin.
func TestTheLastWordCounts(t *testing.T) {
	withSlowRules(t, 3*time.Second, func(k *Kernel, s *slowRules) {
		var words []string
		for i, d := range []time.Duration{0, time.Second, time.Minute} {
			k.PrepareQuiet()
			synctest.Wait() // nftables is busy
			if d != time.Minute {
				_ = k.Quiet([]netip.Addr{vip(i)}, time.Minute)
			}
			_ = k.Quiet([]netip.Addr{vip(i)}, d)
			time.Sleep(20 * time.Second)
			words = append(words, fmt.Sprint(s.isQuiet(vip(i))))
		}
		if want := []string{"false false", "false false", "true true"}; !slices.Equal(words, want) {
			t.Errorf("quiet, ever: %q, want %q", words, want)
		}
	})
}
