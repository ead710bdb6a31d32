package members

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
)

// touching is Files by hand.
type touching struct {
	mu    sync.Mutex
	files map[string]func()
}

func (f *touching) Watch(path string, touched func()) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files == nil {
		f.files = make(map[string]func())
	}
	f.files[path] = touched
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.files, path)
	}
}

func (f *touching) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (f *touching) touch(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if touched := f.files[path]; touched != nil {
		touched()
	}
}

// lab is a Watcher in simulated time.
type lab struct {
	t     *testing.T
	dir   string
	zone  *zone
	files *touching
	log   *bytes.Buffer
	*Watcher
	end func()
}

// newLab returns a Watcher whose state file is in dir.
func newLab(t *testing.T, dir string, z *zone) *lab {
	l := &lab{t: t, dir: dir, zone: z, files: new(touching), log: new(bytes.Buffer)}
	l.Watcher = New(Options{Logger: slog.New(slog.NewTextHandler(l.log, nil)), StatePath: filepath.Join(dir, "state"), Exchange: z.exchange,
		Configuration: filepath.Join(dir, "resolv.conf"), Files: l.files})
	write(t, filepath.Join(dir, "resolv.conf"), "nameserver 192.0.2.53\n")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	l.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return l
}

// is fails unless a source has a list, and whether it fails and has changed is so.
func (l *lab) is(what string, from confparse.Source, want, failure string, changed bool) {
	l.t.Helper()
	synctest.Wait()
	news := false
	select {
	case <-l.Changed():
		news = true
	default:
	}
	st, _ := l.Status(from)
	if got := shown(l.List(from)); got != want || !strings.Contains(st.Failure, failure) || (failure == "") != (st.Failure == "") || news != changed {
		l.t.Errorf("%s: %q, failure %q, changed %v; want %q, %q, %v", what, got, st.Failure, news, want, failure, changed)
	}
}

var web = confparse.Source{Name: "web", IPv4: true}

// TestNamesAreAskedWhenTheirTTLIsOver: and not before; one that fails is asked again soon, then less and less often, and its members stay.
func TestNamesAreAskedWhenTheirTTLIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("web A", "web 30 A 192.0.2.1")
		l := newLab(t, t.TempDir(), z)
		defer func() { l.end() }()
		l.Learn(t.Context(), []confparse.Source{web})
		l.Follow([]confparse.Source{web})
		l.is("at first", web, "192.0.2.1:0", "", false)
		z.set("web A", "web 10 A 192.0.2.1", "web 10 A 192.0.2.2")
		time.Sleep(29 * time.Second)
		l.is("before the TTL is over", web, "192.0.2.1:0", "", false)
		time.Sleep(2 * time.Second)
		l.is("after", web, "192.0.2.1:0 192.0.2.2:0", "", true)
		before := time.Now()
		time.Sleep(10 * time.Second)
		l.is("the same again", web, "192.0.2.1:0 192.0.2.2:0", "", false)
		if st, _ := l.Status(web); st.Members != 2 || st.Since.After(before) {
			t.Errorf("%+v", st)
		}
		z.fail("192.0.2.53", errors.New("connection refused"))
		time.Sleep(10 * time.Second)
		l.is("a server that is gone", web, "192.0.2.1:0 192.0.2.2:0", "192.0.2.53: connection refused", false)
		z.log()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		st, _ := l.Status(web)
		if n := len(z.log()); n < 20 || n > 40 || st.Attempts < 10 || st.Retry.Before(time.Now()) || time.Since(st.Failing) < 10*time.Minute {
			t.Errorf("asked %d times in ten minutes; %+v", n, st)
		}
		if n := strings.Count(l.log.String(), "level=ERROR"); n != 1 {
			t.Errorf("told %d times:\n%s", n, l.log)
		}
		z.fail("192.0.2.53", nil)
		z.set("web A", "web 10 A 192.0.2.3")
		time.Sleep(time.Minute)
		l.is("it is back", web, "192.0.2.3:0", "", true)
		z.set("web A")
		time.Sleep(15 * time.Second)
		l.is("a name that has been emptied", web, "192.0.2.3:0", "no address (A)", false)
	})
}

