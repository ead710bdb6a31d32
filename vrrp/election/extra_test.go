package election

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// extraSpec has addresses on its own link, on another interface and on virtual links of other interfaces.
func extraSpec(vmac bool) InstanceSpec {
	mac := [6]byte{0, 0, 0x5e, 0, 1, 51}
	return spec2(func(s *InstanceSpec) {
		s.AdvertInterval, s.ExtraGARP = time.Hour, 2*time.Second
		own := "eth0"
		if vmac {
			own = "vrrp.51"
			s.VMAC = VirtualLink{Kind: Macvlan, Name: own, Parent: "eth0", MAC: mac}
		}
		s.Addresses = nil
		for i, on := range []Address{{Link: own}, {Link: "eth0"}, {Link: "eth1"}, {Link: "vrrp1.51", MAC: mac}} {
			on.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32)
			s.Addresses = append(s.Addresses, on)
		}
	})
}

// TestExtraGARP: while MASTER, addresses on other virtual links, and with all on any other interface, are announced
// periodically, as keepalived does: the first time one period after the transition, once each.
func TestExtraGARP(t *testing.T) {
	for _, tt := range []struct {
		vmac, all bool
		want      string
	}{
		{true, false, "10.0.0.3"},
		{false, false, "10.0.0.3"},
		{true, true, "10.0.0.1 10.0.0.2 10.0.0.3"},
		{false, true, "10.0.0.2 10.0.0.3"},
	} {
		spec := extraSpec(tt.vmac)
		spec.ExtraGARPAll = tt.all
		r := newRig(t, spec).master()
		began := r.clock
		var got []string
		for r.clock < began+7*time.Second {
			d, _ := r.Deadline()
			r.clock = max(r.clock, time.Duration(d))
			for _, a := range r.Step(Instant(r.clock), Wake{}) {
				if a, ok := a.(Announce); ok && a.Repeat == 1 && len(a.Addresses) < len(spec.Addresses) {
					text := fmt.Sprint((r.clock - began).Round(time.Second))
					for _, x := range a.Addresses {
						text += " " + x.Prefix.Addr().String()
					}
					got = append(got, text)
				}
			}
		}
		if want := fmt.Sprintf("2s %[1]s|4s %[1]s|6s %[1]s", tt.want); !strings.HasPrefix(strings.Join(got, "|"), want) {
			t.Errorf("%+v: %v, want %s", tt, got, want)
		}
	}
}

// TestExtraGARPFollowsTheReload: it begins and ends with the configuration, and with mastership.
func TestExtraGARPFollowsTheReload(t *testing.T) {
	spec := extraSpec(true)
	without := spec
	without.ExtraGARP = 0
	r := newRig(t, without).master()
	if r.timers.extra != Never {
		t.Error("without the keyword")
	}
	r.do(SpecChanged{Spec: spec})
	if d := time.Duration(r.timers.extra) - r.clock; d != 2*time.Second {
		t.Errorf("a reload that adds it: in %v", d)
	}
	r.do(SpecChanged{Spec: without})
	if r.timers.extra != Never {
		t.Error("a reload that removes it")
	}
	r.do(SpecChanged{Spec: spec})
	r.do(LinkChanged{Up: false})
	if r.timers.extra != Never {
		t.Error("in FAULT")
	}
	none := spec
	none.Addresses = spec.Addresses[:1]
	if r := newRig(t, none).master(); r.timers.extra != Never {
		t.Error("without such an address")
	}
}
