package vrrp

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
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
	for _, list := range [][]confparse.VirtualAddress{in.VirtualAddresses, in.ExcludedAddresses} {
		for i := range list {
			list[i].PreferredLifetime = math.MaxUint32 // as without preferred_lft
		}
	}
	return in
}

// defaults is what config() becomes.
func defaults(change ...func(*election.InstanceSpec)) election.InstanceSpec {
	s := election.InstanceSpec{
		Name: "VI_1", Link: "eth0", VRID: 51, Family: confparse.IPv4, Version: 2, Priority: 100,
		AdvertInterval: time.Second, DownTimerAdverts: 3, Group: group4, TTL: 255, TrackLink: true,
		Addresses: []election.Address{{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"}},
		GARP:      confparse.GARP{MasterRepeat: 1},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// TestFromConfig: each entry is a change of the configuration and the change of the desired state that follows.
func TestFromConfig(t *testing.T) {
	base := defaults(func(s *election.InstanceSpec) { s.GARP.LowerPrioRepeat, s.GARP.LowerPrioDelay = 5, time.Second })
	prefix := func(s string) netip.Prefix { return netip.MustParsePrefix(s) }
	for _, tt := range []struct {
		name   string
		config func(*confparse.VRRPInstance)
		want   func(*election.InstanceSpec)
	}{
		{"as it is", func(*confparse.VRRPInstance) {}, func(*election.InstanceSpec) {}},
		{"owner", func(c *confparse.VRRPInstance) { c.Priority = 255 },
			func(s *election.InstanceSpec) { s.Priority, s.StartMaster = 255, true }},
		{"owner that waits", func(c *confparse.VRRPInstance) { c.Priority, c.State = 255, confparse.StateBackup },
			func(s *election.InstanceSpec) { s.Priority = 255 }},
		{"state MASTER has no effect by itself", func(c *confparse.VRRPInstance) { c.State = confparse.StateMaster },
			func(*election.InstanceSpec) {}},
		{"PASS", func(c *confparse.VRRPInstance) { c.AuthType, c.AuthPass = confparse.AuthPass, "s3cr3t" },
			func(s *election.InstanceSpec) { s.AuthType, s.AuthData = wire.AuthPass, password }},
		{"mcast_src_ip", func(c *confparse.VRRPInstance) { c.MulticastSource = routerC }, func(s *election.InstanceSpec) { s.Source = routerC }},
		{"unicast", func(c *confparse.VRRPInstance) {
			c.UnicastSource, c.UnicastTTL, c.CheckUnicastSrc = routerB, 64, true
			c.UnicastPeers = []confparse.UnicastPeer{{Addr: routerA, MaxTTL: 255}, {Addr: routerC, MinTTL: 64, MaxTTL: 255}}
		}, func(s *election.InstanceSpec) {
			s.Source, s.Group, s.TTL, s.CheckUnicastSrc = routerB, netip.Addr{}, 64, true
			s.Peers, s.PeerTTLs = []netip.Addr{routerA, routerC}, []election.TTLRange{{Min: 0, Max: 255}, {Min: 64, Max: 255}}
		}},
		{"dont_track_primary", func(c *confparse.VRRPInstance) { c.DontTrackPrimary = true }, func(s *election.InstanceSpec) { s.TrackLink = false }},
		{"addresses", func(c *confparse.VRRPInstance) {
			c.VirtualAddresses = []confparse.VirtualAddress{{Prefix: prefix("10.0.0.1/24"), Scope: 253, Label: "eth0:1",
				Broadcast: netip.MustParseAddr("10.0.0.255")}}
			c.ExcludedAddresses = []confparse.VirtualAddress{{Prefix: prefix("10.0.0.2/32"), Peer: prefix("10.0.0.3/32")}}
		}, func(s *election.InstanceSpec) {
			s.Addresses = []election.Address{{Prefix: prefix("10.0.0.1/24"), Link: "eth0", Scope: 253, Label: "eth0:1",
				Broadcast: netip.MustParseAddr("10.0.0.255")}}
			s.Excluded = []election.Address{{Prefix: prefix("10.0.0.2/32"), Link: "eth0", Peer: prefix("10.0.0.3/32")}}
		}},
		{"addresses elsewhere are tracked", func(c *confparse.VRRPInstance) {
			c.ExcludedAddresses = []confparse.VirtualAddress{{Prefix: prefix("10.1.0.2/32"), Interface: "eth2"},
				{Prefix: prefix("10.1.0.3/32"), Interface: "eth2"}, {Prefix: prefix("10.1.0.4/32"), Interface: "eth3"}}
			c.TrackInterfaces = []confparse.TrackInterface{{Interface: "eth3", Weight: -7, Reverse: true}, {Interface: "eth0"}}
		}, func(s *election.InstanceSpec) {
			s.Excluded = []election.Address{{Prefix: prefix("10.1.0.2/32"), Link: "eth2"}, {Prefix: prefix("10.1.0.3/32"), Link: "eth2"},
				{Prefix: prefix("10.1.0.4/32"), Link: "eth3"}}
			s.Trackers = []election.TrackSpec{{ID: track.InterfaceID("eth3"), Weight: -7, Reverse: true},
				{ID: track.InterfaceID("eth2")}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := base
			tt.want(&want)
			spec := FromConfig(&confparse.Config{Instances: []*confparse.VRRPInstance{config(tt.config)}})
			if diff := cmp.Diff(want, spec.Instances[0], cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, election.Audience{}, confparse.Program{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestHopLimitOfUnicast: unicast adverts have 255 over both families, unless unicast_ttl says otherwise; without peers it is not
// used.
func TestHopLimitOfUnicast(t *testing.T) {
	const peer4, peer6 = "unicast_peer {\n192.0.2.9\n}\n", "unicast_peer {\nfe80::9\n}\n"
	for _, tt := range []struct {
		lines string
		want  uint8
	}{
		{peer4, 255}, {peer6, 255}, {peer4 + "unicast_ttl 64", 64}, {peer6 + "unicast_ttl 64", 64}, {"unicast_ttl 64", 255},
	} {
		if got := specFrom(t, instanceText("V", tt.lines)).Instances[0].TTL; got != tt.want {
			t.Errorf("%q: %d, want %d", tt.lines, got, tt.want)
		}
	}
}

// TestFromConfigGroups: instances and groups keep their order.
func TestFromConfigGroups(t *testing.T) {
	named := func(n confparse.InstanceName) *confparse.VRRPInstance {
		return config(func(c *confparse.VRRPInstance) { c.Name = n })
	}
	got := FromConfig(&confparse.Config{
		Global:     confparse.Global{VRRPStartupDelay: 4 * time.Second},
		Instances:  []*confparse.VRRPInstance{named("C"), named("A"), named("B")},
		SyncGroups: []*confparse.SyncGroup{{Name: "Z", Members: []confparse.InstanceName{"A", "C"}}, {Name: "Y", Members: []confparse.InstanceName{"B"}}},
	})
	var order []confparse.InstanceName
	for _, s := range got.Instances {
		order = append(order, s.Name)
	}
	if diff := cmp.Diff([]confparse.InstanceName{"C", "A", "B"}, order); diff != "" {
		t.Errorf("instances (-want +got)\n%s", diff)
	}
	got.Instances = nil
	want := election.Spec{
		Groups: []election.GroupSpec{
			{Name: "Z", Members: []confparse.InstanceName{"A", "C"}}, {Name: "Y", Members: []confparse.InstanceName{"B"}},
		},
		StartupDelay: 4 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
