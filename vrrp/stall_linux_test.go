package vrrp

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
	"vigil/vrrp/wire"
)

// stallEnv makes TestStalledBackup the process that is stopped.
const stallEnv = "VIGIL_TEST_STALLED_BACKUP"

var stallIntervals = []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, time.Second}

func stallInstance(i int, priority uint8) election.InstanceSpec {
	in := testInstance(stallIntervals[i].String(), uint8(1+i), priority)
	in.Version, in.AdvertInterval = 3, stallIntervals[i]
	return in
}

// TestStalledBackup is a process of its own under TestNoTakeOverAfterAStall: a backup that says when it takes over.
func TestStalledBackup(t *testing.T) {
	if os.Getenv(stallEnv) == "" {
		t.Skip("only for TestNoTakeOverAfterAStall, which starts it")
	}
	k, err := lan.OpenKernel()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRunner(Options{Network: k})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var list []election.InstanceSpec
	for i := range stallIntervals {
		list = append(list, stallInstance(i, 100))
	}
	if err := r.Apply(ctx, testSpec(list...)); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	for {
		select {
		case <-r.Changed():
			for _, c := range r.TakeChanges() {
				fmt.Println(c.Instance, c.To)
			}
		case err := <-ended:
			t.Fatal(err)
		}
	}
}

// shouter sends a master's adverts for all of stallIntervals, and knows how long it has ever been silent.
type shouter struct {
	mu   sync.Mutex
	last time.Time
	gap  time.Duration // the longest since it was read
}

func (s *shouter) run(ctx context.Context, t *testing.T, conn lan.Conn) {
	runtime.LockOSThread() // and the thread ends with the goroutine
	// A busy machine is not to silence the master. Where that may not be had, its silences excuse who believed in them.
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	tick := time.NewTicker(stallIntervals[0])
	defer tick.Stop()
	ip := wire.IPHeader{Source: routerA, Destination: group4, TTL: 255}
	for n := 0; ; n++ {
		for i, interval := range stallIntervals {
			if n%int(interval/stallIntervals[0]) != 0 {
				continue
			}
			in := stallInstance(i, 200)
			a := wire.Advert{Version: 3, VRID: in.VRID, Priority: 200, Interval: interval,
				Addresses: []netip.Addr{in.Addresses[0].Prefix.Addr()}}
			if err := conn.Send(a, ip); err != nil {
				t.Error(err)
				return
			}
		}
		s.mu.Lock()
		if now := time.Now(); !s.last.IsZero() {
			s.gap, s.last = max(s.gap, now.Sub(s.last)), now
		} else {
			s.last = now
		}
		s.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// silence returns the longest time without an advert since the last call.
func (s *shouter) silence() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	gap := max(s.gap, time.Since(s.last))
	s.gap = 0
	return gap
}

// A process that was stopped finds the adverts of the meantime in its sockets, and must not take over. 75 stalls of 1 to
// 500 ms concern four virtual routers each.
func TestNoTakeOverAfterAStall(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	conn, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4, Group: group4})
	ctx, cancel := context.WithCancel(t.Context())
	var s shouter
	var wg sync.WaitGroup
	wg.Go(func() { s.run(ctx, t, conn) })
	defer wg.Wait()
	defer cancel()
	child, err := b.Start("backup", nil, "/usr/bin/env", stallEnv+"=1", os.Args[0], "-test.run=^TestStalledBackup$", "-test.v")
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	entered(t, child, "1s BACKUP") // the last of them

	const rounds, tries = 75, 10
	repeated, excused := 0, 0
	for n := range rounds {
		stall := time.Millisecond + time.Duration(n)*499*time.Millisecond/(rounds-1)
		for try := 1; ; try++ {
			before := len(child.Log.Lines())
			s.silence()
			if err := child.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(stall)
			if err := child.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			time.Sleep(60 * time.Millisecond) // as long as it takes to take over at the shortest interval, and more
			taken, silence := takeOvers(child.Log.Lines()[before:]), s.silence()
			for _, interval := range stallIntervals {
				if slices.Contains(taken, interval.String()+" MASTER") && silence < tolerable(interval) {
					t.Errorf("stall of %v: %v took over from a master that was never silent for more than %v", stall, interval, silence)
				}
			}
			if len(taken) > 0 {
				time.Sleep(200 * time.Millisecond) // until it has yielded again
			}
			if silence < tolerable(stallIntervals[0]) {
				break
			}
			if try == tries {
				excused++
				break
			}
			repeated++
		}
	}
	t.Logf("%d stalls of four routers, %d repeated because the master was not run in time, %d without a word on the fastest router",
		rounds, repeated, excused)
}

// tolerable is the silence of the shouter that a backup must outlast: with the one interval that may be due anyway less than
// the 3.6 of priority 100.
func tolerable(interval time.Duration) time.Duration { return 5 * interval / 2 }

func takeOvers(lines []testlan.Line) (list []string) {
	for _, l := range lines {
		if strings.Contains(l.Text, "MASTER") {
			list = append(list, l.Text)
		}
	}
	return slices.Compact(list)
}
