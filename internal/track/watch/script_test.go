package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vigil/internal/script"
	"vigil/internal/track"
)

// bench is a Watcher in simulated time whose programs do what the test says.
type bench struct {
	t     *testing.T
	began time.Time
	*Watcher

	mu    sync.Mutex
	run   func(argv string) (time.Duration, script.Exit) // how long a program takes, and how it ends
	lines []string                                       // what was logged and told
}

// newBench begins to watch.
func newBench(t *testing.T, o Options) *bench {
	b := &bench{t: t, began: time.Now(), run: func(string) (time.Duration, script.Exit) { return 0, script.Exit{} }}
	o.Logger = slog.New(b)
	o.Execute = b.program
	o.Tell = func(id track.ID, v int) { b.note("%v = %d", id, v) }
	o.Forget = func(id track.ID) { b.note("%v forgotten", id) }
	if o.processes == nil {
		o.processes = &simulated{}
	}
	b.Watcher = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	synctest.Wait()
	return b
}

// note keeps a line with the time in seconds.
func (b *bench) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprintf("%v %s", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...)))
}

func (b *bench) program(ctx context.Context, c script.Command) script.Exit {
	b.mu.Lock()
	takes, exit := b.run(strings.Join(c.Argv, " "))
	b.mu.Unlock()
	t, late := time.NewTimer(takes), time.NewTimer(c.Timeout)
	defer t.Stop()
	defer late.Stop()
	for {
		select {
		case <-t.C:
			return exit
		case <-late.C:
			c.Late()
		case <-ctx.Done():
			return script.Exit{Cancelled: true}
		}
	}
}

// says has programs end at once in this way from now on.
func (b *bench) says(e script.Exit) { b.take(0, e) }

// take has programs end in this way after a time from now on.
func (b *bench) take(after time.Duration, e script.Exit) {
	b.behave(func(string) (time.Duration, script.Exit) { return after, e })
}

func (b *bench) behave(run func(argv string) (time.Duration, script.Exit)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run = run
}

// expect compares what was logged and told since the last time.
func (b *bench) expect(want ...string) {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.compare(want)
}

// expectSorted is expect for what happens at once.
func (b *bench) expectSorted(want ...string) {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(b.lines)
	b.compare(want)
}

func (b *bench) compare(want []string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.lines); diff != "" {
		b.t.Errorf("(-want +got)\n%s", diff)
	}
	b.lines = nil
}

func (b *bench) Enabled(context.Context, slog.Level) bool { return true }
func (b *bench) WithAttrs([]slog.Attr) slog.Handler       { return b }
func (b *bench) WithGroup(string) slog.Handler            { return b }
func (b *bench) Handle(_ context.Context, r slog.Record) error {
	b.note("%s", r.Message)
	return nil
}

// every is a script that is run every second.
func every(change ...func(*Script)) Script {
	s := Script{Name: "chk", Argv: []string{"/bin/chk", "a b"}, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
	for _, f := range change {
		f(&s)
	}
	return s
}

func scripts(list ...Script) Spec { return Spec{Scripts: list} }

// TestScriptIsRunAtOnceAndAtEveryInterval: keepalived's lines, and a value for each change only.
func TestScriptIsRunAtOnceAndAtEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.Set(scripts(every()))
		b.expect("0 VRRP_Script(chk) succeeded", "0 script chk = 1")
		time.Sleep(2500 * time.Millisecond)
		b.expect()
		b.says(script.Exit{Code: 3})
		time.Sleep(time.Second)
		b.expect("3 Script `chk` now returning 3", "3 VRRP_Script(chk) failed (exited with status 3)", "3 script chk = 0")
		b.says(script.Exit{Code: 4})
		time.Sleep(time.Second)
		b.expect("4 Script `chk` now returning 4")
		b.says(script.Exit{Signal: syscall.SIGKILL})
		time.Sleep(time.Second)
		b.expect()
		b.says(script.Exit{})
		time.Sleep(time.Second)
		b.expect("6 Script `chk` now returning 0", "6 VRRP_Script(chk) succeeded", "6 script chk = 1")
		b.says(script.Exit{Signal: syscall.SIGKILL})
		time.Sleep(time.Second)
		b.expect("7 VRRP_Script(chk) failed (due to signal 9)", "7 script chk = 0")
		b.says(script.Exit{Err: errors.New("no such file")})
		time.Sleep(time.Second)
		b.expect()
		b.Set(Spec{})
		b.expect("8.5 script chk forgotten")
		time.Sleep(time.Minute)
		b.expect()
	})
}

