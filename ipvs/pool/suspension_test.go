package pool

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"

	"vigil/confparse"
)

// TestSuspension: a virtual server is suspended while none of its addresses is on any interface, once that is known.
func TestSuspension(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	one, two := confparse.VirtualServerID{Addr: a, Port: 80}, confparse.VirtualServerID{Group: "G"}
	var s Suspension
	is := func(when string, want map[confparse.VirtualServerID]bool) {
		t.Helper()
		if got := s.Suspended(); !maps.Equal(got, want) {
			t.Errorf("%s: suspended %v, want %v", when, got, want)
		}
	}
	type ids = map[confparse.VirtualServerID]bool
	is("nothing is wanted", nil)
	s.Want(map[confparse.VirtualServerID][]netip.Addr{one: {a}, two: {b, c}})
	is("nothing is known", ids{one: false, two: false})
	s.Count(a, 2, true)
	is("one address is known, not all", ids{one: false, two: false})
	s.Known = true
	is("an address is here", ids{two: true})
	s.Count(a, 3, true)
	s.Count(a, 2, false)
	is("it is on another interface too", ids{two: true})
	s.Count(c, 2, true)
	is("one of two addresses is here", nil)
	s.Count(a, 3, false)
	s.Count(c, 2, false)
	s.Count(c, 2, false) // said twice
	is("all have gone", ids{one: true, two: true})
	s.Blind = true
	is("it cannot be known any more", nil)
	s.Blind = false
	s.Want(nil)
	is("nobody wants it any more", nil)
	if text := fmt.Sprint(s.here); text != "map[]" {
		t.Errorf("%s is kept", text)
	}
}
