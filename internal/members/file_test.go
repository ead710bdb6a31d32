package members

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	one = `{"address":"192.0.2.1"}` + "\n"
	two = one + `{"address":"192.0.2.2"}` + "\n"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// replace moves a complete file into the place of one.
func replace(t testing.TB, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	must(t, os.Rename(path+".new", path))
}

func TestFileOfMembers(t *testing.T) {
	f := file{path: filepath.Join(t.TempDir(), "m")}
	is := func(what, want string) {
		t.Helper()
		list, valid, err := f.ask(t.Context())
		got := shown(list)
		if err != nil {
			got = strings.ReplaceAll(err.Error(), f.path, "m")
		}
		if got != want || valid != 0 {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	is("none", "read m: no such file or directory")
	write(t, f.path, two)
	is("written", "192.0.2.1:0 192.0.2.2:0")
	is("again", "192.0.2.1:0 192.0.2.2:0")
	write(t, f.path, strings.Replace(two, "2.2", "2.3", 1)) // of the same size, perhaps in the same moment of the file system
	is("written in place", "192.0.2.1:0 192.0.2.3:0")
	write(t, f.path, "{")
	is("a mistake", "m:1: this is no JSON object on one line, "+example)
	replace(t, f.path, one)
	is("replaced", "192.0.2.1:0")
	write(t, f.path, "")
	is("an empty list", "")
	must(t, os.Truncate(f.path, maxSize+1))
	is("too large", "read m: it is larger than 16 MiB")
	must(t, os.Remove(f.path))
	is("gone", "read m: no such file or directory")
	must(t, os.Mkdir(f.path, 0o755))
	is("a directory", "read m: it is no regular file")
	must(t, os.Remove(f.path))
	must(t, unix.Mkfifo(f.path, 0o644))
	is("a FIFO", "read m: it is no regular file")
}

// TestFileThatIsBeingWritten: as long as somebody has it open to write, it may be cut anywhere, and an empty one is no empty list.
func TestFileThatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	out, err := os.Create(path)
	must(t, err)
	defer out.Close()
	in, err := os.Open(path)
	must(t, err)
	defer in.Close()
	if _, err := unix.FcntlInt(in.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != unix.EAGAIN {
		t.Skip("files here cannot be leased: ", err)
	}
	for _, text := range []string{"", one, two[len(one):]} {
		_, err := out.WriteString(text)
		must(t, err)
		if list, _, err := (&file{path: path}).ask(t.Context()); err == nil || !strings.Contains(err.Error(), "it is being written") {
			t.Errorf("%s, %v", shown(list), err)
		}
	}
	must(t, out.Close())
	if list, _, err := (&file{path: path}).ask(t.Context()); shown(list) != "192.0.2.1:0 192.0.2.2:0" || err != nil {
		t.Errorf("%s, %v", shown(list), err)
	}
	again, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0) // nobody is left waiting by a lease
	must(t, err)
	must(t, again.Close())
}

func TestCheckOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	if err := Check(path); err == nil {
		t.Error("a file that is not there")
	}
	write(t, path, two)
	must(t, Check(path))
}
