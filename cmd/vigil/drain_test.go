package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/control"
	"vigil/internal/status"
)

// director is a daemon with one drain, of a server whose connections end one by one with each question.
func director(t *testing.T) (socket string, asked *[]string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "control.sock")
	l, err := control.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	asked = new([]string)
	left := 2
	drain := status.Drain{Server: "192.0.2.1", By: "alice", Reason: "a new kernel", Since: time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local)}
	now := func() status.Drain {
		d := drain
		d.RealServers = []status.DrainedServer{{Name: "[192.0.2.1]:tcp:80", VirtualServer: "[198.51.100.1]:tcp:80", Active: left, Inactive: 1, Clients: 3}}
		if left == 0 {
			d.RealServers[0].Inactive = 0
		}
		left = max(left-1, 0)
		return d
	}
	answer := func(name string, result func() (any, error)) control.Handler {
		return func(_ context.Context, by control.Caller, arguments json.RawMessage) (any, error) {
			*asked = append(*asked, name+" "+string(arguments))
			return result()
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Serve(ctx, map[string]control.Handler{
			"drain":   answer("drain", func() (any, error) { return now(), nil }),
			"undrain": answer("undrain", func() (any, error) { return drain, nil }),
			"drains":  answer("drains", func() (any, error) { return []status.Drain{now()}, nil }),
		}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return socket, asked
}

func TestDrainWaitsForTheLastConnection(t *testing.T) {
	socket, asked := director(t)
	var out, errs strings.Builder
	code := run([]string{"drain", "192.0.2.1", "--socket", socket, "--reason", "a new kernel", "--of", "198.51.100.1 80", "--force"}, nil, &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != exitOK || errs.Len() > 0 || len(lines) != 5 || lines[0] != "192.0.2.1 is drained since 2026-11-30 12:00:00 by alice: a new kernel" ||
		lines[1] != "  [192.0.2.1]:tcp:80  of [198.51.100.1]:tcp:80  2 active  1 inactive  3 clients that may come back" ||
		!strings.HasSuffix(lines[2], " s  1 active, 1 inactive") || !strings.HasSuffix(lines[3], " s  0 active, 0 inactive") || lines[4] != "192.0.2.1 has no connections" {
		t.Errorf("%d\n%s%s", code, &out, &errs)
	}
	if want := `drain {"server":"192.0.2.1","virtual_server":"198.51.100.1 80","reason":"a new kernel","force":true}`; (*asked)[0] != want {
		t.Errorf("asked %s, want %s", (*asked)[0], want)
	}
}

func TestDrainCommands(t *testing.T) {
	socket, _ := director(t)
	for _, c := range []struct {
		args []string
		code int
		want string // of what is printed, a part
	}{
		{[]string{"drain", "192.0.2.1", "--no-wait", "--reason", "x"}, exitOK, "2 active"},
		{[]string{"drain", "192.0.2.1"}, exitUsage, "--reason: say why"},
		{[]string{"drain", "--reason", "x"}, exitUsage, ""},
		{[]string{"undrain", "192.0.2.1"}, exitOK, "192.0.2.1 takes clients again; it was drained for "},
		{[]string{"drains"}, exitOK, "by alice: a new kernel"},
		{[]string{"drains", "--json"}, exitOK, `"virtual_server": "[198.51.100.1]:tcp:80"`},
		{[]string{"drains", "--socket", filepath.Join(t.TempDir(), "none.sock")}, exitErrors, "no daemon listens there; say --socket"},
	} {
		var out, errs strings.Builder
		args := c.args
		if !strings.Contains(strings.Join(args, " "), "--socket") {
			args = append(args, "--socket", socket)
		}
		if code := run(args, nil, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.want) {
			t.Errorf("%q: %d\n%s%s", c.args, code, &out, &errs)
		}
	}
}

// TestWaitForADrain: what is left at a deadline is told, what is over meanwhile and a daemon that is gone are errors.
func TestWaitForADrain(t *testing.T) {
	busy := status.Drain{Server: "192.0.2.1", RealServers: []status.DrainedServer{{Active: 2}, {Active: 1, Inactive: 4}}}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		var out strings.Builder
		asked := 0
		code, err := waitDrained(ctx, &out, busy, time.Now(), func() (status.Drain, error) { asked++; return busy, nil })
		if want := "not waiting any longer: 3 active and 4 inactive connections are left; 192.0.2.1 stays drained\n"; code != exitWarnings || err != nil || out.String() != want ||
			asked < 89 || asked > 90 {
			t.Errorf("%d, %v after %d questions: %s", code, err, asked, &out)
		}
		for _, then := range []struct {
			status.Drain
			err error
		}{{err: errors.New("gone")}, {Drain: status.Drain{Error: "unknown"}}, {Drain: status.Drain{RealServers: busy.RealServers[:1]}}} {
			code, err = waitDrained(t.Context(), &out, busy, time.Now(), func() (status.Drain, error) { return then.Drain, then.err })
			if code != exitErrors || err == nil {
				t.Errorf("%+v: %d, %v", then, code, err)
			}
		}
	})
}
