package vrrp

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/boot"
	"vigil/vrrp/election"
)

var beatKey = election.InstanceKey{Link: "eth0", VRID: 51, Family: confparse.IPv4, Version: 2, Group: netip.MustParseAddr("224.0.0.18")}

// beatClock is a clock that stands at so many seconds.
func beatClock(seconds int64) func() int64 {
	return func() int64 { return seconds * int64(time.Second) }
}

func openBeat(t *testing.T, file string, clock func() int64) *heartbeat {
	t.Helper()
	h, err := openHeartbeat(file, time.Now(), clock)
	if err != nil {
		t.Fatal(err)
	}
	// The epoch is a little earlier than the clock says, by the time it took to open; tests want round numbers.
	h.epoch = clock()
	return h
}

func TestHeartbeatOutlivesTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	h := openBeat(t, file, beatClock(100))
	slot := h.open("V", beatKey)
	if _, ok := h.last(slot, 0); ok {
		t.Error("a new slot has a beat")
	}
	h.beat(slot, election.Instant(2*time.Second))
	other := h.open("W", beatKey)
	if other == slot {
		t.Error("two routers share a slot")
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	h = openBeat(t, file, beatClock(103))
	defer h.close()
	ago, ok := h.last(h.open("V", beatKey), 0)
	if !ok || ago != time.Second {
		t.Errorf("last beat %s ago, %v; want 1s", ago, ok)
	}
	if _, ok := h.last(h.open("W", beatKey), 0); ok {
		t.Error("a router that never was MASTER has a beat")
	}
	if !h.stale {
		t.Error("an earlier process died as MASTER, and nobody knows")
	}
}

func TestHeartbeatForgetsWhatWasReleased(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	h := openBeat(t, file, beatClock(100))
	slot := h.open("V", beatKey)
	h.beat(slot, 0)
	h.clear(slot)
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	h = openBeat(t, file, beatClock(101))
	defer h.close()
	if _, ok := h.last(h.open("V", beatKey), 0); ok || h.stale {
		t.Error("remembered, though it was released")
	}
}

func TestHeartbeatOfAnotherKind(t *testing.T) {
	h := openBeat(t, filepath.Join(t.TempDir(), "good"), beatClock(100))
	h.beat(h.open("V", beatKey), 0)
	good := bytes.Clone(h.data)
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	change := func(at int, b byte) []byte {
		c := bytes.Clone(good)
		c[at] ^= b
		return c
	}
	for name, content := range map[string][]byte{
		"empty":                 {},
		"short":                 good[:80],
		"foreign":               bytes.Repeat([]byte("keepalived\n"), 10_000),
		"another version":       change(15, 1),
		"another boot":          change(20, 1),
		"a beat in the future":  change(heartbeatHeader+24+6, 1),
		"another router's beat": change(heartbeatHeader, 1),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "beat")
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			h := openBeat(t, file, beatClock(101))
			slot := h.open("V", beatKey)
			if _, ok := h.last(slot, 0); ok {
				t.Error("a beat out of nowhere")
			}
			h.beat(slot, 0)
			if err := h.close(); err != nil {
				t.Fatal(err)
			}
			h = openBeat(t, file, beatClock(102))
			defer h.close()
			if ago, ok := h.last(h.open("V", beatKey), 0); !ok || ago != time.Second {
				t.Errorf("after it was rewritten: %s ago, %v; want 1s", ago, ok)
			}
		})
	}
}

func FuzzHeartbeatFile(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(heartbeatMagic))
	f.Fuzz(func(t *testing.T, content []byte) {
		h := &heartbeat{data: make([]byte, heartbeatSize), slots: make(map[heartbeatKey]int)}
		id := strings.Repeat("b", boot.IDLen)
		// What is random is the slots: the header decides whether they are looked at.
		copy(h.data, heartbeatMagic)
		copy(h.data[len(heartbeatMagic):], id)
		copy(h.data[heartbeatHeader:], content)
		h.load(id, 1<<40)
		for key, i := range h.slots {
			if heartbeatKey(h.slot(i)) != key {
				t.Errorf("slot %d has another key", i)
			}
			if ago, ok := h.last(i, election.Instant(1<<40)); !ok || ago < 0 {
				t.Errorf("slot %d: %s ago, %v", i, ago, ok)
			}
		}
	})
}

func TestHeartbeatIsForOneProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	h := openBeat(t, file, beatClock(100))
	defer h.close()
	if _, err := openHeartbeat(file, time.Now(), beatClock(100)); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("second opening: %v, want EWOULDBLOCK", err)
	}
}

func TestHeartbeatThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "missing", "beat"), dir, link, "/dev/null"} {
		if h, err := openHeartbeat(file, time.Now(), beatClock(100)); err == nil {
			t.Errorf("%s: no error", file)
			_ = h.close()
		}
	}
}

func TestHeartbeatWithEverySlotTaken(t *testing.T) {
	h := openBeat(t, filepath.Join(t.TempDir(), "beat"), beatClock(100))
	defer h.close()
	for i := range heartbeatSlots {
		k := beatKey
		k.Version = uint8(i)
		k.Source = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if slot := h.open("V", k); slot != i {
			t.Fatalf("router %d has slot %d", i, slot)
		}
	}
	slot := h.open("V", beatKey)
	h.beat(slot, 0)
	if _, ok := h.last(slot, 0); ok || slot != -1 {
		t.Errorf("slot %d, want none, and nothing remembered", slot)
	}
}

// A Runner without a heartbeat does without.
func TestNoHeartbeat(t *testing.T) {
	var h *heartbeat
	h.beat(0, 0)
	h.clear(0)
	if _, ok := h.last(0, 0); ok {
		t.Error("remembered by nobody")
	}
}

func TestBootTimeAdvances(t *testing.T) {
	if a, b := bootTime(), bootTime(); a <= 0 || b < a {
		t.Errorf("CLOCK_BOOTTIME went from %d to %d", a, b)
	}
}
