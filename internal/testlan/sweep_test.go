package testlan

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// startOtherRun starts a run that has a lab; ask tells whether the lab works, and stop ends the run in order.
func startOtherRun(t *testing.T) (cmd *exec.Cmd, dir string, ask func() string, stop func() error) {
	t.Helper()
	cmd = as(t, "other run")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	next := func() string {
		if !lines.Scan() {
			return fmt.Sprintf("the other run has ended: %v", lines.Err())
		}
		return lines.Text()
	}
	dir = next()
	if !filepath.IsAbs(dir) {
		t.Fatalf("the other run says %q", dir)
	}
	ask = func() string {
		if _, err := fmt.Fprintln(in, "?"); err != nil {
			return err.Error()
		}
		return next()
	}
	return cmd, dir, ask, func() error { return errors.Join(in.Close(), cmd.Wait()) }
}

func TestARunBesideAnotherRun(t *testing.T) {
	RequireNetns(t)
	_, dir, ask, stop := startOtherRun(t)
	for range 3 {
		l, a, _, err := pair()
		if err == nil {
			err = reach(a, 5*time.Second)
		}
		if l != nil {
			err = errors.Join(err, l.Close())
		}
		if err != nil {
			t.Error(err)
		}
		if got := ask(); got != "<nil>" {
			t.Errorf("the other run's lab: %s", got)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a lab that was closed: %v, want none", err)
	}
	if err := programsOf(dir); err != nil {
		t.Error(err)
	}
}

func TestARunAfterOneThatWasKilled(t *testing.T) {
	RequireNetns(t)
	var dir string
	for try := 1; ; try++ {
		var cmd *exec.Cmd
		cmd, dir, _, _ = startOtherRun(t)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed, as it should be
		if programsOf(dir) != nil {
			break
		}
		if try == 10 { // the tests of other packages sweep too
			t.Fatal("nothing outlived the run: the test tests nothing")
		}
	}
	l, a, _, err := pair()
	if err == nil {
		err = errors.Join(reach(a, 5*time.Second), l.Close())
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the killed run: %v, want none", err)
	}
	if err := Until(within(t, 10*time.Second), "programs of the killed run are gone", func() error { return programsOf(dir) }); err != nil {
		t.Error(err)
	}
}

// The first `ip netns add` of a machine mounts its directory over itself, and hides what was mounted there before.
func TestRunsBesideForeignNamespaces(t *testing.T) {
	RequireNetns(t)
	cmd := as(t, "beside foreign namespaces", "unshare", "-m", "sh", "-c",
		`mount --make-rprivate / && mount -t tmpfs run /run && exec "$0"`)
	if out, err := cmd.Output(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestSweepTakesNamesOfDeadRunsOnly(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, want := range map[string]bool{
		fmt.Sprintf("vigil-%d-1-noMount", dead.Process.Pid): false,
		fmt.Sprintf("vigil-%d-1-living", os.Getpid()):       true,
		"vigil-notapid-1": true, "vigil-0-1-x": true, "foreign": true,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if err := sweepNames(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it kept: %v", name, err, want)
		}
	}
	if err := sweepNames(filepath.Join(dir, "none")); err != nil {
		t.Errorf("without a directory: %v", err)
	}
}

func TestScratchIsSweptWhenItsOwnerIsGone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine, err := NewScratch("x-")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := NewScratch("x-")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewScratch("y-")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Scratch{mine, gone, other} {
		if err := os.WriteFile(filepath.Join(s.Path, "file"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if abandoned(s.Path) {
			t.Errorf("%s is taken for abandoned", s.Path)
		}
	}
	for _, s := range []*Scratch{gone, other} {
		if err := s.lock.Close(); err != nil { // as the kernel does when its owner dies
			t.Fatal(err)
		}
	}
	elsewhere := filepath.Join(os.TempDir(), "x-00000000-1") // of a virtual machine's process, whose lock nobody here sees
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SweepScratch("x-"); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	want := []string{mine.Path, other.Path, elsewhere}
	slices.Sort(want)
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("left: %v, %v; want %v", left, err, want)
	}
	if err := mine.Remove(); err != nil {
		t.Error(err)
	}
	if !abandoned(mine.Path) || !abandoned(gone.Path) {
		t.Error("a directory that is not there is somebody's")
	}
}

// Many runs begin at once, and each sweeps what the others have just made.
func TestScratchIsMadeWhileOthersSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var under sync.WaitGroup
	for range 8 {
		under.Go(func() {
			for range 50 {
				s, err := NewScratch("x-")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(s.Path); err != nil {
					t.Errorf("swept from under its owner: %v", err)
				}
				if err := s.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	under.Wait()
}

// A run in a container, or under another root, has directories that are not to be seen here; its programs are its own.
func TestSweepSparesRunsInOtherRoots(t *testing.T) {
	RequireNetns(t)
	dir := t.TempDir()
	lab := filepath.Join(dir, "lab")
	// It is a run's from when the directory is locked: before, that of another package would take it for abandoned.
	cmd := exec.Command("unshare", "-m", "sh", "-ec",
		`mount -t tmpfs none "$1"; mkdir "$2"; exec flock "$2" env "$3=$2" sh -c 'echo ready; read end'`, "sh", dir, lab, labVariable)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	if _, err := os.Stat(lab); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the other root's directory is to be seen here: %v", err)
	}
	if err := Sweep(); err != nil {
		t.Error(err)
	}
	if _, err := fmt.Fprintln(in, "end"); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a program of another root's run: %v", err)
	}
}
