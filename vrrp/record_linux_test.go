package vrrp

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
	"vigil/vrrp/recording"
)

// TestRecordingOfARealPairReplays: what happened to two routers on a real kernel, with a cable cut, an address taken away and a
// reload, comes out the same when it is played again.
func TestRecordingOfARealPairReplays(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	one, stopOne := run(t, a, Options{RecordFile: files[0], Program: "test"}, fast(150))
	two, stopTwo := run(t, b, Options{RecordFile: files[1]}, fast(100))
	untilState(t, one, election.Master)
	untilState(t, two, election.Backup)
	all, err := a.Kernel.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	for _, ad := range all {
		if ad.Protocol != netio.Protocol {
			continue
		}
		if err := a.Kernel.DelAddress(ad); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Cable.Cut(); err != nil {
		t.Fatal(err)
	}
	untilState(t, one, election.Fault)
	untilState(t, two, election.Master)
	if err := a.Cable.Mend(); err != nil {
		t.Fatal(err)
	}
	untilState(t, one, election.Master)
	if err := one.Apply(t.Context(), testSpec(fast(50))); err != nil {
		t.Fatal(err)
	}
	untilState(t, two, election.Master)
	stopTwo()
	stopOne()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[election.State]int)
		sum, err := recording.Replay(bytes.NewReader(text), func(_ *recording.Input, actions []election.InstanceAction) {
			for _, act := range actions {
				if c, ok := act.Action.(election.StateChanged); ok {
					seen[c.To]++
				}
			}
		})
		if err != nil || sum.End != recording.EndStopped || sum.Inputs < 20 || seen[election.Master] == 0 || seen[election.Backup] == 0 {
			t.Errorf("%s: %+v, %v, %v", file, sum, seen, err)
		}
	}
}

// TestWithoutARecording: where no recording can be, that is told and the addresses are served.
func TestWithoutARecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := start(t, new(ethernet).newHost("10.77.0.1/24"), Options{RecordFile: "/nowhere/flight", Logger: slog.New(slog.NewTextHandler(&log, nil))}, testInstance("V", 51, 100))
		time.Sleep(4 * time.Second)
		if got := n.state("V"); got != election.Master || !strings.Contains(log.String(), "begin a recording: open /nowhere/flight") {
			t.Errorf("%v: %s", got, log.String())
		}
	})
}
