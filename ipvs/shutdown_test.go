package ipvs_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// TestServersThatAreShutDownAreTold: at the stop, and those that are up when a reload takes their virtual server away, have a line each, in
// the order of the configuration; many together have one. Where no server is removed by itself there is none, as with keepalived.
func TestServersThatAreShutDownAreTold(t *testing.T) {
	text := func(verb string, service, server int) string {
		return fmt.Sprintf("%s service [192.168.%d.%d]:tcp:8080 from VS [10.0.0.%d]:tcp:80", verb, service, server, service)
	}
	line := func(service, server int) string { return text("Shutting down", service, server) }
	for _, x := range []struct {
		name            string
		servers         int // of each of two virtual servers
		flush           confparse.LVSFlushOnStop
		keep            bool
		level           slog.Level
		removed, atStop []string // the lines; nil = not looked at, for it is their number that counts
		n               int      // of lines at the stop
	}{
		{"one by one", 2, confparse.FlushOnStopOff, false, slog.LevelInfo, []string{text("Removing", 2, 2)}, []string{line(1, 1), line(1, 2)}, 2},
		{"lvs_flush_on_stop", 2, confparse.FlushOnStopAll, false, slog.LevelInfo, nil, nil, 0},
		{"lvs_flush_on_stop VS", 2, confparse.FlushOnStopVS, false, slog.LevelInfo, nil, nil, 0},
		{"-I", 2, confparse.FlushOnStopOff, true, slog.LevelInfo, []string{text("Removing", 2, 2)}, nil, 0},
		{"as many as have lines", 200, confparse.FlushOnStopOff, false, slog.LevelInfo, nil, nil, 200},
		{"too many", 202, confparse.FlushOnStopOff, false, slog.LevelInfo, []string{"Removing 201 services"},
			[]string{"Shutting down 202 services"}, 1},
		{"too many, for who looks for errors", 202, confparse.FlushOnStopOff, false, slog.LevelDebug, nil, nil, 203},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := ipvstest.New()
				var log bytes.Buffer
				told := func() (lines []string) {
					for line := range strings.Lines(log.String()) {
						if _, text, ok := strings.Cut(line, `msg="`); ok && (strings.HasPrefix(text, "Shutting down") || strings.HasPrefix(text, "Removing ")) && !strings.HasPrefix(text, "Removing Virtual") {
							lines = append(lines, text[:strings.IndexByte(text, '"')])
						}
					}
					log.Reset()
					return lines
				}
				r := ipvs.NewReconciler(ipvs.Options{Open: k.Open, AuditPeriod: -1, KeepOnStop: x.keep,
					Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: x.level}))})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- r.Run(ctx) }()
				set := func(services ...ipvs.VirtualServerSpec) {
					t.Helper()
					s := specOf(services...)
					s.FlushOnStop = x.flush
					r.Set(s, serverHealth(service(2, 2), 0, false, 1)) // which goes
					if err := r.Sync(ctx); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				set(service(1, x.servers), service(2, x.servers))
				if got := told(); got != nil {
					t.Errorf("at the start: %q", got)
				}
				set(service(1, x.servers))
				if diff := cmp.Diff(x.removed, told()); diff != "" && (x.removed != nil || x.n == 0) {
					t.Errorf("at the reload (-want +got):\n%s", diff)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				got := told()
				if diff := cmp.Diff(x.atStop, got); diff != "" && x.atStop != nil || len(got) != x.n {
					t.Errorf("at the stop: %d lines, want %d (-want +got):\n%s", len(got), x.n, diff)
				}
			})
		})
	}
}
