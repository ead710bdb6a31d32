package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// realTimePause is how long a process that has run without a pause for too long does without real-time priority.
	realTimePause = time.Second
	// maxSweeps is how often the threads are looked at until there is no new one.
	maxSweeps = 20
)

// Keeper keeps the process as its Spec says. One goroutine, Run, owns it.
type Keeper struct {
	kernel kernel
	log    *slog.Logger
	asked  chan order
	ended  chan struct{}
	spent  chan os.Signal // SIGXCPU

	// Owned by Run.
	spec    Spec
	touched struct{ scheduling, cpus, name, memory, limit bool } // what is not as it was started
	start   struct {
		scheduling scheduling
		cpus       []int
		name       string
	}
	auto   int  // the real-time priority that lateness has led to
	tied   bool // it cannot be had
	paused bool // real time is left for a moment
}

type order struct {
	spec Spec
	done chan<- error // has room
}

// NewKeeper returns a Keeper of this process as it is now. A nil logger logs nothing.
func NewKeeper(log *slog.Logger) *Keeper { return newKeeper(log, linux{}) }

func newKeeper(log *slog.Logger, k kernel) *Keeper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &Keeper{kernel: k, log: log, asked: make(chan order), ended: make(chan struct{}), spent: make(chan os.Signal, 1)}
	// What cannot be read is not changed back: the zero values are those of most processes.
	r.start.scheduling, _ = k.scheduling(0)
	r.start.cpus, _ = k.cpus(0)
	r.start.name, _ = k.name()
	return r
}

// Set makes the process be run as s says, as far as that can be had. The error says what cannot, and what would help; the
// rest is done.
func (k *Keeper) Set(s Spec) error {
	done := make(chan error, 1)
	select {
	case k.asked <- order{s, done}:
		return <-done
	case <-k.ended:
		return errors.New("the process is no longer looked after")
	}
}

// Run does what Set asks for, and watches how late and how long the process runs, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	defer close(k.ended)
	defer k.kernel.tellSpent(k.spent)()
	watch := newLateness()
	defer watch.stop()
	pause := time.NewTimer(realTimePause)
	pause.Stop()
	for {
		select {
		case o := <-k.asked:
			k.spec, k.auto, k.tied = o.spec, min(k.auto, o.spec.MaxAuto), false
			o.done <- k.apply()
			watch.begin(k.spec)
		case <-watch.C():
			if late, is := watch.late(); is && k.auto < k.spec.MaxAuto && !k.tied {
				k.hurry(late)
			}
		case <-k.spent:
			if !k.paused && k.realTime() > 0 && k.spec.RealTimeLimit > 0 {
				k.log.Warn("process has used too much CPU time without a pause, vrrp_rlimit_rttime may need to be increased",
					"limit", k.spec.RealTimeLimit, "without_realtime_priority_for", realTimePause)
				k.paused = true
				k.tell(k.schedule())
				pause.Reset(realTimePause)
			}
		case <-pause.C:
			k.paused = false
			k.tell(errors.Join(k.schedule(), k.limit()))
		case <-ctx.Done():
			return nil
		}
	}
}

// hurry answers that the process came late with the next real-time priority.
func (k *Keeper) hurry(late time.Duration) {
	k.auto = max(k.auto, k.spec.RealTime) + 1
	if k.auto > k.spec.MaxAuto {
		k.auto = k.spec.MaxAuto
		return
	}
	if err := errors.Join(k.schedule(), k.limit()); err != nil {
		k.auto, k.tied = 0, true
		k.tell(err)
		return
	}
	k.log.Info(fmt.Sprintf("Set realtime priority %d", k.auto), "late", late.Round(time.Millisecond))
}

func (k *Keeper) tell(err error) {
	if err != nil {
		k.log.Warn(err.Error())
	}
}

// realTime is the real-time priority that is wanted.
func (k *Keeper) realTime() int { return max(k.spec.RealTime, k.auto) }