// TestListsStayOverTheEnd: the next run has them until the source answers, and does not wait for it.
func TestListsStayOverTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z, dir := new(zone), t.TempDir()
		z.set("web A", "web 30 A 192.0.2.1")
		file := confparse.Source{File: filepath.Join(dir, "m")}
		both := []confparse.Source{web, file}
		write(t, file.File, one)
		l := newLab(t, dir, z)
		l.Learn(t.Context(), both)
		l.Follow(both)
		synctest.Wait()
		l.end()

		z.fail("192.0.2.53", errSilent)
		must(t, os.Remove(file.File))
		l = newLab(t, dir, z)
		begun := time.Now()
		l.Learn(t.Context(), both)
		if took := time.Since(begun); took > 0 {
			t.Errorf("a start waits for %v", took)
		}
		l.Follow(both)
		l.is("remembered", web, "192.0.2.1:0", "", false)
		l.is("a file that is gone", file, "192.0.2.1:0", "no such file", false)
		time.Sleep(time.Minute)
		l.is("silence", web, "192.0.2.1:0", "192.0.2.53: it does not answer", false)
		if st, _ := l.Status(web); !st.Remembered || st.Since.IsZero() {
			t.Errorf("%+v", st)
		}
		z.fail("192.0.2.53", nil)
		time.Sleep(2 * time.Minute)
		l.is("the same answer", web, "192.0.2.1:0", "", true)
		if st, _ := l.Status(web); st.Remembered {
			t.Errorf("%+v", st)
		}
		l.Follow([]confparse.Source{file})
		synctest.Wait()
		l.end()

		l = newLab(t, dir, z)
		defer func() { l.end() }()
		z.fail("192.0.2.53", errors.New("connection refused"))
		l.Learn(t.Context(), both)
		l.Follow(both)
		l.is("what was not followed any more is forgotten", web, "", "connection refused", false)
		l.is("the file is remembered", file, "192.0.2.1:0", "no such file", false)
		if text := l.log.String(); !strings.Contains(text, "there are no members") || !strings.Contains(text, "that it had before the start") {
			t.Error(text)
		}
	})
}

// TestLearnWaitsNoLongerThanItsContext: a list that nobody knows is asked for once, at most for so long.
func TestLearnWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("web A", "web 30 A 192.0.2.1")
		z.fail("192.0.2.53", errSilent)
		l := newLab(t, t.TempDir(), z)
		defer l.end()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		l.Learn(ctx, []confparse.Source{web})
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		other := confparse.Source{Name: "web", IPv4: true, Port: 80}
		z.log()
		l.Learn(done, []confparse.Source{web, other})
		if n := len(z.log()); n > 0 {
			t.Errorf("asked %d times without time for it", n)
		}
		if _, followed := l.Status(web); followed {
			t.Error("it is followed already")
		}
		z.fail("192.0.2.53", nil)
		l.Follow([]confparse.Source{web, other})
		time.Sleep(time.Second)
		l.is("soon", web, "192.0.2.1:0", "", true)
		l.is("at once", other, "192.0.2.1:80", "", false)
	})
}

