package election

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/routing"
	"vigil/vrrp/wire"
)

// TestEqualSeesEveryField: a change of any field, nested ones and list elements included, makes specs unequal.
func TestEqualSeesEveryField(t *testing.T) {
	full := spec2(func(s *InstanceSpec) {
		s.Source, s.Excluded = routerA, s.Addresses
		s.Peers, s.PeerTTLs = []netip.Addr{routerB}, []TTLRange{{1, 2}}
		s.Trackers = []TrackSpec{{ID: eth1}}
		s.HMAC.Keys = []HMACKey{{ID: 1}}
		s.AddressLinks = []VirtualLink{{Kind: Macvlan}}
		s.Routes, s.Rules = []Route{{}}, []Rule{{}}
	})
	if !full.Equal(full) || !(InstanceSpec{}).Equal(InstanceSpec{}) {
		t.Fatal("not equal to itself")
	}
	leaves := 0
	for mutate := range everyLeaf(reflect.TypeFor[InstanceSpec]()) {
		changed := full
		changed.Addresses = append([]Address(nil), full.Addresses...)
		changed.Excluded = append([]Address(nil), full.Excluded...)
		changed.Peers = append([]netip.Addr(nil), full.Peers...)
		changed.PeerTTLs = append([]TTLRange(nil), full.PeerTTLs...)
		changed.HMAC.Keys = append([]HMACKey(nil), full.HMAC.Keys...)
		changed.Routes = append([]Route(nil), full.Routes...)
		changed.Rules = append([]Rule(nil), full.Rules...)
		changed.Trackers = append([]TrackSpec(nil), full.Trackers...)
		changed.AddressLinks = append([]VirtualLink(nil), full.AddressLinks...)
		name := mutate(reflect.ValueOf(&changed).Elem())
		if full.Equal(changed) || changed.Equal(full) {
			t.Errorf("a change of %s is not seen", name)
		}
		leaves++
	}
	if leaves < 30 {
		t.Errorf("only %d fields tried", leaves)
	}
}

// everyLeaf yields one change for each scalar that a value of type t holds, looking into the first element of lists.
func everyLeaf(t reflect.Type) func(func(func(reflect.Value) string) bool) {
	return func(yield func(func(reflect.Value) string) bool) {
		switch {
		case t == reflect.TypeFor[netip.Addr]():
			yield(func(v reflect.Value) string { v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.7"))); return "" })
		case t == reflect.TypeFor[netip.Prefix]():
			yield(func(v reflect.Value) string { v.Set(reflect.ValueOf(netip.MustParsePrefix("192.0.2.7/31"))); return "" })
		case t == reflect.TypeFor[Audience]():
			yield(func(v reflect.Value) string { v.Set(reflect.ValueOf(AudienceOf(Told{SaysDeleted: true}))); return "" })
		case t == reflect.TypeFor[confparse.Program]():
			yield(func(v reflect.Value) string { v.Set(reflect.ValueOf(programCalled("x"))); return "" })
		case t.Kind() == reflect.Struct:
			for i := range t.NumField() {
				for mutate := range everyLeaf(t.Field(i).Type) {
					if !yield(func(v reflect.Value) string { return "." + t.Field(i).Name + mutate(v.Field(i)) }) {
						return
					}
				}
			}
		case t == reflect.TypeFor[routing.Hops]():
			yield(func(v reflect.Value) string {
				v.Set(reflect.ValueOf(routing.HopsOf(routing.NextHop{Link: "eth9"})))
				return ""
			})
		case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
			for mutate := range everyLeaf(t.Elem()) {
				if !yield(func(v reflect.Value) string { return "[0]" + mutate(v.Index(0)) }) {
					return
				}
			}
		default:
			yield(func(v reflect.Value) string {
				switch v.Kind() {
				case reflect.Bool:
					v.SetBool(!v.Bool())
				case reflect.String:
					v.SetString(v.String() + "x")
				case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
					v.SetUint(v.Uint() ^ 1)
				case reflect.Int, reflect.Int32, reflect.Int64:
					v.SetInt(v.Int() + 1)
				default:
					panic(fmt.Sprintf("no change known for %v", v.Type()))
				}
				return ""
			})
		}
	}
}

// TestKey: what belongs to a router's identity and what does not.
func TestKey(t *testing.T) {
	base := spec2()
	for _, tt := range []struct {
		name   string
		change func(*InstanceSpec)
		same   bool
	}{
		{"name", func(s *InstanceSpec) { s.Name = "other" }, true},
		{"priority", func(s *InstanceSpec) { s.Priority = 7 }, true},
		{"source of a multicast router", func(s *InstanceSpec) { s.Source = routerC }, true},
		{"link", func(s *InstanceSpec) { s.Link = "eth1" }, false},
		{"VRID", func(s *InstanceSpec) { s.VRID = 52 }, false},
		{"version", func(s *InstanceSpec) { s.Version = 3 }, false},
		{"family", func(s *InstanceSpec) { s.Family = confparse.IPv6 }, false},
		{"multicast group", func(s *InstanceSpec) { s.Group = netip.MustParseAddr("224.0.0.99") }, false},
		{"AH, which has a socket of its own", func(s *InstanceSpec) { s.AuthType = wire.AuthAH }, false},
		{"password", func(s *InstanceSpec) { s.AuthType = wire.AuthPass }, true},
		{"auth_hmac", func(s *InstanceSpec) { s.HMAC.Mode = HMACEnforce }, true},
		{"unicast", func(s *InstanceSpec) { s.Peers = []netip.Addr{routerA} }, false},
	} {
		changed := spec2(tt.change)
		if got := changed.Key() == base.Key(); got != tt.same {
			t.Errorf("%s: same key %t, want %t", tt.name, got, tt.same)
		}
	}
	unicast := spec2(func(s *InstanceSpec) { s.Peers, s.Source = []netip.Addr{routerA}, routerB })
	moved := unicast
	moved.Source = routerC
	if moved.Key() == unicast.Key() {
		t.Error("source of a unicast router: the same key")
	}
	more := unicast
	more.Peers = []netip.Addr{routerC}
	if more.Key() != unicast.Key() {
		t.Error("peers of a unicast router: another key")
	}
}

func TestAddressesOfOtherInterfacesAreAnnouncedFirst(t *testing.T) {
	address := func(last byte, link string) Address {
		return Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), 32), Link: link}
	}
	spec := InstanceSpec{Link: "eth0",
		Addresses: []Address{address(1, "eth0"), address(2, "eth1"), address(3, "eth0")},
		Excluded:  []Address{address(4, "eth2"), address(5, "eth0")}}
	var got []byte
	for _, a := range spec.announcementOrder() {
		got = append(got, a.Prefix.Addr().As4()[3])
	}
	if diff := cmp.Diff([]byte{2, 4, 1, 3, 5}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if !slices.Equal(spec.Addresses, []Address{address(1, "eth0"), address(2, "eth1"), address(3, "eth0")}) {
		t.Error("the spec was changed")
	}
}
