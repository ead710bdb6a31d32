package connsync

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"time"
	"vigil/internal/fuzzing"
)

func TestSignals(t *testing.T) {
	const want = "5649474c" + "01" + "04" + "33" + "00" + "01020304" + "00000007" + "0000c350"
	s := Signal{Kind: End, ID: 51, Session: 0x01020304, Number: 7, Connections: 50000}
	b := s.append(nil)
	if hex.EncodeToString(b) != want {
		t.Errorf("%x, want %s", b, want)
	}
	if got, err := parseSignal(b); got != s || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if length := int(binary.BigEndian.Uint16(b[2:])); length == len(b) {
		t.Error("a kernel would take it for a message of the kernel's")
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"short":           func(b []byte) []byte { return b[:19] },
		"long":            func(b []byte) []byte { return append(b, 0) },
		"another magic":   func(b []byte) []byte { b[0] = 0; return b },
		"another version": func(b []byte) []byte { b[4] = 2; return b },
		"no kind":         func(b []byte) []byte { b[5] = 0; return b },
		"unknown kind":    func(b []byte) []byte { b[5] = 6; return b },
		"reserved":        func(b []byte) []byte { b[7] = 1; return b },
	} {
		if got, err := parseSignal(spoil(s.append(nil))); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func FuzzSignal(f *testing.F) {
	f.Add(Signal{Kind: Ask, ID: 1, Session: 2}.append(nil))
	f.Add([]byte("VIGL"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzing.Within(t, time.Second, func() {
			if s, err := parseSignal(b); err == nil && string(s.append(nil)) != string(b) {
				t.Errorf("%x is %+v, which is %x", b, s, s.append(nil))
			}
		})
	})
}
