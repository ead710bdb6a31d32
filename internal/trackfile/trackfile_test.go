package trackfile

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/fuzzing"
)

// TestValue has what keepalived 2.2.7 makes of the same contents.
func TestValue(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int32
		ok   bool
	}{
		{"5\n", 5, true}, {"5x", 5, true}, {" \t\n7", 7, true}, {"0x10", 16, true}, {"0XaF", 175, true}, {"010", 8, true},
		{"x", 0, true}, {"", 0, true}, {"+6", 6, true}, {"-6", -6, true}, {"5 6", 5, true}, {"9\n8", 9, true}, {"0x", 0, true},
		{"08", 0, true}, {"-", 0, true}, {"--5", 0, true}, {"00000000000000000000000000005", 5, true},
		{"2147483647", math.MaxInt32, true}, {"2147483648", math.MinInt32, true}, {"-2147483648", math.MinInt32, true},
		{"3000000000", 0, false}, {"-3000000000", 0, false}, {"2147483649", 0, false}, {"99999999999999999999999", 0, false},
		{"0x80000000", math.MinInt32, true}, {"0x80000001", 0, false},
	} {
		if v, ok := Value(tt.text); v != tt.want || ok != tt.ok {
			t.Errorf("%q: %d, %v; want %d, %v", tt.text, v, ok, tt.want, tt.ok)
		}
	}
}

// FuzzValue: what the number is printed as reads as the number, and nothing behind it matters.
func FuzzValue(f *testing.F) {
	for _, s := range []string{"5", "-0x7fffffff", "0777 ", "2147483648", "x", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v int32
		var ok bool
		fuzzing.Within(t, time.Second, func() { v, ok = Value(s) })
		if again, fits := Value(strconv.Itoa(int(v)) + " " + s); ok && (again != v || !fits) {
			t.Errorf("%q is %d, which reads as %d", s, v, again)
		}
		want, err := strconv.ParseInt(strings.TrimRight(s, "\n"), 10, 32)
		if plain := strings.TrimLeft(s, "+-"); err == nil && !strings.HasPrefix(plain, "0") && (v != int32(want) || !ok) {
			t.Errorf("%q is %d, %v", s, v, ok)
		}
	})
}

// lab follows one file.
type lab struct {
	t     *testing.T
	w     *Watcher
	dir   string
	path  string
	told  chan int32
	value int32
	stop  func()
	end   func()
}

func follow(t *testing.T, f File) *lab {
	t.Helper()
	l := &lab{t: t, w: NewWatcher(nil), dir: filepath.Dir(f.Path), path: f.Path, told: make(chan int32, 100)}
	l.value, l.stop = l.w.Follow(f, func(v int32) { l.told <- v })
	l.run()
	t.Cleanup(func() { l.end() })
	return l
}

func (l *lab) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.w.Run(ctx) }()
	l.end = func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	}
}

func (l *lab) want(values ...int32) {
	l.t.Helper()
	for _, v := range values {
		if got := <-l.told; got != v {
			l.t.Errorf("told %d, want %d", got, v)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replace puts another file in the place of one: whoever reads it sees the one or the other.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	must(t, os.Rename(path+".new", path))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileThatChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	write(t, path, "3\n")
	l := follow(t, File{Path: path})
	if l.value != 3 {
		t.Errorf("begins with %d", l.value)
	}
	replace(t, path, "5\n")
	l.want(5)
	replace(t, path, "5\n") // nothing new
	replace(t, path, "99999999999")
	replace(t, path, "garbage")
	l.want(0)
	replace(t, path, "7")
	l.want(7)
	must(t, os.Rename(path, path+".old"))
	l.want(0)
	must(t, os.Rename(path+".old", path))
	l.want(7)
	must(t, os.Remove(path))
	l.want(0)
	write(t, path, "-1")
	l.want(-1)
}

// TestFileIsReadWhenItIsComplete: between the moment a shell has opened it and the one it has written it, a file is empty.
func TestFileIsReadWhenItIsComplete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	write(t, path, "3")
	l := follow(t, File{Path: path})
	replace(t, path, "2")
	l.want(2) // it is watched
	f, err := os.Create(path)
	must(t, err)
	write(t, filepath.Join(l.dir, "other"), "1") // and something else happens
	_, err = f.WriteString("4")
	must(t, err)
	must(t, f.Close())
	l.want(4)
}

// TestFileBehindALink is how a mounted ConfigMap changes: a directory of another name takes the place of ..data.
func TestFileBehindALink(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"1", "2"} {
		must(t, os.Mkdir(filepath.Join(dir, "..v"+v), 0o755))
		write(t, filepath.Join(dir, "..v"+v, "load"), v)
	}
	must(t, os.Symlink("..v1", filepath.Join(dir, "..data")))
	must(t, os.Symlink("..data/load", filepath.Join(dir, "load")))
	l := follow(t, File{Path: filepath.Join(dir, "load")})
	if l.value != 1 {
		t.Errorf("begins with %d", l.value)
	}
	must(t, os.Symlink("..v2", filepath.Join(dir, "..tmp")))
	must(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	l.want(2)
}

func TestDirectoryThatComesAndGoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "load")
	l := follow(t, File{Path: path})
	if l.value != 0 {
		t.Errorf("begins with %d", l.value)
	}
	for v := int32(1); v < 3; v++ {
		must(t, os.Mkdir(dir, 0o755))
		write(t, path, strconv.Itoa(int(v)))
		l.want(v)
		replace(t, path, "9")
		l.want(9)
		must(t, os.RemoveAll(dir))
		l.want(0)
	}
	must(t, os.Mkdir(dir, 0o755))
	write(t, path, "4")
	l.want(4)
	must(t, os.Rename(dir, dir+".old"))
	l.want(0)
}

