package testlan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Scratch is a temporary directory that says whether its owner still lives: the owner holds it locked (flock), and the kernel
// takes the lock away with the process, however it ends. A process id in a name could not say that: ids are used again, and
// a container has its own. Locks are a kernel's own affair: a virtual machine that shares the file system sees none of them, which is
// why a name has the kernel's boot in it and nobody sweeps what another kernel's processes own.
type Scratch struct {
	Path string
	lock *os.File
}

// NewScratch makes a directory in os.TempDir whose name begins with prefix, after removing those of the same prefix that killed
// runs left there.
func NewScratch(prefix string) (*Scratch, error) {
	if err := SweepScratch(prefix); err != nil {
		return nil, err
	}
	for {
		path, err := os.MkdirTemp("", prefix+thisBoot()+"-")
		if err != nil {
			return nil, err
		}
		lock, err := lockDir(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EWOULDBLOCK) {
			continue // another run sweeps it, in the moment before it was locked
		}
		if err != nil {
			return nil, err
		}
		return &Scratch{path, lock}, nil
	}
}

// Remove removes the directory with all that is in it.
func (s *Scratch) Remove() error { return errors.Join(os.RemoveAll(s.Path), s.lock.Close()) }

// thisBoot names this run of this kernel.
var thisBoot = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without one there is one kernel
	return string(id[:min(8, len(id))])
})

// SweepScratch removes the directories of a prefix whose owner, a process on this kernel, is gone.
func SweepScratch(prefix string) error {
	paths, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+thisBoot()+"-*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		lock, err := lockDir(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err == nil {
			err = errors.Join(os.RemoveAll(path), lock.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// abandoned tells whether a scratch directory is gone or nobody's. Whatever else is wrong with it, it may be somebody's.
func abandoned(path string) bool {
	lock, err := lockDir(path)
	if err == nil {
		lock.Close()
	}
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

// lockDir locks a directory: fs.ErrNotExist means that it is not, or no longer, there, EWOULDBLOCK that its owner lives.
func lockDir(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	locked, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Stat(path); err == nil && !os.SameFile(locked, there) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
