package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReloadTimeForms(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, zone)
	for _, c := range []struct {
		text  string
		at    time.Time
		daily bool
		err   error
	}{
		{"13:30:00", time.Date(2026, 3, 1, 13, 30, 0, 0, zone), true, nil},
		{"13:30:00\nand more", time.Date(2026, 3, 1, 13, 30, 0, 0, zone), true, nil},
		{"11:59:59", time.Date(2026, 3, 2, 11, 59, 59, 0, zone), true, nil},
		{"12:00:00", time.Date(2026, 3, 2, 12, 0, 0, 0, zone), true, nil},
		{"11:30:00Z", time.Date(2026, 3, 1, 12, 30, 0, 0, zone), true, nil}, // in half an hour
		{"10:30:00Z", time.Date(2026, 3, 2, 11, 30, 0, 0, zone), true, nil},
		{"2026-03-01 12:00:01", time.Date(2026, 3, 1, 12, 0, 1, 0, zone), false, nil},
		{"26-03-01 12:00:01", time.Date(2026, 3, 1, 12, 0, 1, 0, zone), false, nil},
		{"26-12-31 23:00:00Z", time.Date(2027, 1, 1, 0, 0, 0, 0, zone), false, nil},
		{"2026-03-01 12:00:00", time.Time{}, false, errTimePast},
		{"2020-01-01 10:00:00", time.Time{}, false, errTimePast},
		{"garbage", time.Time{}, false, errTimeFormat},
		{"", time.Time{}, false, errTimeFormat},
		{"25:00:00", time.Time{}, false, errTimeFormat},
		{"2026-02-30 12:00:00", time.Time{}, false, errTimeFormat},
		{"12:00", time.Time{}, false, errTimeFormat},
	} {
		at, daily, err := parseReloadTime(c.text, now)
		if !errors.Is(err, c.err) || err == nil && (!at.Equal(c.at) || daily != c.daily) {
			t.Errorf("%q: %v, %v, %v; want %v, %v, %v", c.text, at, daily, err, c.at, c.daily, c.err)
		}
	}
}

func FuzzReloadTime(f *testing.F) {
	f.Add("13:30:00Z")
	f.Add("26-03-01 12:00:01\n")
	f.Add("9999-12-31 23:59:59")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if at, daily, err := parseReloadTime(text, now); err == nil && (!at.After(now) || daily && at.Sub(now) > 24*time.Hour) {
			t.Errorf("%q is %v, daily %v", text, at, daily)
		}
	})
}

// TestReloadClock: what keepalived says about a file that is written, changed and removed, and the reload when it is time.
func TestReloadClock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "when")
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		requests := make(chan Request, 1)
		c := newReloadClock(slog.New(slog.NewTextHandler(log, nil)), requests)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.run(ctx) }()
		in := func(d time.Duration) time.Time { return time.Now().Add(d).Truncate(time.Second) }
		said := 0
		for _, s := range []struct {
			name, text, says string
			after            time.Duration
			rings, stays     bool
		}{
			{"of the day", in(time.Hour).Format(time.TimeOnly) + "\n", "Scheduling reload for " + in(time.Hour).Format(time.DateTime), 2 * time.Second, false, true},
			{"another", in(2 * time.Hour).Format(time.DateTime), "Reload time updated from", 2 * time.Second, false, true},
			{"no time", "garbage\nx", "Reload time garbage format is incorrect - ignoring", 2 * time.Second, false, true},
			{"cancelled by it", "garbage\nx", "Cancelling reload scheduled for", 0, false, true},
			{"the past", "2000-01-01 00:00:00Z", "Reload time 2000-01-01 00:00:00Z is in the past - ignoring", 2 * time.Second, false, true},
			{"soon", in(20 * time.Second).Format(time.DateTime), "Scheduling reload for", 25 * time.Second, true, false},
			{"and then removed", in(2 * time.Hour).Format(time.TimeOnly), "Scheduling reload for", 2 * time.Second, false, true},
		} {
			if err := os.WriteFile(file, []byte(s.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if said == 0 {
				c.follow(file, false)
			}
			time.Sleep(s.after)
			synctest.Wait()
			lines := strings.Split(log.String(), "\n")
			if !slices.ContainsFunc(lines[said:], func(l string) bool { return strings.Contains(l, s.says) }) {
				t.Errorf("%s: %q is not in %q", s.name, s.says, lines[said:])
			}
			if said = len(lines) - 1; s.name == "no time" {
				said-- // which has said two things
			}
			rang := false
			select {
			case r := <-requests:
				rang = r.Command == CommandReload
			default:
			}
			if rang != s.rings {
				t.Errorf("%s: rang %v", s.name, rang)
			}
			if _, err := os.Stat(file); (err == nil) != s.stays {
				t.Errorf("%s: the file: %v", s.name, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !strings.HasSuffix(strings.TrimSpace(log.String()), `"`) || strings.Count(log.String(), "Cancelling") != 2 {
			t.Errorf("the file is gone:\n%s", log.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestReloadRepeats: with reload_repeat a time of the day stays, and rings every day.
func TestReloadRepeats(t *testing.T) {
	file := filepath.Join(t.TempDir(), "when")
	synctest.Test(t, func(t *testing.T) {
		requests := make(chan Request, 1)
		c := newReloadClock(slog.New(slog.DiscardHandler), requests)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.run(ctx) }()
		if err := os.WriteFile(file, []byte(time.Now().Add(time.Hour).Format(time.TimeOnly)), 0o600); err != nil {
			t.Fatal(err)
		}
		c.follow(file, true)
		rings := 0
		for range 3 * 24 {
			time.Sleep(time.Hour)
			synctest.Wait()
			select {
			case <-requests:
				rings++
			default:
			}
		}
		if _, err := os.Stat(file); err != nil || rings < 2 || rings > 3 {
			t.Errorf("%d reloads in three days, the file: %v", rings, err)
		}
		cancel()
		<-done
	})
}

// TestReloadTimeReloads: the whole way, from the file to the configuration.
func TestReloadTimeReloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "when")
	synctest.Test(t, func(t *testing.T) {
		config := "global_defs {\n reload_time_file " + file + "\n}\n"
		i := begin(t, config+oneService, nil)
		i.write(config)
		if err := os.WriteFile(file, []byte(time.Now().Add(5*time.Second).Format(time.DateTime)), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if len(i.kernel.Table()) == 0 {
			t.Error("reloaded too early")
		}
		time.Sleep(10 * time.Second)
		if len(i.kernel.Table()) != 0 {
			t.Errorf("not reloaded: %v", i.kernel.Table())
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
