package daemon

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

func TestPIDFileHoldsPidAndIsReadableByAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "keepalived.pid")
	p, err := createPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("content %q, %v", b, err)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o644 {
		t.Errorf("mode %v", fi.Mode())
	}
	if err := p.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("file is still there: %v", err)
	}
}

// TestPIDFileThatIsNone: what is no file to write a number to stays as it is.
func TestPIDFileThatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := createPIDFile(path); err == nil {
		p.remove()
		t.Error("a FIFO is taken for a pid file")
	}
	if after, err := os.Stat(path); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the FIFO has mode %v, had %v (%v)", after.Mode(), before.Mode(), err)
	}
}

func TestPIDFileLockedByAnotherMeansAlreadyRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	p, err := createPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.remove()
	// An OFD lock belongs to the open file, so a second open of this process is refused as another process's is.
	if _, err := createPIDFile(path); !errors.Is(err, errAlreadyRunning) {
		t.Errorf("second claim: %v", err)
	}
}

func TestStalePIDFileIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{strconv.Itoa(dead.Process.Pid) + "\n", "", "garbage", "1\n", "-5\n", "99999999999999999999"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := createPIDFile(path)
		if err != nil {
			t.Errorf("content %q: %v", content, err)
			continue
		}
		p.remove()
	}
}

// programCalled is a copy of sleep with the name given.
func programCalled(t *testing.T, name string) string {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPIDFileOfOneThatWasKilled: it has its pid and its name until its parent asks how it ended.
func TestPIDFileOfOneThatWasKilled(t *testing.T) {
	killed := exec.Command(programCalled(t, "keepalived"), "600")
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(path, []byte(strconv.Itoa(killed.Process.Pid)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := createPIDFile(path); !errors.Is(err, errAlreadyRunning) {
		t.Errorf("while it lives: %v", err)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// This waits for its end and leaves it a zombie.
	var info unix.Siginfo
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, killed.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if p, err := createPIDFile(path); err != nil {
		t.Errorf("once it is dead: %v", err)
	} else {
		p.remove()
	}
	_ = killed.Wait()
}

// TestStalePIDFileOfAnotherProgram: the pid of a daemon that died now belongs to a program whose name begins like its.
func TestStalePIDFileOfAnotherProgram(t *testing.T) {
	for name, running := range map[string]bool{"keepalived": true, "keepalived-exporter": false, "keepalived_vrrp": false, "ekeepalived": false} {
		dir := t.TempDir()
		other := exec.Command(programCalled(t, name), "600")
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "p")
		if err := os.WriteFile(path, []byte(strconv.Itoa(other.Process.Pid)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := createPIDFile(path)
		if errors.Is(err, errAlreadyRunning) != running {
			t.Errorf("pid of %s: %v, want already running: %v", name, err, running)
		}
		if p != nil {
			p.remove()
		}
		other.Process.Kill()
		_ = other.Wait() // it was killed
	}
}

func TestPIDFileRefusesSymlink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, "p")); err != nil {
		t.Fatal(err)
	}
	if _, err := createPIDFile(filepath.Join(dir, "p")); err == nil {
		t.Error("a symlink was followed")
	}
	if b, _ := os.ReadFile(target); string(b) != "precious" {
		t.Errorf("target overwritten: %q", b)
	}
}

func TestRemoveLeavesAFileThatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	p, err := createPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("somebody else's file is gone: %v", err)
	}
}

// TestPIDFileOnAFullDisk: what could not be written is not left behind.
func TestPIDFileOnAFullDisk(t *testing.T) {
	testlan.RequireNetns(t) // root, that is
	dir := t.TempDir()
	err := onAThreadOfItsOwn(func() error {
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
			unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k")); err != nil {
			t.Error(err)
			return nil
		}
		if err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, 4096), 0o600); err != nil {
			t.Error(err)
		}
		path := filepath.Join(dir, "k.pid")
		_, err := createPIDFile(path)
		if _, there := os.Stat(path); !errors.Is(there, fs.ErrNotExist) {
			t.Errorf("left behind: %v", there)
		}
		return err
	})
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("createPIDFile: %v", err)
	}
}
