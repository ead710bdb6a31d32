package notify

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func openPipe(t *testing.T, path string) (*Pipe, func()) {
	t.Helper()
	p, err := OpenPipe(path, os.Getuid(), os.Getgid())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	return p, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A reader that comes late gets every line in order, more of them than a pipe holds.
func TestPipeKeepsOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	p, stop := openPipe(t, path)
	const lines = 20_000
	for i := range lines {
		p.Write(fmt.Sprintf("RS [192.0.2.1]:tcp:%d VS DOWN", i))
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for i := range lines {
		if !in.Scan() || in.Text() != fmt.Sprintf("RS [192.0.2.1]:tcp:%d VS DOWN", i) {
			t.Fatalf("line %d is %q", i, in.Text())
		}
	}
	stop()
	if in.Scan() {
		t.Errorf("one line more: %q", in.Text())
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a pipe that we made stays: %v", err)
	}
	if p.Lost() != 0 {
		t.Errorf("%d lines lost", p.Lost())
	}
}

// A pipe that nobody reads holds nobody up: not who writes, not the end. One that was there before stays.
func TestPipeThatNobodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	_, first := openPipe(t, path)
	p, stop := openPipe(t, path)
	for i := range 3 * maxLines {
		p.Write(fmt.Sprint("line ", i))
	}
	stop()
	if p.Lost() == 0 {
		t.Error("nothing was lost: this test shows nothing")
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("somebody else's pipe: %v", err)
	}
	first()
}

func TestNoPipe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, dir, filepath.Join(dir, "no", "fifo")} {
		if p, err := OpenPipe(path, os.Getuid(), os.Getgid()); err == nil {
			t.Errorf("%s is opened: %v", path, p)
		}
	}
	if got, err := os.ReadFile(file); err != nil || len(got) != 0 {
		t.Errorf("the file now: %q, %v", got, err)
	}
}

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

func TestProgramsOfOneObjectRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: time.Second}
		p := NewPrograms(r.run)
		for i := range 5 {
			p.Start("a", fmt.Sprint("a", i))
			p.Start("b", fmt.Sprint("b", i))
		}
		begin := time.Now()
		p.Close(t.Context())
		if took := time.Since(begin); took != 5*time.Second || r.most != 2 {
			t.Errorf("ended after %v, %d at a time", took, r.most)
		}
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
		if n := len(r.began); n > maxRuns+1 || r.began[n-1] != "999" {
			t.Errorf("%d programs ran, the last is %s", n, r.began[n-1])
		}
		p.Start("a", "x")
		p.Start("a", "y")
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