// apply brings everything to what is wanted.
func (k *Keeper) apply() error {
	return errors.Join(k.rename(), k.place(), k.schedule(), k.limit(), k.lock())
}

func (k *Keeper) rename() error {
	name := k.spec.Name
	if name == "" {
		name = k.start.name
	}
	if k.spec.Name == "" && !k.touched.name {
		return nil
	}
	k.touched.name = k.spec.Name != ""
	return k.kernel.setName(name)
}

func (k *Keeper) place() error {
	want := k.spec.CPUs
	if want == nil && !k.touched.cpus {
		return nil
	}
	if k.touched.cpus = want != nil; !k.touched.cpus {
		want = k.start.cpus
	}
	return wrap(k.sweep(func(thread int) (bool, error) {
		is, err := k.kernel.cpus(thread)
		if err != nil || slices.Equal(is, want) {
			return false, err
		}
		return true, k.kernel.setCPUs(thread, want)
	}), "cannot run on CPUs %v only; is there one of them, and does the cpuset of the control group have it?", want)
}

// schedule gives every thread its priority. Where real time cannot be had, it is nice at least.
func (k *Keeper) schedule() error {
	want := k.start.scheduling
	if k.spec.NiceSet {
		want.nice = k.spec.Nice
	}
	if n := k.realTime(); n > 0 {
		want.realTime = n
	}
	if k.paused {
		want.realTime = 0
	}
	if want == k.start.scheduling && !k.touched.scheduling {
		return nil
	}
	k.touched.scheduling = want != k.start.scheduling
	err := k.scheduleAs(want)
	if want.realTime == 0 {
		return wrap(err, "cannot set priority (nice) %d; that takes CAP_SYS_NICE", want.nice)
	}
	if err == nil {
		return nil
	}
	ordinary := k.scheduleAs(scheduling{nice: want.nice})
	return errors.Join(wrap(err, "cannot set realtime priority %d; that takes CAP_SYS_NICE, and a control group that may (cpu.rt_runtime_us)",
		want.realTime), wrap(ordinary, "cannot set priority (nice) %d", want.nice))
}

func (k *Keeper) scheduleAs(want scheduling) error {
	return k.sweep(func(thread int) (bool, error) {
		is, err := k.kernel.scheduling(thread)
		if err != nil || is.realTime == want.realTime && (want.realTime > 0 || is.nice == want.nice) {
			return false, err
		}
		return true, k.kernel.setScheduling(thread, want)
	})
}

// sweep does something to every thread, until there is none left to which it must be done: threads come from threads, and
// one that has just come may be as its parent was. A thread that has ended is no error.
func (k *Keeper) sweep(do func(thread int) (changed bool, err error)) error {
	for range maxSweeps {
		threads, err := k.kernel.threads()
		if err != nil {
			return err
		}
		changed := false
		for _, t := range threads {
			c, err := do(t)
			if errors.Is(err, unix.ESRCH) || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			changed = changed || c
		}
		if !changed {
			return nil
		}
	}
	return nil
}

// limit sets how long a thread may run without a pause. As with keepalived it is told at half of that; nobody is killed, for
// the threads of a Go program do not choose their pauses.
func (k *Keeper) limit() error {
	d := k.spec.RealTimeLimit / 2
	if k.realTime() == 0 {
		d = 0
	}
	if d == 0 && !k.touched.limit {
		return nil
	}
	k.touched.limit = d > 0
	return wrap(k.kernel.limitRealTime(d), "cannot limit the time at realtime priority")
}

func (k *Keeper) lock() error {
	if k.spec.LockMemory == k.touched.memory {
		return nil
	}
	err := k.kernel.lockMemory(k.spec.LockMemory)
	if err == nil {
		k.touched.memory = k.spec.LockMemory
	}
	return wrap(err, "cannot keep the memory from being swapped out; that takes CAP_IPC_LOCK, or room below RLIMIT_MEMLOCK")
}

// wrap returns err, if there is one, behind what could not be done.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
