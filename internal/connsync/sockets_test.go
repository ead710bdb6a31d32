package connsync

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"vigil/internal/fuzzing"
)

const sockets4 = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  123: 510000E0:2290 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 29340 2 0000000000000000 4
  124: 510000E0:2291 00000000:0000 07 00000000:00000001 00:00000000 00000000     0        0 29341 2 0000000000000000 9
  125: 00000000:2290 00000000:0000 07 00000000:00000001 00:00000000 00000000     0        0 29341 2 0000000000000000 9
`

const sockets6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 9: 000002FF000000000000000081000000:2290 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 29342 2 0000000000000000 0
`

// TestSockets: that of the group and port is found among others.
func TestSockets(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the tables are those of a machine with the lowest byte first")
	}
	for _, c := range []struct {
		text, of string
		want     Unread
	}{
		{sockets4, "224.0.0.81:8848", Unread{true, 0x300, 4}},
		{sockets4, "224.0.0.81:9000", Unread{}},
		{sockets4, "224.0.0.82:8848", Unread{}},
		{sockets6, "[ff02::81]:8848", Unread{true, 0, 0}},
		{"", "224.0.0.81:8848", Unread{}},
		{sockets4 + sockets4, "224.0.0.81:8848", Unread{true, 0x600, 8}},
	} {
		if got, err := parseSockets(strings.NewReader(c.text), ports(c.of)); got != c.want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", c.of, got, err, c.want)
		}
	}
	for _, bad := range []string{"00000000:x", "nothing"} {
		if got, err := parseSockets(strings.NewReader(strings.Replace(sockets4, "00000000:00000300", bad, 1)), ports("224.0.0.81:8848")); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

func FuzzSockets(f *testing.F) {
	f.Add(sockets4)
	f.Add(sockets6)
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Within(t, time.Second, func() {
			if u, err := parseSockets(strings.NewReader(text), ports("224.0.0.81:8848")); err == nil && !u.Known && u != (Unread{}) {
				t.Errorf("%+v", u)
			}
		})
	})
}
