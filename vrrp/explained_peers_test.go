package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// TestMismatchesInWords: what both sides have.
func TestMismatchesInWords(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.101")
	const pass, ah = int(wire.AuthPass), int(wire.AuthAH)
	for _, c := range []struct {
		m                  election.Mismatch
		kind, theirs, ours string
		refused            bool
	}{
		{election.Mismatch{Kind: election.MismatchAddresses, Theirs: 1, Ours: 2, Address: ip, IsOurs: true}, "addresses", "1 address", "2 addresses, 192.0.2.101 among them", false},
		{election.Mismatch{Kind: election.MismatchAddresses, Theirs: 3, Ours: 0, Address: ip}, "addresses", "3 addresses, 192.0.2.101 among them", "0 addresses", false},
		{election.Mismatch{Kind: election.MismatchAddresses, Theirs: 3, Ours: 2}, "addresses", "3 addresses", "2 addresses", false},
		{election.Mismatch{Kind: election.MismatchVersion, Theirs: 2, Ours: 3, Refused: wire.DropVersion}, "version", "version 2", "version 3", true},
		{election.Mismatch{Kind: election.MismatchInterval, Theirs: 150, Ours: 10}, "interval", "1.5s", "100ms", false},
		{election.Mismatch{Kind: election.MismatchAuth, Ours: pass, Refused: wire.DropAuthTypeMismatch}, "authentication", "none", "PASS", true},
		{election.Mismatch{Kind: election.MismatchAuth, Theirs: 9, Ours: ah, Refused: wire.DropAuthTypeInvalid}, "authentication", "type 9", "AH", true},
		{election.Mismatch{Kind: election.MismatchAuth, Theirs: pass, Ours: pass, Refused: wire.DropAuthFailure}, "authentication", "PASS with another password", "PASS", true},
		{election.Mismatch{Kind: election.MismatchAuth, Theirs: ah, Ours: ah, Refused: wire.DropSPI}, "authentication", "AH with another SPI", "AH", true},
		{election.Mismatch{Kind: election.MismatchAuth, Refused: wire.DropLength}, "authentication", "auth_hmac", "no auth_hmac", true},
		{election.Mismatch{Kind: election.MismatchAuth, Refused: wire.DropTrailerMissing}, "authentication", "no auth_hmac", "auth_hmac", true},
		{election.Mismatch{Kind: election.MismatchAuth, Theirs: 7, Refused: wire.DropKeyUnknown}, "authentication", "key 7 of auth_hmac", "auth_hmac without that key", true},
		{election.Mismatch{Kind: election.MismatchAuth, Theirs: 7, Refused: wire.DropHMAC}, "authentication", "another secret of key 7", "auth_hmac", true},
	} {
		epoch := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		c.m.Source, c.m.At, c.m.Times = ip, election.Instant(time.Second), 3
		e := Explained{Why: election.Explanation{Mismatches: []election.Mismatch{c.m}}, Epoch: epoch}
		want := []MismatchStatus{{Kind: c.kind, Source: ip, Theirs: c.theirs, Ours: c.ours, Refused: c.refused, At: epoch.Add(time.Second), Times: 3}}
		if diff := cmp.Diff(want, e.Mismatches(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.m, diff)
		}
	}
}

// TestWhatMayKeepARivalFromHearing: by how adverts travel.
func TestWhatMayKeepARivalFromHearing(t *testing.T) {
	own, group := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("224.0.0.18")
	for _, c := range []struct {
		spec  election.InstanceSpec
		parts []string
	}{
		{election.InstanceSpec{Group: group}, []string{"IP protocol 112", "filters the group 224.0.0.18"}},
		{election.InstanceSpec{Group: group, AuthType: wire.AuthAH}, []string{"IP protocol 51"}},
		{election.InstanceSpec{Peers: []netip.Addr{group}}, []string{"no unicast_peer 192.0.2.2", "IP protocol 112"}},
	} {
		e := Explained{Spec: c.spec}
		e.Status.Source = own
		for _, part := range c.parts {
			if got := e.OneWayCauses(); !strings.Contains(got, part) {
				t.Errorf("%q is missing in %q", part, got)
			}
		}
	}
}
