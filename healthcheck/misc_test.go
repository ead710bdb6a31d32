package healthcheck

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/script"
)

// miscOf returns a MISC_CHECK with the settings of case 22, but for its retries.
func miscOf(x confparse.MiscDetail) *confparse.Checker {
	ck := tcpCheckOf()
	ck.Kind, ck.Retry, ck.Connect, ck.Detail = confparse.MiscCheck, 0, confparse.Connect{}, &x
	return ck
}

func TestMiscJudgement(t *testing.T) {
	exits := func(n int) script.Exit { return script.Exit{Code: n} }
	for _, tt := range []struct {
		name    string
		dynamic bool
		exit    script.Exit
		want    Result
	}{
		{"§2.5 exit 0", false, exits(0), Result{Outcome: Passed, Code: CodeProcessPassed}},
		{"§2.5 any other exit", false, exits(2), Result{Outcome: Failed, Code: CodeProcessFailed, Status: 2}},
		{"§2.5 dynamic, exit 0", true, exits(0), Result{Outcome: Passed, Code: CodeProcessPassed}},
		{"§2.5 dynamic, exit 1", true, exits(1), Result{Outcome: Failed, Code: CodeProcessFailed, Status: 1}},
		{"§2.5 dynamic, exit 2", true, exits(2), Result{Outcome: Passed, Code: CodeProcessPassed, Status: 2, Weight: Share{0, true}}},
		{"§2.5 dynamic, exit 255", true, exits(255),
			Result{Outcome: Passed, Code: CodeProcessPassed, Status: 255, Weight: Share{253, true}}},
		{"§2.5 another signal", true, script.Exit{Signal: syscall.SIGSEGV}, Result{Outcome: Failed, Code: CodeProcessFailed}},
		{"§2.5 a timeout is a failure, whatever the program says then", true, script.Exit{TimedOut: true, Code: 10},
			Result{Outcome: Failed, Code: CodeProcessTimeout}},
		{"it cannot be run", false, script.Exit{Err: os.ErrNotExist}, Result{Outcome: Failed, Code: CodeProcessFailed}},
		{"it cannot be run now", true, script.Exit{Err: &os.PathError{Op: "fork/exec", Path: "/x", Err: syscall.EAGAIN}},
			Result{Outcome: Postponed, Code: CodeSocketError}},
		{"it may not be executed", true, script.Exit{Err: &os.PathError{Op: "fork/exec", Path: "/x", Err: syscall.EACCES}},
			Result{Outcome: Failed, Code: CodeProcessFailed}},
		{"we are to end", false, script.Exit{Err: script.ErrStopped}, Result{Outcome: Postponed, Code: CodeSocketError}},
		{"the check is to end", false, script.Exit{Cancelled: true, Signal: syscall.SIGTERM},
			Result{Outcome: Postponed, Code: CodeSocketError}},
		{"the check is to end before it began", false, script.Exit{Err: context.Canceled},
			Result{Outcome: Postponed, Code: CodeSocketError}},
	} {
		r := miscSpec{dynamic: tt.dynamic}.judge(tt.exit)
		if r.Outcome != tt.want.Outcome || r.Code != tt.want.Code || r.Weight != tt.want.Weight || r.Status != tt.want.Status {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
	if r := (miscCheck{}).Check(t.Context()); r.Outcome != Postponed {
		t.Errorf("where no programs are run: %+v", r)
	}
}

// TestMiscWords has the lines that operators of keepalived search their logs for.
func TestMiscWords(t *testing.T) {
	var ps profiles
	spec := ps.checkSpec(kinds[confparse.MiscCheck], miscOf(confparse.MiscDetail{Script: confparse.Script{Argv: []string{"/bin/x", "a"}}}))
	status3 := failed(CodeProcessFailed, miscFailed, errors.New(script.Exit{Code: 3}.String()))
	killed := failed(CodeProcessFailed, miscFailed, errors.New(script.Exit{Signal: 9}.String()))
	const about = "Misc check for [" + rs1 + " VS " + vsName + "] by [/bin/x] "
	for _, tt := range []struct {
		told told
		want string
	}{
		{told{verdict: up, result: passed(CodeProcessPassed, miscSuccess)}, "succeeded."},
		{told{verdict: down, retry: 2, retries: 2, result: status3}, "failed after 2 retries (exited with status 3)."},
		{told{verdict: down, result: status3}, "failed with retry disabled (exited with status 3)."},
		{told{verdict: down, retry: 2, result: killed}, "failed (due to signal 9)."},
		{told{verdict: down, retry: 1, retries: 1, result: failed(CodeProcessTimeout, miscTimeout, nil)}, "timed out after 1 retry."},
		{told{retry: 2, attempt: 1, result: status3}, "failed, will do 2 retries (exited with status 3)."},
		{told{retry: 2, attempt: 2, result: killed}, "failed on retry 1/2 (due to signal 9)."},
		{told{retry: 1, attempt: 1, result: failed(CodeProcessTimeout, miscTimeout, nil)}, "timed out, will do 1 retry."},
	} {
		tt.told.server, tt.told.vs, tt.told.spec = rs1, vsName, spec
		text := verdictText
		if tt.told.verdict == unknown {
			text = attemptText
		}
		if got := text(&miscWords, tt.told); got != about+tt.want {
			t.Errorf("%q, want %q", got, about+tt.want)
		}
	}
}

// programLab runs a real Manager with programs.
type programLab struct {
	t *testing.T
	m *Manager
}

func runPrograms(t *testing.T, c *confparse.Config) *programLab {
	t.Helper()
	runner := script.NewRunner(script.Options{})
	l := &programLab{t: t, m: NewManager(Options{Scripts: runner})}
	l.m.Apply(FromConfig(c))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- runner.Run(ctx) }()
	go func() { done <- l.m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	return l
}

// next returns the next change.
func (l *programLab) next() Change {
	l.t.Helper()
	<-l.m.Changed()
	changes := l.m.Take()
	if len(changes) != 1 {
		l.t.Fatalf("%d changes", len(changes))
	}
	return changes[0]
}

// program writes a program.
func program(t *testing.T, name string, lines ...string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+strings.Join(lines, "\n")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{path}
}

// miscPool is a pool of one server of weight 5 with a MISC_CHECK.
func miscPool(x confparse.MiscDetail) *confparse.Config {
	x.Script.RunAs = confparse.Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	if x.Timeout == 0 {
		x.Timeout = time.Minute
	}
	vs := pool(1)
	vs.RealServers[0].Weight = 5
	ck := miscOf(x)
	ck.DelayLoop, ck.Warmup = 10*time.Millisecond, 0
	vs.RealServers[0].Checkers = []*confparse.Checker{ck}
	return config(vs)
}

// TestCheckCase32 has a dynamic program that says a status until it is given another one.
func TestCheckCase32(t *testing.T) {
	status := filepath.Join(t.TempDir(), "status")
	say := func(s string) {
		if err := os.WriteFile(status+".new", []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(status+".new", status); err != nil {
			t.Fatal(err)
		}
	}
	say("10")
	l := runPrograms(t, miscPool(confparse.MiscDetail{Dynamic: true,
		Script: confparse.Script{Argv: program(t, "say", "exit $(cat "+status+")")}}))
	for _, tt := range []struct {
		says   string
		weight int32
		up     bool
	}{
		{"10", 8, true}, {"20", 18, true}, {"0", 5, true}, {"1", 5, false}, {"2", 0, true}, {"10", 8, true}, {"10", 8, true},
		{"1", 5, false}, {"0", 5, true},
	} {
		if say(tt.says); tt.says == "10" && tt.weight == 8 && l.m.Status().VirtualServers[0].RealServers[0].Weight == 8 {
			continue // nothing changes, and nothing is told
		}
		c := l.next()
		for c.Up != tt.up || c.Weight != tt.weight { // on its way there
			c = l.next()
		}
	}
}

func TestCheckCase33(t *testing.T) {
	l := runPrograms(t, miscPool(confparse.MiscDetail{Script: confparse.Script{Argv: program(t, "two", "exit 2")}}))
	if c := l.next(); c.Up || c.Weight != 5 {
		t.Errorf("%+v", c)
	}
	if c := l.m.Status().VirtualServers[0].RealServers[0].Checks[0]; c.Code != "PROCERR" || !strings.HasPrefix(c.Summary, "PROCERR 2 in ") ||
		c.Error != "exited with status 2" || !strings.HasSuffix(c.Target, "/two") {
		t.Errorf("%+v", c)
	}
}

// TestCheckCase34: the program is told with SIGTERM when its time is over, and goes on; it and its children are killed, and the server is
// down when they are. The moments of both are held in simulated time, by TestLadderOfATimeout of internal/script.
func TestCheckCase34(t *testing.T) {
	told := filepath.Join(t.TempDir(), "told")
	l := runPrograms(t, miscPool(confparse.MiscDetail{Timeout: time.Second,
		Script: confparse.Script{Argv: program(t, "sleeper", "trap 'echo TERM >>"+told+"' TERM", "while :; do sleep 1000; done")}}))
	c := l.next()
	check := l.m.Status().VirtualServers[0].RealServers[0].Checks[0]
	if c.Up || check.Code != "PROCTOUT" || check.Reason != "timed out" || check.TookSeconds < 3 {
		t.Errorf("%+v, %+v; want PROCTOUT after SIGTERM at 1 s and SIGKILL at 3 s", c, check)
	}
	if text, err := os.ReadFile(told); string(text) != "TERM\n" {
		t.Errorf("it was told %q, %v", text, err)
	}
}
