package connsync

import (
	"encoding/binary"
	"errors"
)

// Kind is what a Signal says.
type Kind uint8

// Kinds of signals.
const (
	Ask  Kind = 1 + iota // tell me what you know
	Mark                 // that was a part of it
	Ack                  // the kernel has read it
	End                  // that was all
	Drop                 // never mind: whoever asked does not want to know any more
)

// Signal is what directors say to each other besides the kernel's messages.
type Signal struct {
	Kind        Kind
	ID          uint8  // syncid: of the directors that belong together
	Session     uint32 // of the director that asks, chosen by it
	Number      uint32 // of a Mark or End, from 1, and of its Ack
	Connections uint32 // End: so many were told
}

// signalMagic begins a signal. The kernel may hear it too, if it listens at several ports: it reads the third and fourth byte as the
// length, which is another one, and drops it.
const (
	signalMagic   = "VIGL"
	signalVersion = 1
	signalSize    = 20
)

// append appends the 20 bytes of a signal: VIGL, version, kind, syncid, 0, and the three numbers in network order.
func (s Signal) append(b []byte) []byte {
	b = append(b, signalMagic...)
	b = append(b, signalVersion, uint8(s.Kind), s.ID, 0)
	b = binary.BigEndian.AppendUint32(b, s.Session)
	b = binary.BigEndian.AppendUint32(b, s.Number)
	return binary.BigEndian.AppendUint32(b, s.Connections)
}

var errNoSignal = errors.New("not a signal")

// parseSignal reads a datagram.
func parseSignal(b []byte) (Signal, error) {
	if len(b) != signalSize || string(b[:4]) != signalMagic || b[4] != signalVersion || b[7] != 0 {
		return Signal{}, errNoSignal
	}
	s := Signal{Kind(b[5]), b[6], binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:])}
	if s.Kind < Ask || s.Kind > Drop {
		return Signal{}, errNoSignal
	}
	return s, nil
}
