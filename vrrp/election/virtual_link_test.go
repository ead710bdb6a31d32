package election

import (
	"net/netip"
	"slices"
	"testing"
)

// TestNoAcceptComesBeforeItsAddressAndGoesAfterIt (RFC 9568 §6.1, Accept_Mode): no packet reaches an address in between.
func TestNoAcceptComesBeforeItsAddressAndGoesAfterIt(t *testing.T) {
	spec := having([]Address{first, second}, third)
	spec.NoAccept = true
	want := []Resource{NoAccept{vip100, "eth0"}, NoAccept{vip101, "eth0"}, NoAccept{netip.MustParseAddr("2001:db8::1"), "eth0"},
		first, second, third}
	if got := spec.Resources(); !slices.Equal(got, want) { // removed in the reverse order
		t.Errorf("got %v", got)
	}
	spec.Priority = OwnerPriority
	if got := spec.Resources(); !slices.Equal(got, []Resource{first, second, third}) {
		t.Errorf("the owner has %v", got)
	}
}

// TestNoAcceptDoesNotServe: a router is of use with one of its addresses, and of none with what only belongs to them.
func TestNoAcceptDoesNotServe(t *testing.T) {
	spec := having([]Address{first, second}, third)
	spec.NoAccept = true
	r := newRig(t, spec).master()
	r.done(first, NoAccept{vip100, "eth0"}).expectState(Master)
	r.done(first, second).expectState(Fault)
}

// TestReloadOfNoAcceptLeavesTheAddresses: only what is to be changed is changed.
func TestReloadOfNoAcceptLeavesTheAddresses(t *testing.T) {
	spec := having([]Address{first})
	r := newRig(t, spec).master()
	with := spec
	with.NoAccept = true
	own := func(ev Event) Own {
		for _, a := range r.Step(Instant(r.clock), ev) {
			if o, ok := a.(Own); ok {
				return o
			}
		}
		t.Fatal("nothing is to be changed")
		return Own{}
	}
	shut := NoAccept{vip100, "eth0"}
	if o := own(SpecChanged{Spec: with}); !slices.Equal(o.Resources, []Resource{shut, first}) || len(o.Remove) > 0 {
		t.Errorf("no_accept: %+v", o)
	}
	if o := own(SpecChanged{Spec: spec}); !slices.Equal(o.Resources, []Resource{first}) || !slices.Equal(o.Remove, []Resource{shut}) {
		t.Errorf("accept: %+v", o)
	}
}

// TestVirtualLinkOfAdverts: adverts leave by the router's own virtual link, unless vmac_xmit_base says otherwise.
func TestVirtualLinkOfAdverts(t *testing.T) {
	s := spec2()
	extra := VirtualLink{Kind: Macvlan, Name: "vrrp1.51", Parent: "eth1"}
	s.AddressLinks = []VirtualLink{extra}
	if got := s.AdvertLink(); got != "eth0" || !slices.Equal(s.VirtualLinks(), []VirtualLink{extra}) {
		t.Errorf("without its own: %s, %v", got, s.VirtualLinks())
	}
	s.VMAC = VirtualLink{Kind: Macvlan, Name: "vrrp.51", Parent: "eth0"}
	if got := s.AdvertLink(); got != "vrrp.51" || !slices.Equal(s.VirtualLinks(), []VirtualLink{s.VMAC, extra}) {
		t.Errorf("with its own: %s, %v", got, s.VirtualLinks())
	}
	base := s
	base.TransmitBase = true
	if got := base.AdvertLink(); got != "eth0" {
		t.Errorf("vmac_xmit_base: %s", got)
	}
	if s.Key() == base.Key() || s.Key() == spec2().Key() {
		t.Error("other links are another router")
	}
	s.VMAC.IPv6 = true // for an address that a reload adds
	base.VMAC.IPv6, base.TransmitBase = false, false
	if s.Key() != base.Key() || s.Equal(base) {
		t.Error("what the link is for is changed in place")
	}
}
