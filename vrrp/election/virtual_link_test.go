package election

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
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

// virtualMAC is a router whose adverts have the virtual MAC address for their source.
func virtualMAC(s *InstanceSpec) {
	s.VMAC = VirtualLink{Kind: Macvlan, Name: "vrrp.51", Parent: "eth0"}
}

// TestClaimWaitsForTheAddresses: the first advert from the virtual MAC address draws the traffic here, so the addresses are
// in place before it; its time is no later than 10 ms after the decision, however long they take.
func TestClaimWaitsForTheAddresses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spec  func(*InstanceSpec)
		takes time.Duration // until the addresses are in place
		want  string
	}{
		{"they come", virtualMAC, 2 * time.Millisecond, "3.611375s send 100"},
		{"they take long", virtualMAC, 30 * time.Millisecond, "3.619375s send 100"},
		{"a hook is waited for", func(s *InstanceSpec) { virtualMAC(s); preMaster(time.Second)(s) }, 2 * time.Millisecond, "3.609375s send 100"},
		{"there are none", func(s *InstanceSpec) { virtualMAC(s); s.Addresses = nil }, 2 * time.Millisecond, "3.609375s send 100"},
		{"the parent's MAC address", func(s *InstanceSpec) { virtualMAC(s); s.TransmitBase = true }, 2 * time.Millisecond, "3.609375s send 100"},
		{"no virtual one", func(*InstanceSpec) {}, 2 * time.Millisecond, "3.609375s send 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2(tt.spec)).up().done()
			decided := 3609375 * time.Microsecond
			r.until(decided + tt.takes).done().until(4 * time.Second)
			sent := slices.DeleteFunc(r.lines, func(l string) bool { return !strings.Contains(l, " send ") })
			if !slices.Equal(sent, []string{tt.want}) {
				t.Errorf("%q, want %q", sent, tt.want)
			}
		})
	}
	t.Run("none can be had", func(t *testing.T) { // nobody was told of a master, and nothing is waited for any more
		spec := having([]Address{first})
		virtualMAC(&spec)
		r := newRig(t, spec).up().done().until(3610 * time.Millisecond).forget()
		r.done(first).expectState(Fault).forget().until(4 * time.Second).expect()
	})
	t.Run("a lower master meanwhile", func(t *testing.T) {
		r := newRig(t, spec2(virtualMAC)).up().done().until(3610 * time.Millisecond).forget()
		r.hear(200).done().until(3800 * time.Millisecond)
		if slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, " send ") }) {
			t.Errorf("who has given way claims it: %q", r.lines)
		}
	})
	t.Run("its own grace", func(t *testing.T) { // the addresses are there still
		r := newRig(t, spec2(virtualMAC, func(s *InstanceSpec) { s.Priority = 254 })).master().done().hear(255).hear(0).forget()
		r.until(3015625 * time.Microsecond)
		if len(r.lines) == 0 || r.lines[0] != "3.015625s send 254" {
			t.Errorf("%q", r.lines)
		}
	})
}
