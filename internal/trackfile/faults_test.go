package trackfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFileThatCannotBeRead: without a descriptor for it the number is what it was, and is read when there is one again. A
// file that may not be read is as one that is not there.
func TestFileThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	write(t, path, "3")
	l := follow(t, File{Path: path})
	replace(t, path, "4")
	l.want(4)
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 0
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	must(t, os.Rename(path, path+".old"))
	must(t, os.Link(path+".old", path))
	for unread := false; !unread; {
		l.w.mu.Lock()
		unread = l.w.files[path].unread
		l.w.mu.Unlock()
	}
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	replace(t, path, "5")
	l.want(5) // and no 0 before
}

// TestDirectoryOfTwoNames: the kernel watches a directory once, whatever names it goes by.
func TestDirectoryOfTwoNames(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	one := follow(t, File{Path: filepath.Join(dir, "one")})
	replace(t, one.path, "1")
	one.want(1)
	two := make(chan int32, 10)
	path := filepath.Join(link, "two")
	_, stop := one.w.Follow(File{Path: path}, func(v int32) { two <- v })
	replace(t, path, "2")
	if got := <-two; got != 2 {
		t.Errorf("told %d, want 2", got)
	}
	replace(t, one.path, "3")
	one.want(3)
	stop()
	replace(t, one.path, "4")
	one.want(4)
}

// TestDirectoryBehindALink: when a link on the way leads to another directory, the file in that one counts, and the
// directory before is not watched any more.
func TestDirectoryBehindALink(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"1", "2", "3"} {
		must(t, os.Mkdir(filepath.Join(dir, "v"+v), 0o755))
		write(t, filepath.Join(dir, "v"+v, "load"), v)
	}
	current := filepath.Join(dir, "current")
	lead := func(to string) {
		must(t, os.Symlink(to, current+".new"))
		must(t, os.Rename(current+".new", current))
	}
	lead("v1")
	l := follow(t, File{Path: filepath.Join(current, "load")})
	if l.value != 1 {
		t.Errorf("begins with %d", l.value)
	}
	lead("v2")
	l.want(2)
	lead("v3")
	l.want(3)
	replace(t, l.path, "4")
	l.want(4)
	if n := watches(t, l.w.watch); n != 1 {
		t.Errorf("%d directories are watched", n)
	}
	must(t, os.Remove(current))
	l.want(0)
	lead("v2")
	l.want(2)
}

// TestMovedDirectoriesAreNotWatched: what has been moved away is not held on to.
func TestMovedDirectoriesAreNotWatched(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	must(t, os.Mkdir(dir, 0o755))
	l := follow(t, File{Path: filepath.Join(dir, "load")})
	for v, name := range []string{"a", "b", "c"} {
		replace(t, l.path, string(rune('1'+v)))
		l.want(int32(1 + v))
		must(t, os.Rename(dir, dir+name))
		l.want(0)
		must(t, os.Mkdir(dir, 0o755))
	}
	replace(t, l.path, "9")
	l.want(9)
	if n := watches(t, l.w.watch); n != 1 {
		t.Errorf("%d directories are watched", n)
	}
}

// watches is how many directories the kernel watches (proc(5), fdinfo).
func watches(t *testing.T, i *inotify) (n int) {
	t.Helper()
	raw, err := i.file.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) {
		var text []byte
		text, err = os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(fd)))
		n = strings.Count(string(text), "inotify wd:")
	}))
	must(t, err)
	return n
}

// TestFileThatIsALink: a link, of either kind, is complete when it comes.
func TestFileThatIsALink(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "three"), "3")
	l := follow(t, File{Path: filepath.Join(dir, "load")})
	replace(t, l.path, "1")
	l.want(1)
	for _, link := range []func(string, string) error{os.Symlink, os.Link} {
		must(t, os.Remove(l.path))
		l.want(0)
		must(t, link(filepath.Join(dir, "three"), l.path))
		l.want(3)
	}
}
