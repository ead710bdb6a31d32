package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// PIDFiles are the paths of the pid files. Each subsystem has one, as keepalived's child processes do; all hold the
// one pid of this process.
type PIDFiles struct {
	Daemon, VRRP, Checkers, BFD string
}

// errAlreadyRunning says that a live daemon holds one of the pid files.
var errAlreadyRunning = errors.New("daemon is already running")

// pidFile is an open, locked pid file. The lock lasts as long as the process, so a crash leaves no false claim.
type pidFile struct{ f *os.File }

// createPIDFile opens and locks path and writes our pid. The file is readable by all whatever the umask. It returns
// errAlreadyRunning when another process holds the lock, or when a live keepalived that does not lock wrote the file.
func createPIDFile(path string) (*pidFile, error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := makeDirs(dir); err != nil {
			return nil, fmt.Errorf("pid file: %w", err)
		}
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return nil, fmt.Errorf("pid file: %w", err)
		}
		if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
			f.Close()
			// A device or a FIFO would get another mode and be removed in the end: /dev/null is where some send it.
			return nil, errors.Join(fmt.Errorf("pid file %s is not a regular file", path), err)
		}
		if err := lockWhole(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("pid file %s is locked by another process: %w", path, errAlreadyRunning)
		}
		if !sameFile(f, path) { // replaced between open and lock
			f.Close()
			continue
		}
		if old := readPID(f); old != os.Getpid() && isKeepalived(old) {
			f.Close()
			return nil, fmt.Errorf("pid file %s names process %d: %w", path, old, errAlreadyRunning)
		}
		p := &pidFile{f: f}
		if err := writePID(f); err != nil { // the disk is full: an empty file would say nothing to anybody
			return nil, errors.Join(fmt.Errorf("pid file %s: %w", path, err), p.remove())
		}
		return p, nil
	}
}

// remove deletes the file, if it is still ours, and gives up the lock.
func (p *pidFile) remove() error {
	defer p.f.Close()
	if !sameFile(p.f, p.f.Name()) {
		return nil
	}
	if err := os.Remove(p.f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func lockWhole(f *os.File) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart})
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// readPID returns the pid in the file, or 0.
func readPID(f *os.File) int {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

func writePID(f *os.File) error {
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// isKeepalived reports whether pid is a live process of exactly that name: keepalived before 2.3 does not lock its files.
// Others whose names begin so, such as exporters, may have got the pid of a daemon that died; and one that was killed keeps
// its pid and its name until somebody asks how it ended, which a container's first process may never do.
func isKeepalived(pid int) bool {
	if pid == 0 {
		return false
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "(")
	end := strings.LastIndex(rest, ") ") // the name may contain anything; proc_pid_stat(5)
	return end >= 0 && rest[:end] == "keepalived" && !strings.HasPrefix(rest[end+2:], "Z") && !strings.HasPrefix(rest[end+2:], "X")
}
