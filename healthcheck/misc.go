package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unique"

	"vigil/confparse"
	"vigil/internal/script"
)

// The reasons of MISC_CHECK.
const (
	miscSuccess = "succeeded"
	miscFailed  = "failed"
	miscTimeout = "timed out"
)

var miscWords = words{
	check:   "MISC_CHECK",
	verdict: miscVerdict,
	alert:   func(t told) string { return "MISC CHECK " + t.result.Reason + " on service" },
	first:   true,
}

// miscVerdict tells of a program with its name, how often it was and will be tried, and how it ended.
func miscVerdict(t told) string {
	text := fmt.Sprintf("Misc check for [%s VS %s] by [%s] %s", t.server, t.vs, t.spec.subject(), t.result.Reason)
	retries := func(n uint32) string {
		if n == 1 {
			return "1 retry"
		}
		return fmt.Sprintf("%d retries", n)
	}
	switch {
	case t.verdict == up:
		return text + "."
	case t.verdict == unknown && t.attempt > 1:
		text += fmt.Sprintf(" on retry %d/%d", t.attempt-1, t.retry)
	case t.verdict == unknown:
		text += ", will do " + retries(t.retry)
	case t.retries > 0:
		text += " after " + retries(t.retries)
	case t.retry == 0:
		text += " with retry disabled"
	}
	if t.result.Reason == miscFailed && t.result.Err != nil {
		text += " (" + t.result.Err.Error() + ")"
	}
	return text + "."
}

// miscQuestion is MISC_CHECK: how a program ends.
type miscQuestion struct{ spec unique.Handle[miscSpec] }

// miscSpec is what MISC_CHECK runs.
type miscSpec struct {
	argv    string // the words, each with a NUL behind it, which none can contain: a slice would not be comparable
	file    string // that is executed; "" = the first word
	as      script.Identity
	timeout time.Duration
	dynamic bool
}

func askMisc(ck *confparse.Checker) question {
	var spec miscSpec
	if x, ok := ck.Detail.(*confparse.MiscDetail); ok {
		as := x.Script.RunAs
		spec = miscSpec{argv: strings.Join(x.Script.Argv, "\x00") + "\x00", file: x.Script.File, timeout: x.Timeout, dynamic: x.Dynamic,
			as: script.Identity{UID: as.UID, GID: as.GID, Supplementary: as.Supplementary}}
	}
	return miscQuestion{unique.Make(spec)}
}

func (s miscSpec) words() []string { return strings.Split(strings.TrimSuffix(s.argv, "\x00"), "\x00") }

func (q miscQuestion) attempt(with means, _ int) Checker {
	return miscCheck{with.scripts, q.spec.Value()}
}

// policy: the next run is due delay_loop after the start of this one.
func (q miscQuestion) policy(t timing) policy {
	p := t.policy()
	p.fromStart = true
	return p
}

// same leaves out the time a program may take.
func (q miscQuestion) same(o question) bool {
	other, ok := o.(miscQuestion)
	return ok && (q == other || q.spec.Value().core() == other.spec.Value().core())
}

func (s miscSpec) core() miscSpec {
	s.timeout = 0
	return s
}

// longest implements lasting.
func (q miscQuestion) longest() time.Duration { return q.spec.Value().timeout }

// subject implements subject.
func (q miscQuestion) subject() string { return q.spec.Value().words()[0] }

// miscCheck runs the program once.
type miscCheck struct {
	scripts *script.Runner
	spec    miscSpec
}

// Check implements Checker.
func (c miscCheck) Check(ctx context.Context) Result {
	if c.scripts == nil {
		return postponed(errors.New("programs are not run here"))
	}
	e := c.scripts.Execute(ctx, script.Command{Argv: c.spec.words(), File: c.spec.file, As: c.spec.as, Timeout: c.spec.timeout})
	r := c.spec.judge(e)
	r.Took = e.Took
	return r
}

// judge says what an exit means. A dynamic program that passes with a status above 1 says the weight of the server: the
// status less 2, whatever it said before.
func (s miscSpec) judge(e script.Exit) Result {
	switch {
	case errors.Is(e.Err, script.ErrStopped) || errors.Is(e.Err, context.Canceled) || e.Cancelled:
		return postponed(errors.New(e.String()))
	case e.Short():
		return postponed(e.Err)
	case e.Err != nil:
		return failed(CodeProcessFailed, miscFailed, e.Err)
	case e.TimedOut:
		return failed(CodeProcessTimeout, miscTimeout, nil)
	case e.Signal != 0:
		return failed(CodeProcessFailed, miscFailed, errors.New(e.String()))
	case e.Code == 0:
		return passed(CodeProcessPassed, miscSuccess)
	case s.dynamic && e.Code > 1:
		r := passed(CodeProcessPassed, miscSuccess).with(e.Code)
		r.Weight = Share{Weight: int32(e.Code) - 2, Replaces: true}
		return r
	}
	return failed(CodeProcessFailed, miscFailed, errors.New(e.String())).with(e.Code)
}
