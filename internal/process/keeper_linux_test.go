package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fake is a process of a few threads, of which one comes while the others are dealt with.
type fake struct {
	mu      sync.Mutex
	of      map[int]scheduling
	at      map[int][]int
	comm    string
	locked  bool
	limit   time.Duration
	limits  int           // how often it was set
	late    int           // sweeps so far; thread 14 comes during the second
	busy    time.Duration // how long setScheduling holds the process up, once
	refuses map[string]error
}

func newFake() *fake {
	f := &fake{of: map[int]scheduling{0: {}, 10: {}, 11: {}, 12: {}}, at: map[int][]int{}, comm: "keepalived", refuses: map[string]error{}}
	for t := range f.of {
		f.at[t] = []int{0, 1}
	}
	return f
}

func (f *fake) threads() ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []int{10, 11, 12, 13} // 13 has just ended
	if f.late > 0 && f.late < 3 {
		f.of[14], f.at[14] = scheduling{}, []int{0, 1}
	}
	f.late++
	if _, is := f.of[14]; is {
		list = append(list, 14)
	}
	return list, nil
}

func (f *fake) scheduling(t int) (scheduling, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, is := f.of[t]
	if !is {
		return s, unix.ESRCH
	}
	return s, nil
}

// stall returns how long the process is held up now.
func (f *fake) stall() (d time.Duration) {
	f.change(func() { d, f.busy = f.busy, 0 })
	return d
}

// change changes f while the Keeper is at work.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fake) setScheduling(t int, s scheduling) error {
	time.Sleep(f.stall())
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuses["realtime"]; err != nil && s.realTime > 0 {
		return err
	}
	if err := f.refuses["nice"]; err != nil && s.nice < 0 {
		return err
	}
	if s.realTime > 0 {
		s.nice = f.of[t].nice // which the kernel keeps
	}
	f.of[t] = s
	return nil
}

func (f *fake) cpus(t int) ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, is := f.at[t]; !is {
		return nil, unix.ESRCH
	}
	return f.at[t], nil
}

func (f *fake) setCPUs(t int, cpus []int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuses["cpus"]; err != nil {
		return err
	}
	f.at[t] = cpus
	return nil
}

func (f *fake) name() (string, error) { return f.comm, nil }

func (f *fake) setName(n string) error {
	f.change(func() { f.comm = n })
	return nil
}

func (f *fake) lockMemory(locked bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked = locked
	return f.refuses["memory"]
}

func (f *fake) tellSpent(chan<- os.Signal) func() { return func() {} }

func (f *fake) limitRealTime(d time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = d
	f.limits++
	return nil
}

// all returns what every thread is like, and fails when they differ.
func (f *fake) all(t *testing.T) (scheduling, []int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.of {
		if id != 0 && (f.of[id] != f.of[10] || !slices.Equal(f.at[id], f.at[10])) {
			t.Errorf("thread %d is %+v on %v, thread 10 %+v on %v", id, f.of[id], f.at[id], f.of[10], f.at[10])
		}
	}
	return f.of[10], f.at[10]
}

// run runs test with a Keeper of f in simulated time and returns what was logged.
func run(t *testing.T, f *fake, test func(k *Keeper)) string {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(slog.New(slog.NewTextHandler(&log, nil)), f)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		test(k)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := k.Set(Spec{}); err == nil {
			t.Error("a Keeper that has ended takes a Spec")
		}
	})
	return log.String()
}

