package connsync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// list replaces what the kernel of a director lists.
func (d *director) list(listing string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listing = func() string { return listing }
}

// TestToldUnasked: all, then what is new, and after a while all again; a Flush waits for that, and not longer.
func TestToldUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 20000))
		defer a.stop()
		defer b.stop()
		synctest.Wait()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		begun := time.Now()
		b.Tell()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); len(a.learned) != 20000 || took < 5*unaskedPause || took > time.Second {
			t.Errorf("%d were learned in %v", len(a.learned), took)
		}
		before := b.tells
		b.list(connections(1, 20030))
		b.Tell()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if n := b.tells - before; len(a.learned) != 20030 || n != 1 {
			t.Errorf("%d were learned, of the new ones by %d messages", len(a.learned), n)
		}
		clear(a.learned)
		time.Sleep(unaskedMemory)
		b.Tell()
		if err := b.Flush(t.Context()); err != nil || len(a.learned) != 20030 {
			t.Errorf("%d were learned after a while: %v", len(a.learned), err)
		}
		if s := b.Status(); s.Told != 0 || s.Connected != 40060 || s.Telling {
			t.Errorf("%+v", s)
		}
		if got := a.came(t); len(got) > 0 {
			t.Errorf("an answer to no question: %+v", got)
		}
	})
}

// TestToldUnaskedMeanwhile: somebody is being answered; that ends first, and another question is answered at once after.
func TestToldUnaskedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b, c := s.add(t, connections(1, 0)), s.add(t, connections(1, 5000)), s.add(t, connections(1, 0))
		defer a.stop()
		defer b.stop()
		defer c.stop()
		a.delay = time.Millisecond
		b.Answer(true)
		synctest.Wait()
		a.Ask(1)
		time.Sleep(50 * time.Millisecond)
		b.Tell()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := a.came(t); len(got) != 1 || got[0].Connections != 5000 {
			t.Errorf("%+v", got)
		}
		b.Tell()
		c.Ask(1)
		time.Sleep(5 * time.Second)
		if got := c.came(t); len(got) != 1 || got[0].Connections != 5000 {
			t.Errorf("%+v", got)
		}
	})
}

// TestCannotBeToldUnasked: a failure is no more than that, and what was not told is told the next time; nobody waits where there is no
// group, nor for one that has stopped, and not longer than he wants to.
func TestCannotBeToldUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 500))
		defer a.stop()
		defer b.stop()
		synctest.Wait()
		b.fails = errors.New("network is down")
		b.Tell()
		if err := b.Flush(t.Context()); err != nil || b.tells == 0 {
			t.Errorf("%d attempts: %v", b.tells, err)
		}
		b.fails = nil
		b.Tell()
		if err := b.Flush(t.Context()); err != nil || len(a.learned) != 500 {
			t.Errorf("%d were learned: %v", len(a.learned), err)
		}
		b.list(connections(1, 60000))
		b.Tell()
		ctx, cancel := context.WithTimeout(t.Context(), 2*unaskedPause)
		defer cancel()
		if err := b.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it was waited for: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- b.Flush(t.Context()) }()
		synctest.Wait()
		b.Configure(Spec{})
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.Tell()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		b.Configure(askSpec)
		synctest.Wait()
		b.Tell()
		go func() { done <- b.Flush(t.Context()) }()
		synctest.Wait()
		if err := errors.Join(b.stop(), <-done); err != nil {
			t.Error(err)
		}
	})
}

// TestToldUnaskedAsItIs: of what has another state or server since, the second telling tells.
func TestToldUnaskedAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, strings.ReplaceAll(connections(1, 1), "ESTABLISHED     893", "SYN_RECV         59"))
		defer a.stop()
		defer b.stop()
		synctest.Wait()
		b.Tell()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		b.list(connections(1, 1))
		b.Tell()
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		for _, got := range a.learned {
			if got.state != tcpEstablished {
				t.Errorf("%+v", got)
			}
		}
	})
}

// TestAskedWhileItIsToldUnasked: who asks is answered, and does not wait until a long telling is over.
func TestAskedWhileItIsToldUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s segment
		a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 60000))
		defer a.stop()
		defer b.stop()
		b.Answer(true)
		synctest.Wait()
		b.Tell()
		time.Sleep(unaskedPause)
		a.Ask(1)
		time.Sleep(10 * time.Second)
		if got := a.came(t); len(got) != 1 || !got[0].Answered || got[0].Connections != 60000 || got[0].Took > time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// TestToldUnaskedInAnotherGroup: an interface that was made anew, and another group, are told all.
func TestToldUnaskedInAnotherGroup(t *testing.T) {
	other := askSpec
	other.Group = ports("224.0.0.82:8848")
	for name, change := range map[string]func(a, b *director){
		"made anew":                  func(_, b *director) { b.Rejoin() },
		"another group":              func(a, b *director) { a.Configure(other); synctest.Wait(); b.Configure(other) },
		"another group, and at once": func(a, b *director) { a.Configure(other); synctest.Wait(); b.Configure(other); b.Tell() },
	} {
		synctest.Test(t, func(t *testing.T) {
			var s segment
			a, b := s.add(t, connections(1, 0)), s.add(t, connections(1, 60000))
			defer a.stop()
			defer b.stop()
			synctest.Wait()
			b.Tell()
			time.Sleep(5 * unaskedPause)
			a.mu.Lock()
			if n := len(a.learned); n == 0 || n == 60000 {
				t.Errorf("%s: %d were learned before", name, n)
			}
			clear(a.learned)
			a.mu.Unlock()
			change(a, b)
			if err := b.Flush(t.Context()); err != nil || len(a.learned) != 60000 {
				t.Errorf("%s: %d were learned: %v", name, len(a.learned), err)
			}
		})
	}
}

// TestNothingIsKeptOfTheUnasked: nor does anybody wait for one that has stopped, whenever he begins to.
func TestNothingIsKeptOfTheUnasked(t *testing.T) {
	for after, kept := range map[time.Duration]bool{time.Second: true, 2 * unaskedMemory: false} {
		synctest.Test(t, func(t *testing.T) {
			var s segment
			b := s.add(t, connections(1, 1000))
			synctest.Wait()
			b.Tell()
			time.Sleep(after)
			synctest.Wait()
			ended := make(chan bool, 1)
			b.mu.Lock()
			b.closing = func() { ended <- b.unasked.known != nil }
			b.mu.Unlock()
			if err := errors.Join(b.stop(), b.Flush(t.Context())); err != nil {
				t.Error(err)
			}
			if known := <-ended; known != kept {
				t.Errorf("known after %v: %v", after, known)
			}
		})
	}
}
