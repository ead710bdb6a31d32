package vrrp

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
)

// config is a vrrp_instance as confparse delivers it, defaults applied.
func config(change ...func(*confparse.VRRPInstance)) *confparse.VRRPInstance {
	in := &confparse.VRRPInstance{
		Name: "VI_1", Family: confparse.IPv4, Version: 2, Interface: "eth0", VirtualRouterID: 51, Priority: 100,
		AdvertInterval: time.Second, DownTimerAdverts: 3, Accept: true, MulticastGroup: group4, UnicastTTL: 255,
		VirtualAddresses: []confparse.VirtualAddress{{Prefix: netip.PrefixFrom(vip100, 32)}},
		GARP:             confparse.GARP{MasterRepeat: 1, LowerPrioRepeat: 5, LowerPrioDelay: time.Second},
	}
	for _, f := range change {
		f(in)
	}
	return in
}

// TestFromConfig: each entry is a change of the configuration and the change of the desired state that follows.
func TestFromConfig(t *testing.T) {
	base := spec2(func(s *InstanceSpec) { s.GARP.LowerPrioRepeat, s.GARP.LowerPrioDelay = 5, time.Second })
	prefix := func(s string) netip.Prefix { return netip.MustParsePrefix(s) }
	for _, tt := range []struct {
		name   string
		config func(*confparse.VRRPInstance)
		want   func(*InstanceSpec)
	}{
		{"as it is", func(*confparse.VRRPInstance) {}, func(*InstanceSpec) {}},
		{"owner", func(c *confparse.VRRPInstance) { c.Priority = 255 },
			func(s *InstanceSpec) { s.Priority, s.StartMaster = 255, true }},
		{"owner that waits", func(c *confparse.VRRPInstance) { c.Priority, c.State = 255, confparse.StateBackup },
			func(s *InstanceSpec) { s.Priority = 255 }},
		{"state MASTER has no effect by itself", func(c *confparse.VRRPInstance) { c.State = confparse.StateMaster },
			func(*InstanceSpec) {}},
		{"state MASTER disables nopreempt and preempt_delay", func(c *confparse.VRRPInstance) {
			c.State, c.NoPreempt, c.PreemptDelay = confparse.StateMaster, true, time.Second
		}, func(*InstanceSpec) {}},
		{"nopreempt disables preempt_delay", func(c *confparse.VRRPInstance) { c.NoPreempt, c.PreemptDelay = true, time.Second },
			func(s *InstanceSpec) { s.NoPreempt = true }},
		{"PASS", func(c *confparse.VRRPInstance) { c.AuthType, c.AuthPass = confparse.AuthPass, "s3cr3t" },
			func(s *InstanceSpec) { s.AuthType, s.AuthData = AuthPass, password }},
		{"PASS without password", func(c *confparse.VRRPInstance) { c.AuthType = confparse.AuthPass }, func(*InstanceSpec) {}},
		{"PASS with version 3", func(c *confparse.VRRPInstance) {
			c.Version, c.AuthType, c.AuthPass = 3, confparse.AuthPass, "s3cr3t"
		}, func(s *InstanceSpec) { s.Version = 3 }},
		{"strict", func(c *confparse.VRRPInstance) {
			c.Strict, c.AuthType, c.AuthPass, c.PreemptDelay = true, confparse.AuthPass, "s3cr3t", time.Second
			c.DownTimerAdverts, c.HigherPrioritySendAdvert = 5, true
		}, func(s *InstanceSpec) {
			s.LowerPriorityNoAdvert = true
			s.GARP.LowerPrioDelay, s.GARP.LowerPrioRepeat = 0, 0
		}},
		{"mcast_src_ip", func(c *confparse.VRRPInstance) { c.MulticastSource = routerC }, func(s *InstanceSpec) { s.Source = routerC }},
		{"unicast", func(c *confparse.VRRPInstance) {
			c.UnicastSource, c.UnicastTTL, c.CheckUnicastSrc = routerB, 64, true
			c.UnicastPeers = []confparse.UnicastPeer{{Addr: routerA, MaxTTL: 255}, {Addr: routerC, MinTTL: 64, MaxTTL: 999}}
		}, func(s *InstanceSpec) {
			s.Source, s.Group, s.TTL, s.CheckUnicastSrc = routerB, noAddr, 64, true
			s.Peers, s.PeerTTLs = []netip.Addr{routerA, routerC}, []TTLRange{{0, 255}, {64, 255}}
		}},
		{"unicast_ttl without peers", func(c *confparse.VRRPInstance) { c.UnicastTTL = 7 }, func(*InstanceSpec) {}},
		{"dont_track_primary", func(c *confparse.VRRPInstance) { c.DontTrackPrimary = true }, func(s *InstanceSpec) { s.TrackLink = false }},
		{"addresses", func(c *confparse.VRRPInstance) {
			c.VirtualAddresses = []confparse.VirtualAddress{{Prefix: prefix("10.0.0.1/24"), Scope: 253, Label: "eth0:1",
				Broadcast: netip.MustParseAddr("10.0.0.255")}, {Prefix: prefix("fd00::1/64")}}
			c.ExcludedAddresses = []confparse.VirtualAddress{{Prefix: prefix("10.0.0.2/32"), Peer: prefix("10.0.0.3/32")}}
		}, func(s *InstanceSpec) {
			s.Addresses = []Address{{Prefix: prefix("10.0.0.1/24"), Link: "eth0", Scope: 253, Label: "eth0:1",
				Broadcast: netip.MustParseAddr("10.0.0.255")}}
			s.Excluded = []Address{{Prefix: prefix("fd00::1/64"), Link: "eth0"},
				{Prefix: prefix("10.0.0.2/32"), Link: "eth0", Peer: prefix("10.0.0.3/32")}}
		}},
		{"addresses elsewhere are tracked", func(c *confparse.VRRPInstance) {
			c.ExcludedAddresses = []confparse.VirtualAddress{{Prefix: prefix("10.1.0.2/32"), Interface: "eth2"},
				{Prefix: prefix("10.1.0.3/32"), Interface: "eth2"}, {Prefix: prefix("10.1.0.4/32"), Interface: "eth3"}}
			c.TrackInterfaces = []confparse.TrackInterface{{Interface: "eth3", Weight: -7, Reverse: true}, {Interface: "eth0"}}
		}, func(s *InstanceSpec) {
			s.Excluded = []Address{{Prefix: prefix("10.1.0.2/32"), Link: "eth2"}, {Prefix: prefix("10.1.0.3/32"), Link: "eth2"},
				{Prefix: prefix("10.1.0.4/32"), Link: "eth3"}}
			s.TrackInterfaces = []TrackSpec{{"eth3", -7, true}, {Interface: "eth2"}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := base
			tt.want(&want)
			spec := FromConfig(&confparse.Config{Instances: []*confparse.VRRPInstance{config(tt.config)}})
			if diff := cmp.Diff(want, spec.Instances["VI_1"], cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestFromConfigGroups: unknown members and those of an earlier group are left out.
func TestFromConfigGroups(t *testing.T) {
	named := func(n confparse.InstanceName) *confparse.VRRPInstance {
		return config(func(c *confparse.VRRPInstance) { c.Name = n })
	}
	cfg := &confparse.Config{
		Global:    confparse.Global{VRRPStartupDelay: 4 * time.Second},
		Instances: []*confparse.VRRPInstance{named("C"), named("A"), named("B"), named("A")},
		SyncGroups: []*confparse.SyncGroup{
			{Name: "Z", Members: []confparse.InstanceName{"A", "X", "C"}}, {Name: "Y", Members: []confparse.InstanceName{"C", "B", "B"}},
			{Name: "empty", Members: []confparse.InstanceName{"A"}},
		},
	}
	got := FromConfig(cfg)
	got.Instances = nil
	want := Spec{
		Groups: map[confparse.GroupName]GroupSpec{
			"Z": {"Z", []confparse.InstanceName{"A", "C"}}, "Y": {"Y", []confparse.InstanceName{"B"}},
		},
		Order: []confparse.InstanceName{"C", "A", "B"}, GroupOrder: []confparse.GroupName{"Z", "Y"}, StartupDelay: 4 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestAddressCapacity: what does not fit into an advert is excluded, in order.
func TestAddressCapacity(t *testing.T) {
	for _, tt := range []struct {
		family  confparse.Family
		version uint8
		mtu     int
		want    int
	}{
		{confparse.IPv4, 2, 1500, 255}, {confparse.IPv4, 3, 1500, 255}, {confparse.IPv6, 3, 1500, 89}, {confparse.IPv6, 3, 9000, 255},
		{confparse.IPv4, 2, 576, 131}, {confparse.IPv4, 3, 576, 133}, {confparse.IPv4, 3, 40, 0}, {confparse.IPv6, 3, 0, 0},
	} {
		s := InstanceSpec{Family: tt.family, Version: tt.version}
		if got := capacity(s, tt.mtu); got != tt.want {
			t.Errorf("%v v%d on MTU %d: %d, want %d", tt.family, tt.version, tt.mtu, got, tt.want)
		}
	}
	in := config(func(c *confparse.VRRPInstance) {
		c.VirtualAddresses = nil
		for i := range 260 {
			addr := netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(1 + i%250)})
			c.VirtualAddresses = append(c.VirtualAddresses, confparse.VirtualAddress{Prefix: netip.PrefixFrom(addr, 32)})
		}
		c.ExcludedAddresses = c.VirtualAddresses[:1]
	})
	s := instanceFromConfig(in)
	if len(s.Addresses) != 255 || len(s.Excluded) != 6 || s.Excluded[0].Prefix != in.VirtualAddresses[255].Prefix {
		t.Errorf("%d advertised, %d excluded", len(s.Addresses), len(s.Excluded))
	}
	a := Advert{Version: 3, VRID: 51}
	for _, v := range s.Addresses {
		a.Addresses = append(a.Addresses, v.Prefix.Addr())
	}
	if got := len(a.AppendIPv4(nil, IPHeader{Source: routerA, Destination: group4, TTL: 255})); got != 1048 {
		t.Errorf("packet of %d bytes", got)
	}
}

// TestEqualSeesEveryField: a change of any field, nested ones and list elements included, makes specs unequal.
func TestEqualSeesEveryField(t *testing.T) {
	full := spec2(func(s *InstanceSpec) {
		s.Source, s.Excluded = routerA, s.Addresses
		s.Peers, s.PeerTTLs = []netip.Addr{routerB}, []TTLRange{{1, 2}}
		s.TrackInterfaces = []TrackSpec{{Interface: "eth1"}}
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
		changed.TrackInterfaces = append([]TrackSpec(nil), full.TrackInterfaces...)
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
		case t.Kind() == reflect.Struct:
			for i := range t.NumField() {
				for mutate := range everyLeaf(t.Field(i).Type) {
					if !yield(func(v reflect.Value) string { return "." + t.Field(i).Name + mutate(v.Field(i)) }) {
						return
					}
				}
			}
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
				case reflect.Uint8:
					v.SetUint(v.Uint() ^ 1)
				case reflect.Int, reflect.Int64:
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
