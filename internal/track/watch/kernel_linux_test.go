package watch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/testlan"
	"vigil/internal/track"
	"vigil/internal/trackfile"
)

// told keeps what was told of each object last.
type told struct {
	mu     sync.Mutex
	values map[track.ID]int
}

func (k *told) tell(id track.ID, v int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.values == nil {
		k.values = make(map[track.ID]int)
	}
	k.values[id] = v
}

// await waits until an object has a value.
func (k *told) await(t *testing.T, id track.ID, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		k.mu.Lock()
		v, known := k.values[id]
		k.mu.Unlock()
		if known && v == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v is %d (known: %t), not %d", id, v, known, want)
		}
	}
}

// watching begins to watch this machine.
func watching(t *testing.T, source processSource) (*Watcher, *told) {
	t.Helper()
	k := new(told)
	w := New(Options{Tell: k.tell, Forget: func(track.ID) {}, processes: source})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return w, k
}

// sleeper is a copy of cat with a name that no other process has. It waits for its input.
func sleeper(t *testing.T, name string) (path string, start func(args ...string) (stop func())) {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return path, func(args ...string) func() {
		t.Helper()
		c := exec.Command(path, args...)
		stdin, err := c.StdinPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		stop := sync.OnceFunc(func() { _ = stdin.Close(); _ = c.Wait() })
		t.Cleanup(stop)
		return stop
	}
}

// deaf are the kernel's processes without its reports.
type deaf struct{ kernelProcesses }

func (deaf) events(context.Context, confparse.BufferSize) (processEvents, error) {
	return nil, fmt.Errorf("not asked for")
}

// TestProcessesOfThisMachine: they are counted while they run, by name and by command line, whether the kernel reports
// them or they are looked at.
func TestProcessesOfThisMachine(t *testing.T) {
	for name, source := range map[string]processSource{"reported": kernelProcesses{}, "looked at": deaf{}} {
		t.Run(name, func(t *testing.T) {
			if name == "reported" {
				testlan.RequireNetns(t) // as root
				events, err := kernelProcesses{}.events(t.Context(), confparse.BufferSize{})
				if err != nil {
					t.Skip("the kernel does not report processes here: ", err)
				}
				events.close()
			}
			program := fmt.Sprintf("vg%d%c", os.Getpid()%100000, name[0])
			path, start := sleeper(t, program)
			w, k := watching(t, source)
			byName := proxy(func(p *Process) { p.Process, p.Quorum = program, 2 })
			byLine := proxy(func(p *Process) { p.Name, p.Process, p.Params, p.Match = "q", path, []string{"-", "-u"}, 1 })
			stop := start("-")
			w.Set(processes(byName, byLine))
			k.await(t, byName.id(), track.Down)
			k.await(t, byLine.id(), track.Down)
			stopOther := start("-", "-u")
			k.await(t, byName.id(), track.Up)
			k.await(t, byLine.id(), track.Up)
			stop()
			k.await(t, byName.id(), track.Down)
			k.await(t, byLine.id(), track.Up)
			stopOther()
			k.await(t, byLine.id(), track.Down)
		})
	}
}

// TestProcessesAreReportedInANetworkNamespace: where keepalived does not hear of them.
func TestProcessesAreReportedInANetworkNamespace(t *testing.T) {
	testlan.RequireNetns(t)
	if _, err := os.Readlink(firstNamespace); err != nil {
		t.Skip("the network namespace of the machine's first process cannot be seen from here: ", err)
	}
	if os.Getenv("VIGIL_INNER") == "" {
		if events, err := (kernelProcesses{}).events(t.Context(), confparse.BufferSize{}); err != nil {
			t.Skip("the kernel does not report processes here: ", err)
		} else {
			events.close()
		}
		inner := exec.Command("unshare", "-n", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		inner.Env = append(os.Environ(), "VIGIL_INNER=1")
		if out, err := inner.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	events, err := kernelProcesses{}.events(t.Context(), confparse.BufferSize{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.close()
	c := exec.Command("true")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	var kinds []processEventKind
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !slices.Contains(kinds, ended); {
		list, err := events.next(deadline)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.pid == c.Process.Pid || e.child == c.Process.Pid {
				kinds = append(kinds, e.kind)
			}
		}
	}
	if kinds = slices.Compact(kinds); !slices.Equal(kinds, []processEventKind{forked, renamed, ended}) {
		t.Errorf("reported: %v", kinds)
	}
}

// TestTrackedFiles: the number is told at once, with every change, and no more once nobody wants it.
func TestTrackedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	w, k := watching(t, deaf{})
	load := File{"load", trackfile.File{Path: path, Init: true, InitValue: 3}}
	w.Set(Spec{Files: []File{load}})
	k.await(t, load.id(), 3)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("-30\n")
	k.await(t, load.id(), -30)
	write("x")
	k.await(t, load.id(), 0)
	w.Set(Spec{Files: []File{load}})
	write("12")
	k.await(t, load.id(), 12)
	other := path + "2"
	load.File = trackfile.File{Path: other}
	w.Set(Spec{Files: []File{load}})
	k.await(t, load.id(), 0)
	if err := os.WriteFile(other, []byte("5"), 0o644); err != nil {
		t.Fatal(err)
	}
	k.await(t, load.id(), 5)
}

// TestProcessEventsBuffer: it is as large as it was set; the kernel doubles what it is given.
func TestProcessEventsBuffer(t *testing.T) {
	testlan.RequireNetns(t) // as root
	for buffer, want := range map[confparse.BufferSize]int{{}: 2 * procEventsBuffer, {Bytes: 65_432}: 2 * 65_432,
		{Bytes: 64 << 20, Force: true}: 128 << 20} {
		events, err := kernelProcesses{}.events(t.Context(), buffer)
		if err != nil {
			t.Skip("the kernel does not report processes here: ", err)
		}
		got, err := unix.GetsockoptInt(int(events.(*connector).file.Fd()), unix.SOL_SOCKET, unix.SO_RCVBUF)
		events.close()
		if err != nil || got != want {
			t.Errorf("%+v: %d bytes, want %d, %v", buffer, got, want, err)
		}
	}
}

// TestFirstNumberIsToldFirst: one that comes while the first is told comes after it, and none comes when the file is no longer
// followed.
func TestFirstNumberIsToldFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
	write("1")
	told := make(chan int, 10)
	tell := func(_ track.ID, v int) {
		if v == 1 {
			write("2")
			time.Sleep(300 * time.Millisecond) // in which it could be told
		}
		told <- v
	}
	other := filepath.Join(t.TempDir(), "other")
	w := New(Options{Tell: tell, Forget: func(track.ID) {}, processes: deaf{}})
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- w.Run(ctx) }()
	w.Set(Spec{Files: []File{{"other", trackfile.File{Path: other}}}})
	<-told
	if err := os.WriteFile(other, []byte("7"), 0o644); err != nil {
		t.Fatal(err)
	}
	<-told // so the watch is on
	w.Set(Spec{Files: []File{{"load", trackfile.File{Path: path}}}})
	if first, second := <-told, <-told; first != 1 || second != 2 {
		t.Errorf("told %d, then %d", first, second)
	}
	w.Set(Spec{})
	write("3")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(told) > 0 {
		t.Errorf("told %d afterwards", <-told)
	}
}
