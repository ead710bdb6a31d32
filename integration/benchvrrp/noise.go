package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

const (
	// sleepPeriod is how often the machine is asked to run a thread.
	sleepPeriod = 10 * time.Millisecond
	// changePeriod is how often the kernel is asked to change addresses and nftables of a host that has nothing to do with anything.
	changePeriod = 500 * time.Millisecond
)

// noise watches how late the machine runs a thread that only sleeps, and how long the kernel takes to change what belongs to all
// namespaces: nobody can be more punctual.
type noise struct {
	lab     *testlan.Lab
	changes *labkit.Reconfigurer
	began   time.Time
	stop    chan struct{}
	ended   sync.WaitGroup
	late    []time.Duration
}

func watchNoise() (*noise, error) {
	lab, err := testlan.New()
	if err != nil {
		return nil, err
	}
	h, err := lab.Host("idle")
	if err != nil {
		return nil, errors.Join(err, lab.Close())
	}
	n := &noise{lab: lab, changes: labkit.StartReconfiguring(h, changePeriod), began: time.Now(), stop: make(chan struct{})}
	n.ended.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for {
			select {
			case <-n.stop:
				return
			default:
			}
			due := time.Now().Add(sleepPeriod)
			pause := unix.NsecToTimespec(sleepPeriod.Nanoseconds())
			if err := unix.Nanosleep(&pause, nil); err != nil {
				continue // a signal
			}
			n.late = append(n.late, max(0, time.Since(due)))
		}
	})
	return n, nil
}

// end ends it and says what was seen.
func (n *noise) end() (string, error) {
	close(n.stop)
	n.ended.Wait()
	address, nftables := n.changes.Longest(n.began, time.Now())
	late := latenessOf(n.late)
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	return fmt.Sprintf("a thread that was due ran up to %v late (99 %%: %v), the kernel changed an address within %v, nftables within %v",
		round(late.max), round(late.p99), round(address), round(nftables)), errors.Join(n.changes.End(), n.lab.Close())
}
