package members

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// file is a source that is a file with a list.
type file struct {
	path  string
	stamp stamp // by which the file is known that list is of; the zero value: it has to be read
	list  []confparse.Member
}

// stamp tells a file from another one, and from itself before it was written.
type stamp struct {
	device, inode  uint64
	size           int64
	written, other unix.Timespec // mtime, and ctime, which is not anybody's to set
}

func stampOf(f *os.File) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return stamp{}, os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return stamp{}, errors.New("it is no regular file")
	}
	return stamp{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}, nil
}

// linkedFor is when a file is looked at again that a symbolic link leads to: where that goes nobody watches.
const linkedFor = 2 * time.Second

// settled is how old a change must be for the next one to have another stamp, whatever the clock of the file system is.
const settled = 2 * time.Second

var errBeingWritten = errors.New("it is being written; close it, or move a complete file into its place")

// ask implements asker.
func (f *file) ask(context.Context) ([]confparse.Member, time.Duration, error) {
	list, err := f.read()
	var line *LineError
	switch {
	case errors.As(err, &line):
		return nil, 0, err
	case err != nil:
		return nil, 0, fmt.Errorf("read %s: %w", f.path, err)
	}
	if at, err := filepath.EvalSymlinks(f.path); err != nil || at != filepath.Clean(f.path) {
		return list, linkedFor, nil
	}
	return list, 0, nil
}

// read returns the list that is in the file, of which nothing must have been written meanwhile: nobody says when a list has been cut.
func (f *file) read() ([]confparse.Member, error) {
	in, err := os.OpenFile(f.path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, bare(err)
	}
	defer in.Close()
	before, err := stampOf(in)
	if err != nil {
		return nil, err
	}
	if before == f.stamp {
		return f.list, nil
	}
	if before.size > maxSize {
		return nil, fmt.Errorf("it is larger than %d MiB", maxSize>>20)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSize+1))
	if err != nil {
		return nil, bare(err)
	}
	if after, err := stampOf(in); err != nil || after != before || int64(len(text)) != before.size || open(in) {
		return nil, errors.Join(errBeingWritten, err)
	}
	list, err := parse(f.path, text)
	if err != nil {
		return nil, err
	}
	f.list = list
	if f.stamp = (stamp{}); time.Since(time.Unix(before.other.Unix())) > settled {
		f.stamp = before
	}
	return list, nil
}

// open reports whether somebody has a file open to write it, as far as that can be told: the kernel does not lease such a file
// (fcntl(2), F_SETLEASE). The lease ends at once, so that nobody waits for it. Not every file can be leased.
func open(f *os.File) bool {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return errors.Is(err, unix.EAGAIN)
	}
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	return false
}

// bare is err without the operation and the path, which are said once.
func bare(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Check says what is wrong with the file of a source, or nil. A mistake in its text is a *LineError.
func Check(path string) error {
	_, _, err := (&file{path: path}).ask(context.Background())
	return err
}
