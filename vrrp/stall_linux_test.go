package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
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
				fmt.Println(c.Instance, c.To, c.Time.UnixNano(), believedSilence(ctx, r, c))
			}
		case err := <-ended:
			t.Fatal(err)
		}
	}
}

// believedSilence is for how long the router had not heard its master when it took over; -1ns if it has moved on since.
func believedSilence(ctx context.Context, r *Runner, c Change) time.Duration {
	list, _ := r.Explain(ctx)
	for _, e := range list {
		if last := e.Why.Last; e.Spec.Name == c.Instance && last.To == c.To && c.Time.Sub(e.Epoch).Round(time.Millisecond) == time.Duration(last.At).Round(time.Millisecond) {
			return last.At.Sub(last.By.Heard)
		}
	}
	return -1
}

// shouter sends a master's adverts for all of stallIntervals, and knows when they came.
type shouter struct {
	mu    sync.Mutex
	heard [4][]heardAdvert // by index of stallIntervals
}

// heardAdvert is an advert that came to the host at one time and was to be had by its sockets at another at the latest: on a
// busy machine a packet waits between the two, and is no fault of who has not read it.
type heardAdvert struct{ came, had time.Time }

// atOnce has this goroutine run before others: a busy machine is not to silence the master. Where that may not be had, its silences
// excuse who believed in them. The thread ends with the goroutine.
func atOnce() {
	runtime.LockOSThread()
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
}

// run sends until ctx ends.
func (s *shouter) run(ctx context.Context, t *testing.T, conn lan.Conn) {
	atOnce()
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
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// listen notes what comes to a node until ctx ends. What was sent may lie on its way when the kernel has no time for it.
func (s *shouter) listen(ctx context.Context, t *testing.T, n *lantest.Node) {
	atOnce()
	var fd int
	err := n.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, wire.Protocol); err != nil {
			return err
		}
		patience := unix.NsecToTimeval(int64(100 * time.Millisecond))
		return errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1), unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP,
				unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group4.As4(), Ifindex: int32(n.Link().Index)}))
	})
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(fd)
	for buf, control := make([]byte, 2000), make([]byte, 200); ctx.Err() == nil; {
		size, n, _, _, err := unix.Recvmsg(fd, buf, control, 0)
		if err != nil {
			continue
		}
		had, r := time.Now(), lan.DecodeIPv4(buf[:size])
		if i := int(r.Advert.VRID) - 1; r.Header.Source == routerA && i >= 0 && i < len(s.heard) {
			s.mu.Lock()
			s.heard[i] = append(s.heard[i], heardAdvert{testlan.ReceiveTime(control[:n]), had})
			s.mu.Unlock()
		}
	}
}

// silence returns the longest time without an advert that the router of stallIntervals[i] may have known of between two
// moments, counted from the last advert before them.
func (s *shouter) silence(i int, from, to time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var longest time.Duration
	for _, heard := range slices.Backward(s.heard[i]) {
		if heard.had.After(to) {
			continue
		}
		longest, to = max(longest, to.Sub(heard.came)), heard.had
		if heard.came.Before(from) {
			return longest
		}
	}
	return max(longest, to.Sub(from)) // or nothing was heard at all
}

// A process that was stopped finds the adverts of the meantime in its sockets, and must not take over. 75 stalls of 1 to
// 500 ms concern four virtual routers each.
func TestNoTakeOverAfterAStall(t *testing.T) {
	t.Parallel()
	const labs, rounds = 3, 75 // of all of them
	for lab := range labs {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			var stalls []time.Duration
			for n := lab; n < rounds; n += labs {
				stalls = append(stalls, time.Millisecond+time.Duration(n)*499*time.Millisecond/(rounds-1))
			}
			stalledBackup(t, stalls)
		})
	}
}

// stalledBackup stops a process for each of the times.
func stalledBackup(t *testing.T, stalls []time.Duration) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	conn, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4, Group: group4})
	ctx, cancel := context.WithCancel(t.Context())
	var s shouter
	var wg sync.WaitGroup
	wg.Go(func() { s.listen(ctx, t, b) })
	wg.Go(func() { s.run(ctx, t, conn) })
	defer wg.Wait()
	defer cancel()
	child, err := b.Start("backup", nil, "/usr/bin/env", stallEnv+"=1", os.Args[0], "-test.run=^TestStalledBackup$", "-test.v")
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	entered(t, child, "1s BACKUP") // the last of them

	const tries = 10
	repeated, excused := 0, 0
	for _, stall := range stalls {
		for try := 1; ; try++ {
			before, lines := time.Now(), len(child.Log.Lines())
			if err := child.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(stall)
			if err := child.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			time.Sleep(60 * time.Millisecond) // as long as it takes to take over at the shortest interval, and more
			if len(takeOvers(t, child.Log.Lines()[lines:])) > 0 {
				time.Sleep(200 * time.Millisecond) // until it has yielded again
			}
			if s.silence(0, before, time.Now()) < tolerable(stallIntervals[0]) {
				break
			}
			if try == tries {
				excused++
				break
			}
			repeated++
		}
	}
	// Only now, by the moment of each decision: on a busy machine word of a take-over comes when the next stall is under way.
	for _, took := range takeOvers(t, child.Log.Lines()) {
		interval := stallIntervals[took.router]
		if silence := s.silence(took.router, took.at.Add(-4*interval), took.at); silence < tolerable(interval) {
			t.Errorf("%v took over from a master that had not been silent for more than %v; it believes in %v", interval, silence,
				took.believed)
		}
	}
	t.Logf("%d stalls of four routers, %d repeated because the master was not run in time, %d without a word on the fastest router",
		len(stalls), repeated, excused)
	if excused > len(stalls)/2 {
		t.Errorf("%d of %d stalls show nothing about the fastest router", excused, len(stalls))
	}
}

// tolerable is the silence of the shouter that a backup must outlast: with the one interval that may be due anyway less than
// the 3.6 of priority 100.
func tolerable(interval time.Duration) time.Duration { return 5 * interval / 2 }

// takeOver is a decision of the router of stallIntervals[router].
type takeOver struct {
	router   int
	at       time.Time
	believed string // silence of the master
}

func takeOvers(t *testing.T, lines []testlan.Line) (list []takeOver) {
	t.Helper()
	for _, l := range lines {
		words := strings.Fields(l.Text)
		if len(words) != 4 || words[1] != "MASTER" {
			continue
		}
		router := slices.IndexFunc(stallIntervals, func(d time.Duration) bool { return d.String() == words[0] })
		at, err := strconv.ParseInt(words[2], 10, 64)
		if router < 0 || err != nil {
			t.Fatalf("the backup says %q", l.Text)
		}
		list = append(list, takeOver{router, time.Unix(0, at), words[3]})
	}
	return list
}