// TestFilesAreReadWhenTheyAreTouched: a list with a mistake changes nothing, and an empty one is none.
func TestFilesAreReadWhenTheyAreTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m := confparse.Source{File: filepath.Join(dir, "m")}
		l := newLab(t, dir, new(zone))
		defer l.end()
		l.Learn(t.Context(), []confparse.Source{m})
		write(t, m.File, one) // before it is followed
		l.Follow([]confparse.Source{m})
		l.is("after it was learned of", m, "192.0.2.1:0", "", true)
		for _, tt := range []struct {
			what, text, want, failure string
			changed                   bool
		}{
			{"another", two, "192.0.2.1:0 192.0.2.2:0", "", true},
			{"the same in another order", `{"address":"192.0.2.2"}` + "\n" + one, "192.0.2.1:0 192.0.2.2:0", "", false},
			{"a mistake", one + "{", "192.0.2.1:0 192.0.2.2:0", m.File + ":2: this is no JSON object", false},
			{"mended", one, "192.0.2.1:0", "", true},
			{"empty", "", "", "", true},
		} {
			replace(t, m.File, tt.text)
			l.files.touch(m.File)
			l.is(tt.what, m, tt.want, tt.failure, tt.changed)
		}
		must(t, os.Remove(m.File))
		l.files.touch(m.File)
		l.is("gone", m, "", "no such file", false)
		write(t, m.File, two) // and nobody tells
		time.Sleep(time.Minute)
		l.is("back", m, "192.0.2.1:0 192.0.2.2:0", "", true)
		l.Follow(nil)
		synctest.Wait()
		if l.List(m) != nil || len(l.files.files) > 0 {
			t.Error("it is still followed")
		}
	})
}

// TestFilesOfTheMachine: with the kernel's own watch.
func TestFilesOfTheMachine(t *testing.T) {
	m := confparse.Source{File: filepath.Join(t.TempDir(), "m")}
	w := New(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.Learn(ctx, []confparse.Source{m})
	w.Follow([]confparse.Source{m})
	for _, text := range []string{one, two, "", one} {
		replace(t, m.File, text)
		want := shown(must2(parse("m", []byte(text))))
		for shown(w.List(m)) != want {
			<-w.Changed()
		}
	}
	cancel()
	must(t, <-done)
}

// TestOldListsServeOnce: what an earlier run has left is for who is followed from the start; later it is too old.
func TestOldListsServeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, z := t.TempDir(), new(zone)
		z.set("web A", "web 30 A 192.0.2.66")
		first := newLab(t, dir, z)
		first.Learn(t.Context(), []confparse.Source{web})
		first.Follow([]confparse.Source{web})
		time.Sleep(time.Second)
		first.end()
		z.set("web A", "web 30 A 192.0.2.1")
		second := newLab(t, dir, z)
		defer second.end()
		second.Learn(t.Context(), []confparse.Source{web})
		second.Follow([]confparse.Source{web})
		time.Sleep(time.Second)
		second.is("asked anew", web, "192.0.2.1:0", "", true)
		second.Follow(nil)
		z.fail("192.0.2.53", errSilent)
		time.Sleep(24 * time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second.Learn(ctx, []confparse.Source{web})
		if list := second.List(web); len(list) > 0 {
			t.Errorf("a day later it has %v", list)
		}
	})
}

// TestLearnedAgain: what was learned for a configuration that was refused is asked anew for the next one.
func TestLearnedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("web A", "web 30 A 192.0.2.1")
		l := newLab(t, t.TempDir(), z)
		defer l.end()
		l.Learn(t.Context(), []confparse.Source{web})
		z.set("web A", "web 30 A 192.0.2.2")
		time.Sleep(24 * time.Hour)
		l.Learn(t.Context(), []confparse.Source{web})
		if list := l.List(web); len(list) != 1 || list[0].Addr.String() != "192.0.2.2" {
			t.Errorf("%v", list)
		}
	})
}

// TestLinkedFile: a file that a link of another directory leads to is looked at again.
func TestLinkedFile(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "list"), []byte("{\"address\":\"192.0.2.1\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "list"), filepath.Join(dir, "m")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]time.Duration{filepath.Join(dir, "m"): linkedFor, filepath.Join(elsewhere, "list"): 0} {
		if list, valid, err := (&file{path: name}).ask(t.Context()); err != nil || len(list) != 1 || valid != want {
			t.Errorf("%s: %v for %v, %v", name, list, valid, err)
		}
	}
}
