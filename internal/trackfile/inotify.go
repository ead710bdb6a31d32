package trackfile

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// inotify watches directories. One that goes by several names, as by way of a link, has one watch descriptor.
type inotify struct {
	file *os.File
	mu   sync.Mutex
	dirs map[int32][]string // the names of a directory, by watch descriptor
	wds  map[string]int32   // the same, by name
}

// change is something that has happened in a directory.
type change struct {
	dir  string
	name string // of the file in it
	lost bool   // the directory is no longer watched: it is gone, or another one has its name
	all  bool   // the kernel has lost count: anything may have changed
	born bool   // the file has been created: it is complete if it is a link, and to be written otherwise
}

// watched is what a file that is complete goes through, and the end of its directory.
const watched = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_DELETE_SELF |
	unix.IN_MOVE_SELF | unix.IN_ONLYDIR

func newInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return &inotify{file: os.NewFile(uintptr(fd), "inotify"), dirs: make(map[int32][]string), wds: make(map[string]int32)}, nil
}

// Close ends the watch and a next that waits.
func (i *inotify) Close() error { return i.file.Close() }

// add watches a directory, which may be watched already, instead of the one that had its name before.
func (i *inotify) add(dir string) error {
	raw, err := i.file.SyscallConn()
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var wd int
	var failed error
	if err := raw.Control(func(fd uintptr) { wd, failed = unix.InotifyAddWatch(int(fd), dir, watched) }); err != nil {
		return err
	}
	if failed != nil {
		return os.NewSyscallError("inotify_add_watch", failed)
	}
	if before, had := i.wds[dir]; had && before != int32(wd) {
		i.drop(before, dir)
	}
	if !slices.Contains(i.dirs[int32(wd)], dir) {
		i.dirs[int32(wd)] = append(i.dirs[int32(wd)], dir)
	}
	i.wds[dir] = int32(wd)
	return nil
}

// drop ends the watch of a directory by a name; i.mu is held.
func (i *inotify) drop(wd int32, dir string) {
	delete(i.wds, dir)
	i.dirs[wd] = slices.DeleteFunc(i.dirs[wd], func(d string) bool { return d == dir })
	if len(i.dirs[wd]) > 0 {
		return
	}
	delete(i.dirs, wd)
	if raw, err := i.file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(wd)) }) // it may have gone by itself
	}
}

// next waits for changes, for as long as patience if that is not 0; the error wraps os.ErrDeadlineExceeded then.
func (i *inotify) next(patience time.Duration) ([]change, error) {
	deadline := time.Time{}
	if patience > 0 {
		deadline = time.Now().Add(patience)
	}
	if err := i.file.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	var buf [16 << 10]byte
	n, err := i.file.Read(buf[:])
	if err != nil {
		return nil, err
	}
	return i.changes(buf[:n]), nil
}

// eventHeader is the size of struct inotify_event (inotify(7)) without the name.
const eventHeader = 16

// changes reads what the kernel wrote.
func (i *inotify) changes(b []byte) []change {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []change
	for len(b) >= eventHeader {
		wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		length := min(int(binary.NativeEndian.Uint32(b[12:])), len(b)-eventHeader)
		name, _, _ := bytes.Cut(b[eventHeader:eventHeader+length], []byte{0})
		b = b[eventHeader+length:]
		c := change{name: string(name), born: mask&unix.IN_CREATE != 0}
		if mask&unix.IN_Q_OVERFLOW != 0 {
			all = append(all, change{all: true})
		}
		c.lost = mask&(unix.IN_IGNORED|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF) != 0
		for _, dir := range slices.Clone(i.dirs[wd]) {
			c.dir = dir
			all = append(all, c)
			if c.lost {
				i.drop(wd, dir)
			}
		}
	}
	return all
}
