package election

import (
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/wire"
)

// ProtocolSpec is what keepalived adds to the protocol: forms of the checksum, authentication of every version, and what
// is not listened to.
type ProtocolSpec struct {
	Checksum wire.Checksum // v3_checksum_as_v2, old_unicast_checksum: what is sent
	// OldChecksum has unicast adverts accepted whose checksum covers OldGroup in the place of our address.
	OldChecksum bool
	OldGroup    netip.Addr
	HMAC        HMACSpec // auth_hmac
	// OwnerIgnoresAdverts has a router of priority 255 listen to nobody (owner_ignore_adverts).
	OwnerIgnoresAdverts bool
	// TimerExpired is the priority that others are taken to have where this process was not run for so long that they must
	// have taken over (timer_expired_backup); 0: it goes on.
	TimerExpired uint8
	Buffer       ReceiveBuffer // what the socket keeps for this router
	TrackSource  bool          // Source must be an address of the link (track_src_ip)
	Debug        int           // debug: above 0 every advert is logged
	// Unusable is why the configuration keeps the router in FAULT: FaultNoPeers or FaultNoKey; 0 when it does not.
	Unusable FaultKind
}

// ReceiveBuffer is how much of a socket's receive buffer one router asks for. A socket has the sum of them.
type ReceiveBuffer struct {
	Policy BufferPolicy
	Size   int // bytes, or of what Policy says, how many
}

// BufferPolicy is what the size of a receive buffer is counted in.
type BufferPolicy uint8

// The policies.
const (
	BufferSystem  BufferPolicy = iota // the system's size
	BufferMTUs                        // packets of the interface's MTU
	BufferAdverts                     // adverts of the router
	BufferBytes
)

// HMACSpec is auth_hmac. Its zero value is none.
type HMACSpec struct {
	Mode      HMACMode
	Active    HMACKey   // that adverts are signed with
	Keys      []HMACKey // that adverts may be signed with, by ascending ID
	Window    time.Duration
	Monotonic bool // only the order of adverts counts, not their time
}

// HMACMode says what is signed, and what must be.
type HMACMode uint8

// The modes.
const (
	HMACOff HMACMode = iota
	HMACEnforce
	HMACPermissive  // adverts without a trailer are accepted
	HMACReceiveOnly // and none is sent
)

// HMACKey is a key of auth_hmac.
type HMACKey struct {
	ID     uint8 // 1 to 255
	Secret string
}

func (s *ProtocolSpec) sameAs(t *ProtocolSpec) bool {
	return s.Checksum == t.Checksum && s.OldChecksum == t.OldChecksum && s.OldGroup == t.OldGroup && s.HMAC.equal(&t.HMAC) &&
		s.OwnerIgnoresAdverts == t.OwnerIgnoresAdverts && s.TimerExpired == t.TimerExpired && s.Buffer == t.Buffer && s.TrackSource == t.TrackSource && s.Debug == t.Debug && s.Unusable == t.Unusable
}

func (s *HMACSpec) equal(t *HMACSpec) bool {
	return s.Mode == t.Mode && s.Active == t.Active && slices.Equal(s.Keys, t.Keys) && s.Window == t.Window && s.Monotonic == t.Monotonic
}

// Signs reports whether adverts are sent with a trailer.
func (s *HMACSpec) Signs() bool { return s.Mode == HMACEnforce || s.Mode == HMACPermissive }

// window is how far clocks may differ; 0 when they do not matter.
func (s *HMACSpec) window() time.Duration {
	if s.Monotonic {
		return 0
	}
	return s.Window
}

// dress gives an advert what it is sent with besides what it says.
func (m *Machine) dress(a *wire.Advert) {
	if a.Version != 2 {
		a.Checksum, a.Group = m.spec.Checksum, m.spec.OldGroup
	}
	if a.Version == 2 && m.spec.AuthType == wire.AuthAH {
		if m.sequence < wire.MaxSequence {
			m.sequence++
		}
		a.Sequence, m.ours = m.sequence, m.sequence
	}
	if h := &m.spec.HMAC; h.Signs() {
		a.Signature = &wire.Signature{KeyID: h.Active.ID, Key: h.Active.Secret}
	}
}

// rejection is why a packet is refused, with the numbers that tell.
type rejection struct {
	reason       wire.DropReason
	theirs, ours int
}

