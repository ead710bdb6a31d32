package labkit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// waits looks again and again how long threads of the directors' programs had something to do and no processor to do it on. The
// control's processes may have been luckier.
type waits struct {
	roots       func() []int
	stop, ended chan struct{}

	mu     sync.Mutex
	known  map[string]time.Duration // thread → its time without a processor, altogether
	looked time.Time
	spans  []waited
	err    error
}

// waited is the longest time that a thread had to wait, as far as it ended in a span.
type waited struct {
	span
	longest time.Duration
}

// startWaits looks every so often at the processes that roots returns and all below them, until it is ended.
func startWaits(roots func() []int, every time.Duration) *waits {
	w := &waits{roots: roots, stop: make(chan struct{}), ended: make(chan struct{}), looked: time.Now()}
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			w.look()
			select {
			case <-tick.C:
			case <-w.stop:
				return
			}
		}
	}()
	return w
}

func (w *waits) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, found := time.Now(), map[string]time.Duration{}
	var errs []error
	for _, pid := range w.roots() {
		errs = append(errs, waitsOf(strconv.Itoa(pid), found))
	}
	longest := time.Duration(0)
	for thread, total := range found {
		longest = max(longest, total-w.known[thread])
	}
	if longest > 0 {
		w.spans = append(w.spans, waited{span{w.looked, time.Now()}, longest})
	}
	w.known, w.looked = found, now
	if w.err == nil {
		w.err = errors.Join(errs...)
	}
}

// end ends it and returns what went wrong first.
func (w *waits) end() error {
	close(w.stop)
	<-w.ended
	return w.err
}

// longest is the longest wait that ended in a window of time, or shortly before or after.
func (w *waits) longest(from, to time.Time) (d time.Duration) {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.spans {
		if s.to.After(from) && s.from.Before(to) {
			d = max(d, s.longest)
		}
	}
	return d
}

// waitsOf adds the threads of a process and of those below it, proc(5): /proc/PID/task/TID/schedstat, whose second number is in
// nanoseconds. What has ended meanwhile is left out.
func waitsOf(pid string, found map[string]time.Duration) error {
	dir := "/proc/" + pid + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return gone(err)
	}
	for _, t := range threads {
		text, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if gone(err) != nil {
			return err
		}
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			return fmt.Errorf("schedstat of thread %s: %q", t.Name(), text)
		}
		total, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return err
		}
		found[t.Name()] = time.Duration(total)
		children, err := os.ReadFile(dir + "/" + t.Name() + "/children")
		if gone(err) != nil {
			return err
		}
		for _, child := range strings.Fields(string(children)) {
			if err := waitsOf(child, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// gone drops the error of a process that is not there any more, or of a kernel that does not tell.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
