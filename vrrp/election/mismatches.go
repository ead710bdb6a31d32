package election

import (
	"net/netip"
	"slices"

	"vigil/vrrp/wire"
)

// MismatchKind is something that the routers of one virtual router must have in common.
type MismatchKind uint8

// The kinds.
const (
	MismatchAddresses MismatchKind = iota // the numbers of advertised addresses
	MismatchVersion
	MismatchInterval // in centiseconds
	MismatchAuth     // the wire.AuthTypes, or in Theirs the ID of a key of auth_hmac; Refused says which
)

// String names the kind.
func (k MismatchKind) String() string {
	switch k {
	case MismatchVersion:
		return "version"
	case MismatchInterval:
		return "interval"
	case MismatchAuth:
		return "authentication"
	}
	return "addresses"
}

// Mismatch is something that another router has configured unlike this one. It ends with an advert that is right.
type Mismatch struct {
	Kind    MismatchKind
	Source  netip.Addr
	Theirs  int
	Ours    int
	Address netip.Addr // of lists of addresses: one that only one of the two has
	IsOurs  bool       // that is us
	// Refused is why its adverts count for nothing; DropNone when they count all the same.
	Refused wire.DropReason
	At      Instant // the latest advert
	Times   uint64  // how many there were
}

// mismatches are those of one source, one of each kind at most.
type mismatches []Mismatch

// note notes an advert that is unlike ours.
func (l *mismatches) note(now Instant, m Mismatch) {
	m.At, m.Times = now, 1
	if i := slices.IndexFunc(*l, func(o Mismatch) bool { return o.Kind == m.Kind }); i >= 0 {
		m.Times += (*l)[i].Times
		(*l)[i] = m
		return
	}
	*l = append(*l, m)
}

// end forgets the mismatches of some kinds.
func (l *mismatches) end(kinds ...MismatchKind) {
	if len(*l) > 0 {
		*l = slices.DeleteFunc(*l, func(m Mismatch) bool { return slices.Contains(kinds, m.Kind) })
	}
}

// appendTo appends the mismatches, those of source, to a list by kind.
func (l mismatches) appendTo(list []Mismatch, source netip.Addr) []Mismatch {
	first := len(list)
	for _, m := range l {
		m.Source = source
		list = append(list, m)
	}
	slices.SortFunc(list[first:], func(a, b Mismatch) int { return int(a.Kind) - int(b.Kind) })
	return list
}

// reconsider forgets all mismatches after a reload: it may have been this router that was wrong.
func (t *peerTable) reconsider() {
	t.rest.mismatches = nil
	for i := range t.list {
		t.list[i].mismatches = nil
	}
}

// disagree notes a refused advert that shows another configuration. It returns what verify does.
func (m *Machine) disagree(src netip.Addr, what Mismatch) (*peer, bool) {
	m.peers.find(m.now, src, false).mismatches.note(m.now, what)
	return nil, false
}

// configured reports whether the configuration is to blame, and not a clock, a repetition or who plays with old packets.
func (r rejection) configured() bool {
	switch r.reason {
	case wire.DropAuthTypeInvalid, wire.DropAuthTypeMismatch, wire.DropAuthFailure, wire.DropSPI,
		wire.DropTrailerMissing, wire.DropKeyUnknown, wire.DropHMAC, wire.DropLength: // the last one: a trailer that we do not expect
		return true
	}
	return false
}

// authMismatch says how an advert is authenticated unlike ours.
func (m *Machine) authMismatch(a *wire.Advert, r rejection) Mismatch {
	what := Mismatch{Kind: MismatchAuth, Theirs: int(a.AuthType), Ours: int(m.spec.AuthType), Refused: r.reason}
	if r.reason == wire.DropKeyUnknown || r.reason == wire.DropHMAC {
		what.Theirs, what.Ours = r.theirs, 0
	}
	return what
}

// compareLists says how a list of addresses differs from ours.
func (m *Machine) compareLists(theirs []netip.Addr) Mismatch {
	what := Mismatch{Kind: MismatchAddresses, Theirs: len(theirs), Ours: len(m.vips)}
	for _, a := range m.vips {
		if !slices.Contains(theirs, a) {
			what.Address, what.IsOurs = a, true
			return what
		}
	}
	for _, a := range theirs {
		if !slices.Contains(m.vips, a) {
			what.Address = a
			break
		}
	}
	return what
}
