package lan

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stamp is the ancillary data of a packet that came at a time, after others.
func stamp(at time.Time) []byte {
	other := unix.UnixRights(0)
	b := make([]byte, unix.CmsgSpace(16))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(16)))
	binary.NativeEndian.PutUint32(b[8:], unix.SOL_SOCKET)
	binary.NativeEndian.PutUint32(b[12:], unix.SO_TIMESTAMPNS_NEW)
	binary.NativeEndian.PutUint64(b[16:], uint64(at.Unix()))
	binary.NativeEndian.PutUint64(b[24:], uint64(at.Nanosecond()))
	return append(other, b...)
}

// TestArrival: what the kernel says of a packet's arrival is believed as far as it can be true.
func TestArrival(t *testing.T) {
	now := time.Unix(1_800_000_000, 500)
	for name, tt := range map[string]struct {
		oob         []byte
		empty, want time.Duration // ago
	}{
		"just now":                      {stamp(now), time.Second, 0},
		"while nobody read":             {stamp(now.Add(-300 * time.Millisecond)), time.Second, 300 * time.Millisecond},
		"the clock was set forward":     {stamp(now.Add(-time.Hour)), time.Second, time.Second},
		"the clock was set back":        {stamp(now.Add(time.Hour)), time.Second, 0},
		"a kernel that does not say":    {nil, time.Second, 0},
		"ancillary data that are short": {stamp(now.Add(-time.Hour))[:30], time.Second, 0},
	} {
		if got := bounded(queued(tt.oob, now), now.Add(-tt.empty), now); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
