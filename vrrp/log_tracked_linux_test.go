package vrrp

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// faultLines are the log lines about FAULT and about files.
type faultLines struct {
	mu    sync.Mutex
	lines []string
}

func (f *faultLines) Enabled(context.Context, slog.Level) bool { return true }
func (f *faultLines) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f *faultLines) WithGroup(string) slog.Handler            { return f }

func (f *faultLines) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "FAULT") || strings.Contains(r.Message, "file") {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.lines = append(f.lines, r.Message)
	}
	return nil
}

// take returns the lines since the last call.
func (f *faultLines) take() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	f.lines = nil
	return lines
}

// TestLinesAboutTrackedFilesAreKeepalivedsOwn: for each router that follows one, when it comes to hold it in FAULT and when it
// does no longer; and why a router begins in FAULT.
func TestLinesAboutTrackedFilesAreKeepalivedsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		plain, weighted := track.ID{Kind: track.File, Name: "fi"}, track.ID{Kind: track.File, Name: "wfi"}
		process := track.ID{Kind: track.Process, Name: "proc"}
		a, b, owner := testInstance("A", 51, 100), testInstance("B", 52, 100), testInstance("O", 53, 255)
		a.Trackers = []election.TrackSpec{{ID: plain}, {ID: weighted, Weight: 2}}
		b.Trackers = []election.TrackSpec{{ID: plain, Reverse: true}, {ID: process}, {ID: track.InterfaceID("eth9")}}
		owner.Trackers = []election.TrackSpec{{ID: weighted, Weight: 2}}
		tracked := NewTracked()
		tracked.Set(plain, 0)
		tracked.Set(weighted, -127)
		tracked.Set(process, track.Down)
		lines := new(faultLines)
		r := start(t, n.newHost("10.77.0.1/24"), Options{Tracked: tracked, Logger: slog.New(lines)}, a, b, owner)
		first := lines.take()
		for _, line := range []string{"(A): entering FAULT state (tracked file wfi has status -254)", "(A) Entering FAULT STATE (init)",
			"(B): entering FAULT state (tracked file fi has status -254)", "(B) entering FAULT state (tracked process proc quorum not achieved)",
			"(B): entering FAULT state (interface eth9 down)"} {
			if !slices.Contains(first, line) {
				t.Errorf("%q is not in %q", line, first)
			}
		}
		for _, step := range []struct {
			id    track.ID
			value int
			want  []string
		}{
			{weighted, -126, []string{"(A): tracked file wfi leaving FAULT state"}},
			{weighted, -20, nil},
			{plain, 1, []string{"(A): tracked file fi now FAULT state", "(B): tracked file fi leaving FAULT state", "(A) Entering FAULT STATE"}},
			{plain, 2, nil},
			{plain, 0, []string{"(A): tracked file fi leaving FAULT state", "(B): tracked file fi now FAULT state"}},
			{weighted, -127, []string{"(A): tracked file wfi now FAULT state", "(A) Entering FAULT STATE"}},
		} {
			r.Track(step.id, step.value)
			want(t, step.id.Name, lines.take(), step.want)
		}
	})
}