// TestEveryThreadIsAsTheSpecSays: one after the other, and back to how the process was started.
func TestEveryThreadIsAsTheSpecSays(t *testing.T) {
	type seen struct {
		Sched  scheduling
		CPUs   []int
		Name   string
		Locked bool
		Limit  time.Duration
	}
	started := seen{CPUs: []int{0, 1}, Name: "keepalived"}
	with := func(change func(*seen)) seen { s := started; change(&s); return s }
	f := newFake()
	run(t, f, func(k *Keeper) {
		for _, c := range []struct {
			spec Spec
			want seen
		}{
			{Spec{}, started},
			{Spec{Nice: -5, NiceSet: true}, with(func(s *seen) { s.Sched.nice = -5 })},
			{Spec{NiceSet: true}, started},
			{Spec{Name: "ha", CPUs: []int{1}}, with(func(s *seen) { s.Name, s.CPUs = "ha", []int{1} })},
			{Spec{LockMemory: true}, with(func(s *seen) { s.Locked = true })},
			{Spec{RealTime: 20, RealTimeLimit: 30 * time.Millisecond}, with(func(s *seen) { s.Sched.realTime, s.Limit = 20, 15*time.Millisecond })},
			{Spec{RealTimeLimit: 30 * time.Millisecond}, started}, // without real time there is nothing to limit
			{Spec{RealTime: 20, Nice: 7, NiceSet: true}, with(func(s *seen) { s.Sched.realTime = 20 })},
			{Spec{}, started},
		} {
			f.change(func() {
				f.late = 0
				delete(f.of, 14)
				delete(f.at, 14)
			})
			if err := k.Set(c.spec); err != nil {
				t.Errorf("%+v: %v", c.spec, err)
			}
			is, cpus := f.all(t)
			if diff := cmp.Diff(c.want, seen{is, cpus, f.comm, f.locked, f.limit}, cmp.AllowUnexported(scheduling{})); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", c.spec, diff)
			}
		}
	})
	if f.limits != 2 {
		t.Errorf("the limit was set %d times", f.limits)
	}
}

// TestWhatCannotBeHadIsToldAndTheRestIsDone: and where there is no real time, nice counts.
func TestWhatCannotBeHadIsToldAndTheRestIsDone(t *testing.T) {
	f := newFake()
	f.refuses = map[string]error{"realtime": unix.EPERM, "cpus": unix.EINVAL, "memory": unix.ENOMEM}
	run(t, f, func(k *Keeper) {
		err := k.Set(Spec{Name: "ha", RealTime: 50, Nice: 3, NiceSet: true, CPUs: []int{77}, LockMemory: true})
		for _, want := range []string{"realtime priority 50", "CAP_SYS_NICE", "CPUs [77]", "CAP_IPC_LOCK"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %v", want, err)
			}
		}
		if !errors.Is(err, unix.EPERM) || !errors.Is(err, unix.EINVAL) || !errors.Is(err, unix.ENOMEM) {
			t.Errorf("the kernel's words are lost: %v", err)
		}
		if is, _ := f.all(t); is != (scheduling{nice: 3}) || f.comm != "ha" {
			t.Errorf("%+v, %s", is, f.comm)
		}
		synctest.Wait()
		f.change(func() { f.refuses = map[string]error{"nice": unix.EACCES} })
		if err := k.Set(Spec{Nice: -3, NiceSet: true}); !errors.Is(err, unix.EACCES) {
			t.Errorf("nice: %v", err)
		}
	})
}

// TestTooLongAtRealTimePausesIt: told once, and the limit is set again, which the kernel has moved on.
func TestTooLongAtRealTimePausesIt(t *testing.T) {
	f := newFake()
	log := run(t, f, func(k *Keeper) {
		if err := k.Set(Spec{RealTime: 5, RealTimeLimit: 20 * time.Millisecond}); err != nil {
			t.Error(err)
		}
		k.spent <- unix.SIGXCPU
		synctest.Wait()
		k.spent <- unix.SIGXCPU // another thread
		synctest.Wait()
		if is, _ := f.all(t); is.realTime != 0 {
			t.Errorf("priority %d in the pause", is.realTime)
		}
		synctest.Wait()
		f.change(func() { f.limit = time.Second })
		time.Sleep(realTimePause + time.Millisecond)
		synctest.Wait()
		if is, _ := f.all(t); is.realTime != 5 || f.limit != 10*time.Millisecond {
			t.Errorf("after the pause: priority %d, limit %v", is.realTime, f.limit)
		}
	})
	if strings.Count(log, "too much CPU time") != 1 {
		t.Error(log)
	}
}