// TestVerdict: the first result decides alone, then rise successes or fall failures in a row.
func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		name    string
		script  Script
		results string // + and -
		want    string // the verdict after each; ? = none
	}{
		{"one is enough", Script{Rise: 1, Fall: 1}, "+-+-", "+-+-"},
		{"the first decides alone", Script{Rise: 3, Fall: 3}, "-", "-"},
		{"fall and rise", Script{Rise: 3, Fall: 2}, "+--+++--", "++---++-"},
		{"the other result begins anew", Script{Rise: 2, Fall: 2}, "+-+-+--+-++", "++++++----+"},
		{"init_fail is a failure like any other", Script{Rise: 3, Fall: 1, InitFail: true}, "+-+++", "----+"},
		{"init_fail and a failure", Script{Rise: 1, Fall: 1, InitFail: true}, "-+", "-+"},
	} {
		v := newVerdict(tt.script)
		var got strings.Builder
		for _, r := range tt.results {
			before := v
			if changed := v.observe(r == '+'); changed != (!before.known || before.up != v.up) {
				t.Errorf("%s: changed %t from %+v to %+v", tt.name, changed, before, v)
			}
			got.WriteByte("-+"[map[bool]int{false: 0, true: 1}[v.up]])
		}
		if got.String() != tt.want {
			t.Errorf("%s: %s gives %s, want %s", tt.name, tt.results, got.String(), tt.want)
		}
	}
}

// TestScriptThatTakesTooLong: it counts as failed when its time is over, even if it does not end; runs never overlap.
func TestScriptThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.take(4500*time.Millisecond, script.Exit{TimedOut: true})
		b.Set(scripts(every(func(s *Script) { s.Timeout = 2500 * time.Millisecond })))
		b.expect()
		time.Sleep(2400 * time.Millisecond)
		b.expect("1 Track script chk is already running, expect idle - skipping run", "2 Track script chk is already running, expect idle - skipping run")
		time.Sleep(200 * time.Millisecond)
		b.expect("2.5 VRRP_Script(chk) timed_out", "2.5 script chk = 0")
		b.says(script.Exit{})
		time.Sleep(2 * time.Second)
		b.expect("3 Track script chk is being timed out, expect idle - skipping run", "4 Track script chk is being timed out, expect idle - skipping run")
		time.Sleep(time.Second)
		b.expect("5 VRRP_Script(chk) succeeded", "5 script chk = 1")
	})
}

// TestRunStateOfScripts: whoever is given it hears of the script that runs now, of every definition of the same name.
func TestRunStateOfScripts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given []func() track.RunState
		b := newBench(t, Options{Runs: func(id track.ID, state func() track.RunState) {
			if id != (track.ID{Kind: track.Script, Name: "chk"}) {
				t.Error(id)
			}
			given = append(given, state)
		}})
		b.take(500*time.Millisecond, script.Exit{})
		b.Set(scripts(every()))
		b.Set(scripts(every(func(s *Script) { s.Rise = 3 })))
		if len(given) != 2 || given[1]() != track.Idle {
			t.Errorf("%d were given", len(given))
		}
		b.expect()
		b.Set(scripts())
		b.expect("0 script chk forgotten")
	})
}

