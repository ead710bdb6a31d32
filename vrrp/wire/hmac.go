package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"time"
)

const (
	// TrailerLen is the length in bytes of the trailer of auth_hmac, an extension of keepalived 2.4.
	TrailerLen = 28

	trailerScheme = 1  // HMAC-SHA256, the first 128 bits of it
	trailerMAC    = 12 // where they begin
	macLen        = 16
	pseudoLen     = 20 // of what is authenticated before the message: family, version, VRID and source
)

// Stamp is the sequence of a trailer: seconds since 1970, 16 bits of their fraction and a 16-bit counter.
type Stamp uint64

// StampOf is the first Stamp of a moment.
func StampOf(t time.Time) Stamp {
	fraction := uint64(t.Nanosecond()) << 16 / uint64(time.Second)
	return Stamp(uint64(uint32(t.Unix()))<<32 | fraction<<16)
}

// Seconds is the time of s, in seconds since 1970 modulo 2^32.
func (s Stamp) Seconds() uint32 { return uint32(s >> 32) }

// After reports whether s comes after t, as sequence numbers do that may wrap (RFC 1982).
func (s Stamp) After(t Stamp) bool { return int64(s-t) > 0 }

// Skew is how far the time of s is after that of t, in whole seconds.
func (s Stamp) Skew(t Stamp) time.Duration {
	return time.Duration(int32(s.Seconds()-t.Seconds())) * time.Second
}

// Next is the Stamp of an advert that is sent at now, after one with s (0: the first). It never repeats: with a clock that
// stands or was set back it counts on, unless that was by more than window, which the receivers tolerate at most. A
// window of 0 counts on in any case.
func (s Stamp) Next(now Stamp, window time.Duration) Stamp {
	switch {
	case s == 0 || now.After(s):
		return now
	case window > 0 && s.Skew(now) > window:
		return now
	}
	return s + 1
}

// Signature makes the trailer of an advert.
type Signature struct {
	KeyID uint8
	Key   string
	Stamp Stamp
}

// append appends the trailer of pdu, whose checksum is still 0.
func (s *Signature) append(b []byte, source netip.Addr, pdu []byte) []byte {
	start := len(b)
	b = append(b, trailerScheme, s.KeyID, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Stamp))
	b = append(b, make([]byte, macLen)...)
	mac := truncatedHMAC(s.Key, coveredByHMAC(source, pdu, b[start:]))
	copy(b[start+trailerMAC:], mac[:])
	return b
}

// Trailer is the trailer of a received advert.
type Trailer struct {
	KeyID uint8
	Stamp Stamp

	malformed bool
	mac       [macLen]byte
	covered   []byte
}

// Equal reports whether t and u are the same.
func (t *Trailer) Equal(u *Trailer) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.KeyID == u.KeyID && t.Stamp == u.Stamp && t.malformed == u.malformed && t.mac == u.mac
}

// Malformed reports whether the trailer has a scheme that is not known, or reserved bits.
func (t *Trailer) Malformed() bool { return t.malformed }

// Verify reports whether the advert was signed with key, and is unchanged since.
func (t *Trailer) Verify(key string) bool {
	mac := truncatedHMAC(key, t.covered)
	return subtle.ConstantTimeCompare(mac[:], t.mac[:]) == 1
}

// parseTrailer decodes the trailer b of the message pdu.
func parseTrailer(source netip.Addr, pdu, b []byte) *Trailer {
	t := &Trailer{KeyID: b[1], Stamp: Stamp(binary.BigEndian.Uint64(b[4:])), mac: [macLen]byte(b[trailerMAC:])}
	t.malformed = b[0] != trailerScheme || b[2] != 0 || b[3] != 0
	t.covered = coveredByHMAC(source, pdu, b)
	return t
}

// coveredByHMAC is a copy of what is authenticated: a pseudo header, the message with checksum 0, and the trailer with
// zeros in the place of its code.
func coveredByHMAC(source netip.Addr, pdu, trailer []byte) []byte {
	c := make([]byte, pseudoLen, pseudoLen+len(pdu)+TrailerLen)
	if c[0] = 4; source.Is6() {
		c[0] = 6
	}
	c[1], c[2] = pdu[0]>>4, pdu[1]
	copy(c[4:], source.AsSlice())
	c = append(c, pdu...)
	clear(c[pseudoLen+6 : pseudoLen+8])
	c = append(c, trailer...)
	clear(c[len(c)-macLen:])
	return c
}

func truncatedHMAC(key string, covered []byte) (code [macLen]byte) {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write(covered)
	copy(code[:], mac.Sum(nil))
	return code
}

// MarshalText returns the trailer, with what it authenticates, so that it can be verified again. It cannot fail.
func (t *Trailer) MarshalText() ([]byte, error) {
	b := []byte{t.KeyID, 0}
	if t.malformed {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.Stamp))
	b = append(b, t.mac[:]...)
	return hex.AppendEncode(nil, append(b, t.covered...)), nil
}

// UnmarshalText accepts what MarshalText returns.
func (t *Trailer) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	if err != nil || len(b) < 10+macLen {
		return errors.New("this is no trailer of auth_hmac")
	}
	*t = Trailer{KeyID: b[0], malformed: b[1] != 0, Stamp: Stamp(binary.BigEndian.Uint64(b[2:])), mac: [macLen]byte(b[10:]), covered: b[10+macLen:]}
	return nil
}
