package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// task is a goroutine of a part. Its owner waits for it.
type task struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid once done is closed
}

// startTask runs run until its context ends. When it returns the task is sent to ended, if that has room.
func startTask(name string, ended chan<- *task, run func(context.Context) error) *task {
	ctx, cancel := context.WithCancel(context.Background())
	t := &task{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		t.err = run(ctx)
		close(t.done)
		select {
		case ended <- t:
		default: // the daemon is stopping and reads no more; it waits for done
		}
	}()
	return t
}

// stop ends the task and waits for it, up to limit. A nil task is one that never ran. It reports whether it ended.
func (t *task) stop(limit time.Duration) bool {
	if t == nil {
		return true
	}
	t.cancel()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.done:
		return true
	case <-timer.C:
		return false
	}
}

// over reports whether the task has ended.
func (t *task) over() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// stopping is a task that is to end in a time.
type stopping struct {
	task  *task
	limit time.Duration
}

// stopTasks stops tasks one after the other, each with its own time.
func stopTasks(list ...stopping) error {
	var errs []error
	for _, s := range list {
		if !s.task.stop(s.limit) {
			errs = append(errs, fmt.Errorf("%s did not stop in %v", s.task.name, s.limit))
		}
	}
	return errors.Join(errs...)
}