// authenticate verifies who an advert is from: auth_hmac first, which works in every version, then what version 2 has
// (RFC 2338 §5.3.6).
func (m *Machine) authenticate(ev *AdvertReceived) rejection {
	if r := m.verifyTrailer(ev); r.reason != wire.DropNone {
		return r
	}
	a := &ev.Advert
	var password []byte
	if ev.Source.Is4() {
		password = m.spec.AuthData[:]
	}
	if reason := a.Authenticate(m.spec.AuthType, password); reason != wire.DropNone {
		return rejection{reason, int(a.AuthType), int(m.spec.AuthType)}
	}
	if a.Version != 2 || m.spec.AuthType != wire.AuthAH {
		return rejection{}
	}
	if reason := a.AH.Verify(m.spec.AuthData, m.spec.Unicast()); reason != wire.DropNone {
		return rejection{reason, 0, 0}
	}
	// All routers share one sequence: who becomes master goes on where the last one stopped. Two that are MASTER at once and in
	// step send the same numbers; such a one counts once, or neither would ever hear the other.
	if n := a.AH.Sequence; n < m.sequence || n == m.sequence && n != m.ours {
		return rejection{wire.DropSequence, int(n), int(m.sequence)}
	}
	m.sequence, m.ours = a.AH.Sequence, 0
	return rejection{}
}

// overtake makes our next advert of AuthAH come after theirs, who is a lower master.
func (m *Machine) overtake(a *wire.Advert) {
	if a.AH != nil && m.sequence < wire.MaxSequence {
		m.sequence++
	}
}

// verifyTrailer verifies the trailer of auth_hmac. Nothing is remembered of what fails.
func (m *Machine) verifyTrailer(ev *AdvertReceived) rejection {
	h, t, now := &m.spec.HMAC, ev.Advert.Trailer, ev.Clock
	switch {
	case h.Mode == HMACOff && t != nil:
		return rejection{reason: wire.DropLength}
	case h.Mode == HMACOff, t == nil && h.Mode != HMACEnforce:
		return rejection{}
	case t == nil:
		return rejection{reason: wire.DropTrailerMissing}
	case m.spec.Unicast() && !slices.Contains(m.spec.Peers, ev.Source):
		return rejection{reason: wire.DropNotPeer}
	case t.Malformed():
		return rejection{reason: wire.DropTrailerMalformed}
	}
	skew := now.Skew(t.Stamp)
	if window := h.window(); window > 0 && skew.Abs() > window {
		return rejection{wire.DropStale, int(skew.Seconds()), int(window.Seconds())}
	}
	i := slices.IndexFunc(h.Keys, func(k HMACKey) bool { return k.ID == t.KeyID })
	switch {
	case i < 0:
		return rejection{reason: wire.DropKeyUnknown, theirs: int(t.KeyID)}
	case !t.Verify(h.Keys[i].Secret):
		return rejection{reason: wire.DropHMAC, theirs: int(t.KeyID)}
	case !m.replays.admit(ev.Source, t.Stamp, now, h.window(), len(m.spec.Peers)):
		return rejection{reason: wire.DropReplay}
	}
	if window := h.window(); 2*skew.Abs() > window && window > 0 {
		m.reportOnce(m.peers.find(m.now, ev.Source, true), Report{Kind: ReportClockSkew, Theirs: int(-skew.Seconds()), Ours: int(window.Seconds())})
	}
	return rejection{}
}

// replays are the stamps of the last adverts whose trailer was right, by source. There is room for each peer, and on a LAN
// for maxPeers: who can sign an advert can push out another.
type replays []replayMark

type replayMark struct {
	source netip.Addr
	stamp  wire.Stamp
	used   wire.Stamp // the clock then, to find the one that was used longest ago
}

// admit notes a stamp and reports whether it is new. A mark that is further from now than the window is forgotten: the
// clock of one of the two has been set.
func (r *replays) admit(source netip.Addr, stamp, now wire.Stamp, window time.Duration, peers int) bool {
	list := *r
	i := slices.IndexFunc(list, func(m replayMark) bool { return m.source == source })
	switch {
	case i >= 0:
		known := window == 0 || list[i].stamp.Skew(now).Abs() <= window
		if known && !stamp.After(list[i].stamp) {
			return false
		}
	case len(list) < max(maxPeers, peers):
		*r = append(list, replayMark{source, stamp, now})
		return true
	default:
		i = 0
		for k := range list {
			if list[i].used.After(list[k].used) {
				i = k
			}
		}
	}
	list[i] = replayMark{source, stamp, now}
	return true
}

// checksumFits reports whether an advert covers with its checksum what it may.
func (m *Machine) checksumFits(a *wire.Advert) (wire.Checksum, bool) {
	switch a.Checksum {
	case wire.ChecksumStandard:
		return a.Checksum, true
	case wire.ChecksumAsV2:
		return a.Checksum, m.spec.Checksum == wire.ChecksumAsV2
	}
	return wire.ChecksumGroup, m.spec.OldChecksum && m.spec.Unicast() && a.CoversGroup(m.spec.OldGroup)
}
