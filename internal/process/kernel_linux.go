package process

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is what a Keeper does to the process. Tests have their own.
type kernel interface {
	threads() ([]int, error)
	scheduling(thread int) (scheduling, error)
	setScheduling(thread int, s scheduling) error
	cpus(thread int) ([]int, error)
	setCPUs(thread int, cpus []int) error
	name() (string, error)
	setName(string) error
	lockMemory(bool) error
	// limitRealTime sets when SIGXCPU is sent; 0 = never. tellSpent has it sent to c, until stop.
	limitRealTime(time.Duration) error
	tellSpent(c chan<- os.Signal) (stop func())
}

// linux is the process itself.
type linux struct{}

func (linux) threads() ([]int, error) {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	var list []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

func (linux) scheduling(thread int) (scheduling, error) {
	a, err := unix.SchedGetAttr(thread, 0)
	if err != nil {
		return scheduling{}, err
	}
	s := scheduling{nice: int(a.Nice)}
	if a.Policy == unix.SCHED_RR || a.Policy == unix.SCHED_FIFO {
		s.realTime = int(a.Priority)
	}
	return s, nil
}

// setScheduling leaves the flags of the thread as they are: one that starts programs has its own.
func (linux) setScheduling(thread int, s scheduling) error {
	a, err := unix.SchedGetAttr(thread, 0)
	if err != nil {
		return err
	}
	next := unix.SchedAttr{Size: unix.SizeofSchedAttr, Flags: a.Flags & unix.SCHED_FLAG_RESET_ON_FORK}
	if s.realTime > 0 {
		next.Policy, next.Priority = unix.SCHED_RR, uint32(s.realTime)
	} else {
		next.Policy, next.Nice = unix.SCHED_NORMAL, int32(s.nice)
	}
	return unix.SchedSetAttr(thread, &next, 0)
}

func (linux) cpus(thread int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(thread, &set); err != nil {
		return nil, err
	}
	var list []int
	for i := range len(set) * strconv.IntSize {
		if set.IsSet(i) {
			list = append(list, i)
		}
	}
	return list, nil
}

func (linux) setCPUs(thread int, cpus []int) error {
	var set unix.CPUSet
	for _, i := range cpus {
		set.Set(i)
	}
	return unix.SchedSetaffinity(thread, &set)
}

func (linux) name() (string, error) {
	b, err := os.ReadFile(commFile(os.Getpid()))
	return strings.TrimSuffix(string(b), "\n"), err
}

// Name is what this process is called, or "" when that cannot be read.
func Name() string {
	name, _ := linux{}.name()
	return name
}

func (linux) setName(name string) error { return NameThread(os.Getpid(), name) }

func (linux) lockMemory(locked bool) error {
	if !locked {
		return unix.Munlockall()
	}
	// The runtime reserves much more than it uses: only what is used counts.
	return unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
}

func (linux) limitRealTime(d time.Duration) error {
	limit := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if d > 0 {
		limit.Cur = uint64(d.Microseconds())
	}
	return unix.Prlimit(0, unix.RLIMIT_RTTIME, &limit, nil)
}

func (linux) tellSpent(c chan<- os.Signal) (stop func()) {
	signal.Notify(c, unix.SIGXCPU)
	return func() { signal.Stop(c) }
}

func commFile(thread int) string {
	return filepath.Join("/proc/self/task", strconv.Itoa(thread), "comm")
}

// NameThread gives a thread of this process a name of 15 bytes at most, which ps -L and top -H show. That of the process is
// the one of the thread whose number is the process's.
func NameThread(thread int, name string) error {
	if err := os.WriteFile(commFile(thread), []byte(name), 0); err != nil {
		return fmt.Errorf("name a thread %s: %w", name, err)
	}
	return nil
}
