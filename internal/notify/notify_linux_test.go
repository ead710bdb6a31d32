package notify

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
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
		p.Write("RS", fmt.Sprintf("RS [192.0.2.1]:tcp:%d VS DOWN", i))
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
		p.Write("", fmt.Sprint("line ", i))
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

// A pipe that is somebody else's is not written to.
func TestPipeOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a pipe away takes root")
	}
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 0); err != nil {
		t.Fatal(err)
	}
	if p, err := OpenPipe(path, 0, 0); err == nil {
		t.Errorf("opened: %v", p)
	}
	p, err := OpenPipe(path, 12345, 0)
	if err != nil {
		t.Fatalf("that of its configured owner: %v", err)
	}
	_ = p.file.Close()
}
