package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder notes what runs, and keeps each program running for a time.
type recorder struct {
	mu    sync.Mutex
	began []string
	most  int
	now   int
	took  time.Duration
}

func (r *recorder) run(ctx context.Context, program string) {
	r.mu.Lock()
	r.began = append(r.began, program)
	r.now++
	r.most = max(r.most, r.now)
	r.mu.Unlock()
	select {
	case <-time.After(r.took):
	case <-ctx.Done():
	}
	r.mu.Lock()
	r.now--
	r.mu.Unlock()
}

// sofar is what has begun, and how many run.
func (r *recorder) sofar() (began []string, now int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.began), r.now
}

func TestProgramsOfOneObjectRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: time.Second}
		p := NewPrograms(r.run)
		for i := range 5 {
			p.Start("a", fmt.Sprint("a", i))
			p.Start("b", fmt.Sprint("b", i))
		}
		time.Sleep(5*time.Second - 1)
		synctest.Wait()
		if began, now := r.sofar(); now != 2 || len(began) != 10 {
			t.Errorf("after 5 s %d run: %v", now, began)
		}
		p.Close(t.Context())
		for _, object := range []string{"a", "b"} {
			of := slices.DeleteFunc(slices.Clone(r.began), func(s string) bool { return s[:1] != object })
			if !slices.IsSorted(of) || len(of) != 5 {
				t.Errorf("programs of %s: %v", object, of)
			}
		}
	})
}

// However many wait, the last one runs; and at the end nobody waits for longer than is allowed.
func TestProgramsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: 10 * time.Second}
		p := NewPrograms(r.run)
		for i := range 1000 {
			p.Start("a", fmt.Sprint(i))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if began, _ := r.sofar(); len(began) > maxRuns+1 || began[len(began)-1] != "999" {
			t.Errorf("%d programs ran, the last is %s", len(began), began[len(began)-1])
		}
		p.Start("a", "x")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		p.Close(ctx)
		p.Start("a", "z")
		if took := time.Since(begin); took != time.Second || r.began[len(r.began)-1] != "x" || r.now != 0 {
			t.Errorf("closed after %v; the last one that ran is %s, %d run", took, r.began[len(r.began)-1], r.now)
		}
	})
}

// The programs that are told of the same are started in their order and run beside each other; those told of the next
// thing wait for all of them.
func TestProgramsToldOfTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: 10 * time.Second}
		p := NewPrograms(r.run)
		p.Start("a", "master", "any master")
		p.Start("a", "backup", "any backup")
		p.Start("a") // nobody
		p.Close(context.Background())
		if got := strings.Join(r.began, ", "); got != "master, any master, backup, any backup" || r.most < 2 {
			t.Errorf("ran %s, %d at a time", got, r.most)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: 10 * time.Second}
		p := NewPrograms(r.run)
		p.Start("a", "master", "any master")
		p.Start("a", "backup")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if began, _ := r.sofar(); strings.Join(began, ", ") != "master, any master" {
			t.Errorf("ran before the others had ended: %s", began)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if began, _ := r.sofar(); strings.Join(began, ", ") != "master, any master, backup" {
			t.Errorf("then: %s", began)
		}
		p.Close(context.Background())
	})
}

// A program that never ends holds up the next one for a time only: it may be what the next one is to end.
func TestProgramThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: 1000 * time.Hour}
		p := NewPrograms(r.run)
		p.Start("a", "master")
		p.Start("a", "backup")
		time.Sleep(patience - 1)
		synctest.Wait()
		if began, _ := r.sofar(); len(began) != 1 {
			t.Errorf("ran at once: %v", began)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if began, now := r.sofar(); len(began) != 2 || now != 2 {
			t.Errorf("ran later: %v, %d of them", began, now)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.Close(ctx)
	})
}

// At the end the last ones are started, whatever still runs: the last of all is how things are.
func TestLastProgramsRunAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: 10 * time.Second}
		p := NewPrograms(r.run)
		for i := range 30 {
			p.Start("a", fmt.Sprint(i))
		}
		p.Start("b", "one")
		synctest.Wait()
		p.Start("b", "stop")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.Close(ctx)
		slices.Sort(r.began)
		if got := strings.Join(r.began, " "); got != "0 24 25 26 27 28 29 one stop" || r.now != 0 {
			t.Errorf("ran %s; %d still do", got, r.now)
		}
	})
}

// What is told again and again waits once, and keeps its place behind what it follows.
func TestAgainWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: time.Second}
		p := NewPrograms(r.run)
		p.Start("a", "master")
		for range 1000 {
			p.Again("a", "lower")
		}
		p.Start("a", "backup")
		p.Start("a", "master")
		for range 1000 {
			p.Again("a", "lower")
		}
		p.Again("a", "other")
		time.Sleep(time.Minute)
		synctest.Wait()
		if began, _ := r.sofar(); strings.Join(began, " ") != "master lower backup master lower other" {
			t.Errorf("ran %s", began)
		}
		p.Again("a", "other") // nothing waits any more
		p.Close(context.Background())
		if got := r.began[6:]; !slices.Equal(got, []string{"other"}) {
			t.Errorf("then %v", got)
		}
	})
}
