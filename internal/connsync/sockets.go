package connsync

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// parseSockets reads a table of UDP sockets (/proc/net/udp, udp6) and returns the state of those that are bound to an address:
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//	99: 510000E0:2290 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 29340 2 ffff888003b5a000 0
func parseSockets(r io.Reader, of netip.AddrPort) (u Unread, err error) {
	want := socketAddress(of)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[1] != want {
			continue
		}
		_, queue, _ := strings.Cut(fields[4], ":")
		bytes, err := strconv.ParseUint(queue, 16, 64)
		if err != nil {
			return Unread{}, fmt.Errorf("queue of a socket: %w", err)
		}
		lost, err := strconv.ParseUint(fields[len(fields)-1], 10, 64)
		if err != nil {
			return Unread{}, fmt.Errorf("drops of a socket: %w", err)
		}
		u.Known = true
		u.Bytes += bytes
		u.Lost += lost
	}
	return u, lines.Err()
}

// socketAddress is how the table writes an address: as 32-bit words in the order of this machine.
func socketAddress(a netip.AddrPort) string {
	b := a.Addr().AsSlice()
	for i := 0; i+4 <= len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.NativeEndian.Uint32(b[i:]))
	}
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(b)), a.Port())
}