// TestScriptThatCannotBeStarted for the want of descriptors or processes says nothing; for the want of its file it has failed.
func TestScriptThatCannotBeStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		unstarted := func(errno unix.Errno) script.Exit {
			return script.Exit{Err: &os.PathError{Op: "fork/exec", Path: "/bin/chk", Err: errno}}
		}
		const why = " VRRP_Script(chk) cannot be run, which says nothing of it: fork/exec /bin/chk: "
		b.says(unstarted(unix.EAGAIN))
		b.Set(scripts(every()))
		time.Sleep(1500 * time.Millisecond)
		b.expect("0" + why + unix.EAGAIN.Error())
		b.says(script.Exit{})
		time.Sleep(time.Second)
		b.expect("2 VRRP_Script(chk) succeeded", "2 script chk = 1")
		b.says(unstarted(unix.EMFILE))
		time.Sleep(3 * time.Second)
		b.expect("3" + why + unix.EMFILE.Error())
		for i, lasting := range []unix.Errno{unix.ENOENT, unix.EPERM} {
			b.says(unstarted(lasting))
			time.Sleep(time.Second)
			b.says(script.Exit{})
			time.Sleep(time.Second)
			at := 6 + 2*i
			b.expect(fmt.Sprintf("%d VRRP_Script(chk) failed (fork/exec /bin/chk: %v)", at, lasting), fmt.Sprintf("%d script chk = 0", at),
				fmt.Sprintf("%d VRRP_Script(chk) succeeded", at+1), fmt.Sprintf("%d script chk = 1", at+1))
		}
	})
}

// TestInitFail: it counts as failed before it has run, for those that begin together with it too.
func TestInitFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.Set(scripts(every(func(s *Script) { s.InitFail, s.Rise = true, 2 })))
		b.expect("0 script chk = 0")
		time.Sleep(1500 * time.Millisecond)
		b.expect("1 VRRP_Script(chk) succeeded", "1 script chk = 1")
	})
	var told []string
	w := New(Options{Tell: func(id track.ID, v int) { told = append(told, fmt.Sprint(id, v)) }, processes: &simulated{}})
	w.Set(scripts(every(func(s *Script) { s.InitFail = true }), every(func(s *Script) { s.Name = "other" })))
	if want := []string{"script chk 0"}; !slices.Equal(told, want) {
		t.Errorf("before it runs: %q, want %q", told, want)
	}
}

// TestReloadOfScripts: one that stays goes on undisturbed; one of which the times change keeps what it said; another
// program has to run before it says something else.
func TestReloadOfScripts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.says(script.Exit{Code: 1})
		other := every(func(s *Script) { s.Name, s.Argv = "other", []string{"/bin/other"} })
		b.Set(scripts(every(), other))
		time.Sleep(300 * time.Millisecond)
		b.expectSorted("0 Script `chk` now returning 1", "0 Script `other` now returning 1", "0 VRRP_Script(chk) failed (exited with status 1)",
			"0 VRRP_Script(other) failed (exited with status 1)", "0 script chk = 0", "0 script other = 0")
		b.says(script.Exit{})
		b.Set(scripts(every(), other))
		b.expect() // not run: a second has not passed
		slower := every(func(s *Script) { s.Interval, s.Rise = 3*time.Second, 2 })
		b.Set(scripts(slower))
		b.expect("0.3 VRRP_Script(chk) considered unsuccessful on reload", "0.3 script other forgotten", "0.3 Script `chk` now returning 0")
		time.Sleep(3 * time.Second)
		b.expect("3.3 VRRP_Script(chk) succeeded", "3.3 script chk = 1")

		b.take(500*time.Millisecond, script.Exit{Code: 1})
		slower.Argv = []string{"/bin/another"}
		b.Set(scripts(slower))
		time.Sleep(400 * time.Millisecond)
		b.expect()
		time.Sleep(200 * time.Millisecond)
		b.expect("3.8 Script `chk` now returning 1", "3.8 VRRP_Script(chk) failed (exited with status 1)", "3.8 script chk = 0")

		b.take(500*time.Millisecond, script.Exit{})
		time.Sleep(2500 * time.Millisecond) // it runs
		b.Set(Spec{})
		b.expect("6.4 script chk forgotten")
		time.Sleep(time.Minute)
		b.expect()
	})
}

// TestScriptsDoNotWaitForEachOther: with a thousand that hang, another one is on time.
func TestScriptsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		b.behave(func(argv string) (time.Duration, script.Exit) {
			if argv == "hang" {
				return time.Hour, script.Exit{}
			}
			return 0, script.Exit{}
		})
		var list []Script
		for i := range 1000 {
			list = append(list, every(func(s *Script) {
				s.Name, s.Argv, s.Timeout = fmt.Sprint("hang", i), []string{"hang"}, time.Minute
			}))
		}
		b.Set(scripts(append(list, every())...))
		b.expect("0 VRRP_Script(chk) succeeded", "0 script chk = 1")
	})
}