func TestInitFile(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	for _, tt := range []struct {
		name string
		file File
		want int32
		text string
	}{
		{"not there", File{Path: filepath.Join(dir, "new"), Init: true, InitValue: 7}, 7, "7\n"},
		{"there", File{Path: there, Init: true, InitValue: 7}, 3, "3"},
		{"there and overwritten", File{Path: there, Init: true, InitValue: -7, Overwrite: true}, -7, "-7\n"},
		{"not asked for", File{Path: filepath.Join(dir, "none"), InitValue: 7}, 0, ""},
		{"cannot be written", File{Path: filepath.Join(dir, "no", "directory"), Init: true, InitValue: 7}, 0, ""},
	} {
		write(t, there, "3")
		w := NewWatcher(nil)
		v, stop := w.Follow(tt.file, func(int32) {})
		stop()
		if b, _ := os.ReadFile(tt.file.Path); v != tt.want || string(b) != tt.text || len(w.files) != 0 {
			t.Errorf("%s: %d, %q, %d files; want %d, %q", tt.name, v, b, len(w.files), tt.want, tt.text)
		}
	}
}

// TestWhatIsNoFile: it has no value, and nothing waits for it.
func TestWhatIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	must(t, unix.Mkfifo(path, 0o644))
	for _, path := range []string{path, filepath.Dir(path), "/dev/zero"} {
		if v, stop := NewWatcher(nil).Follow(File{Path: path, Init: true, InitValue: 3}, nil); v != 0 {
			t.Errorf("%s has the value %d", path, v)
		} else {
			stop()
		}
	}
}

func TestSeveralFollowers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	l := follow(t, File{Path: path})
	other := make(chan int32, 10)
	_, stop := l.w.Follow(File{Path: path}, func(v int32) { other <- v })
	replace(t, path, "1")
	l.want(1)
	if got := <-other; got != 1 {
		t.Errorf("the other was told %d", got)
	}
	stop()
	replace(t, path, "2")
	l.want(2)
	l.end() // nobody is told meanwhile; what has changed is found when it goes on
	replace(t, path, "3")
	l.run()
	l.want(3)
	late := make(chan int32, 10) // a file in a directory that is followed by nobody yet
	second := filepath.Join(t.TempDir(), "second")
	v, stop := l.w.Follow(File{Path: second}, func(v int32) { late <- v })
	replace(t, second, "8")
	if got := <-late; v != 0 || got != 8 {
		t.Errorf("%d, then %d", v, got)
	}
	stop()
	if len(other) != 0 || len(l.w.files) != 1 {
		t.Errorf("%d told after its end, %d files followed", len(other), len(l.w.files))
	}
}

// TestManyChanges: more than the kernel keeps for who does not listen; the last value is what counts.
func TestManyChanges(t *testing.T) {
	w := NewWatcher(nil)
	path := filepath.Join(t.TempDir(), "load")
	watch, err := newInotify()
	must(t, err)
	defer watch.Close()
	must(t, watch.add(filepath.Dir(path)))
	w.watch = watch
	told := int32(0)
	_, stop := w.Follow(File{Path: path}, func(v int32) { told = v })
	defer stop()
	text, err := content("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	limit, _ := strconv.Atoi(strings.TrimSpace(text))
	if limit == 0 || limit > 1<<17 {
		t.Skip("the kernel keeps too many to fill its queue")
	}
	write(t, path+"0", "1")
	for i := range limit + 10 {
		must(t, os.Rename(path+strconv.Itoa(i%2), path+strconv.Itoa((i+1)%2)))
	}
	write(t, path, "5")
	for lost := false; !lost; {
		changes, err := watch.next(0)
		must(t, err)
		if i := slices.IndexFunc(changes, func(c change) bool { return c.all }); i >= 0 {
			lost = true
			w.look(changes[i:])
		}
	}
	if told != 5 {
		t.Errorf("told %d, want 5", told)
	}
}

// TestFilesThatAreWatched: who reads a file himself is told of every change that is complete, whatever is in it, and of none that is not.
func TestFilesThatAreWatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "members")
	l := follow(t, File{Path: path})
	replace(t, path, "1")
	l.want(1) // it is watched
	touched := make(chan struct{}, 100)
	stop := l.w.Watch(path, func() { touched <- struct{}{} })
	write(t, path, "text")
	<-touched
	l.want(0)
	replace(t, path, "text")
	<-touched
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	_, err = f.WriteString("5")
	must(t, err)
	if len(touched) > 0 {
		t.Error("told of a file that is being written")
	}
	must(t, f.Close())
	<-touched
	l.want(5)
	must(t, os.Remove(path))
	<-touched
	l.want(0)
	stop()
	write(t, path, "7")
	l.want(7)
	if len(touched) > 0 {
		t.Error("told after its end")
	}
}