// TestLatenessRaisesThePriority: by one each time, beyond the one that was given, up to the highest that is allowed.
func TestLatenessRaisesThePriority(t *testing.T) {
	for _, c := range []struct {
		name    string
		stall   time.Duration // at every change of the scheduling of a thread
		refused error
		want    int
		told    []string
	}{
		{"in time", 0, nil, 5, nil},
		{"late, but not enough", 90 * time.Millisecond, nil, 5, nil},
		{"late", 400 * time.Millisecond, nil, 7, []string{"Set realtime priority 6", "Set realtime priority 7"}},
		{"late, and not allowed to hurry", 400 * time.Millisecond, unix.EPERM, 0, []string{"cannot set realtime priority 6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			log := run(t, f, func(k *Keeper) {
				spec := Spec{RealTime: 5, RealTimeLimit: 20 * time.Millisecond, MaxAuto: 7, MinLate: 100 * time.Millisecond}
				if err := k.Set(spec); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				f.change(func() { f.refuses["realtime"] = c.refused })
				for range 4 {
					synctest.Wait()
					f.change(func() { f.busy = c.stall })
					k.spent <- unix.SIGXCPU // which takes the process the time of the stall
					time.Sleep(3 * realTimePause)
				}
				synctest.Wait()
				if is, _ := f.all(t); is.realTime != c.want {
					t.Errorf("priority %d, want %d", is.realTime, c.want)
				}
			})
			for _, want := range c.told {
				if strings.Count(log, want) < 1 {
					t.Errorf("%q is not in\n%s", want, log)
				}
			}
			if strings.Count(log, "Set realtime") != len(c.told) && c.refused == nil {
				t.Error(log)
			}
		})
	}
}

// inChild marks the process in which TestTheKernelIsTold does what it is about.
const inChild = "VIGIL_PROCESS_TEST"

// TestTheKernelIsTold: the real one, in a process of its own, which has threads when it is told and gets more of them.
func TestTheKernelIsTold(t *testing.T) {
	if os.Getenv(inChild) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheKernelIsTold$", "-test.v")
		cmd.Env = append(os.Environ(), inChild+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	k := NewKeeper(nil)
	go k.Run(t.Context())
	cpus, err := linux{}.cpus(0)
	if err != nil || len(cpus) == 0 {
		t.Fatalf("cpus %v, %v", cpus, err)
	}
	if err := k.Set(Spec{Name: "keeper", Nice: 7, NiceSet: true, CPUs: cpus[:1]}); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	var there sync.WaitGroup
	for range 8 {
		there.Add(1)
		go func() {
			runtime.LockOSThread() // ends the thread
			there.Done()
			<-hold
		}()
	}
	there.Wait()
	threads, err := linux{}.threads()
	if err != nil || len(threads) < 2 {
		t.Fatalf("%v, %v", threads, err)
	}
	for _, id := range threads {
		is, err1 := linux{}.scheduling(id)
		at, err2 := linux{}.cpus(id)
		if err := errors.Join(err1, err2); err != nil && !errors.Is(err, unix.ESRCH) || err == nil && (is.nice != 7 || !slices.Equal(at, cpus[:1])) {
			t.Errorf("thread %d: %+v on %v, %v", id, is, at, err)
		}
	}
	if comm, err := os.ReadFile("/proc/self/comm"); string(comm) != "keeper\n" {
		t.Errorf("%q, %v", comm, err)
	}
	close(hold)
	if err := k.Set(Spec{RealTime: 1, RealTimeLimit: 40 * time.Millisecond}); err != nil {
		t.Logf("without real time: %v", err) // as in a control group that has no share of it
	} else if limits, err := os.ReadFile("/proc/self/limits"); !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max realtime timeout 20000 unlimited us") {
		t.Errorf("%s, %v", limits, err)
	}
	if err := k.Set(Spec{LockMemory: true}); err != nil {
		t.Logf("without locked memory: %v", err)
	} else {
		grown := make([]byte, 8<<20)
		for i := 0; i < len(grown); i += 4096 {
			grown[i] = 1
		}
		status, err := os.ReadFile("/proc/self/status")
		var locked int
		if _, after, is := strings.Cut(string(status), "VmLck:"); is {
			fmt.Sscan(after, &locked)
		}
		if locked < len(grown)>>10 {
			t.Errorf("%d kB are locked, %v", locked, err)
		}
		runtime.KeepAlive(grown)
		grown = nil
		debug.FreeOSMemory() // of locked pages the kernel takes none back, which must not hurt
	}
	if err := k.Set(Spec{}); err != nil {
		t.Error(err)
	}
}

// TestNamedThread: what ps -L and top -H show.
func TestNamedThread(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // ends with the goroutine
		done <- func() error {
			if err := NameThread(unix.Gettid(), "keepalived_vrrp"); err != nil {
				return err
			}
			if b, err := os.ReadFile(commFile(unix.Gettid())); string(b) != "keepalived_vrrp\n" {
				return fmt.Errorf("%q, %w", b, err)
			}
			return nil
		}()
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := NameThread(1<<30, "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a thread that is not there: %v", err)
	}
}
