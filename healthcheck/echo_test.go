package healthcheck

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestEchoRequest has the bytes that keepalived 2.2.7 was seen to send, with the checksum that the kernel made.
func TestEchoRequest(t *testing.T) {
	const keepalived = "08006b1600010000" + "6b656570616c6976656420636865636b202d206b656570616c6976656420636865636b202d20" +
		"6b656570616c6976656420636865636b202d206b656570616c6976656420636865636b202d20" +
		"6b656570616c6976656420636865636b202d206b656570616c6976656420636865636b202d20" + "6b656570616c6976656420636865"
	if got := hex.EncodeToString(echo{id: 1}.request(false, echoPayload)); got != keepalived {
		t.Errorf("%s, want %s", got, keepalived)
	}
	if got := hex.EncodeToString(echo{id: 0x102, seq: 0x304}.request(true, "ab")); !strings.HasPrefix(got, "8000") || got[8:] != "010203046162" {
		t.Errorf("over IPv6: %s", got)
	}
}

func TestEchoReply(t *testing.T) {
	header := "45000020000040004001" + strings.Repeat("00", 10)
	for _, tt := range []struct {
		name, packet string
		v6, raw      bool
		want         echo
		ok           bool
	}{
		{"a reply", "0000000000010002", false, false, echo{1, 2}, true},
		{"with data", "0000000000010002616263", false, false, echo{1, 2}, true},
		{"a reply over IPv6", "8100000000010002", true, false, echo{1, 2}, true},
		{"over IPv6 on a raw socket", "8100000000010002", true, true, echo{1, 2}, true},
		{"on a raw socket", header + "0000000000010002", false, true, echo{1, 2}, true},
		{"behind options", "46" + header[2:] + "00000000" + "0000000000010002", false, true, echo{1, 2}, true},
		{"a request", "0800000000010002", false, false, echo{}, false},
		{"a reply of the other family", "0000000000010002", true, false, echo{}, false},
		{"unreachable", "0301000000010002", false, false, echo{}, false},
		{"a code that no reply has", "0001000000010002", false, false, echo{}, false},
		{"cut short", "00000000000100", false, false, echo{}, false},
		{"nothing", "", false, false, echo{}, false},
		{"nothing on a raw socket", "", false, true, echo{}, false},
		{"a header alone", header, false, true, echo{}, false},
		{"a header that is too short", "44" + header[2:] + "0000000000010002", false, true, echo{}, false},
		{"a header that is longer than the packet", "4f" + header[2:] + "0000000000010002", false, true, echo{}, false},
	} {
		packet, err := hex.DecodeString(tt.packet)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := echoReply(packet, tt.v6, tt.raw); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v, %v; want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestChecksum has the example of RFC 1071 §3, and an odd byte.
func TestChecksum(t *testing.T) {
	if got := checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}); got != ^uint16(0xddf2) {
		t.Errorf("%#x, want %#x", got, ^uint16(0xddf2))
	}
	if got := checksum([]byte{1}); got != ^uint16(0x100) {
		t.Errorf("%#x, want %#x", got, ^uint16(0x100))
	}
}

func FuzzEchoReply(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 2}, false, false)
	f.Fuzz(func(t *testing.T, packet []byte, v6, raw bool) {
		if e, ok := echoReply(packet, v6, raw); ok {
			tail := echo{e.id, e.seq}.request(v6, "")[4:]
			if !strings.Contains(string(packet), string(tail)) {
				t.Errorf("%+v is not in %x", e, packet)
			}
		}
		want := false // what a request is answered with is taken for that
		reply := echo{7, 9}.request(v6, string(packet))
		if reply[0] = echoReplyType; v6 {
			reply[0] = echoReplyTypeV6
		}
		if e, ok := echoReply(reply, v6, false); ok {
			want = e == echo{7, 9}
		}
		if !want {
			t.Errorf("the answer with %x is not taken", packet)
		}
	})
}
