package wire

import (
	"testing"
)

// TestWhatIsVerifiedSurvivesAsText: a trailer and an authentication header can be verified after a recording, and what is
// neither is refused.
func TestWhatIsVerifiedSurvivesAsText(t *testing.T) {
	ip := IPHeader{Source: routerA, Destination: routerB, TTL: 255}
	parse := func(a Advert) Advert {
		h, pdu, reason := ParseIPv4(a.AppendIPv4(nil, ip))
		got, again := ParseAdvert(pdu, h, nil)
		if reason != DropNone || again != DropNone {
			t.Fatal(reason, again)
		}
		return got
	}
	signed := parse(Advert{Version: 3, VRID: 1, Priority: 9, Interval: Centisecond, Signature: &Signature{KeyID: 3, Key: "k", Stamp: 7}}).Trailer
	text, err := signed.MarshalText()
	var trailer Trailer
	if err != nil || trailer.UnmarshalText(text) != nil || !trailer.Equal(signed) || !trailer.Verify("k") || trailer.Verify("x") {
		t.Errorf("%+v, %v", trailer, err)
	}
	key := [AuthDataLen]byte{'k'}
	sealed := parse(Advert{Version: 2, VRID: 1, Priority: 9, Interval: 100 * Centisecond, AuthType: AuthAH, AuthData: key, Sequence: 4}).AH
	text, err = sealed.MarshalText()
	var ah AH
	if err != nil || ah.UnmarshalText(text) != nil || !ah.Equal(sealed) || ah.Verify(key, true) != DropNone || ah.Verify([AuthDataLen]byte{}, true) != DropAuthFailure {
		t.Errorf("%+v, %v", ah, err)
	}
	for _, bad := range []string{"", "0", "xx", string(text[:60])} {
		if trailer.UnmarshalText([]byte(bad[:min(len(bad), 40)])) == nil || ah.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
