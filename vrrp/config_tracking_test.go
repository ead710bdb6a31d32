package vrrp

import (
	"net/netip"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// TestFromConfigTrackers: what an instance watches, then what its group does; of what is named twice the first counts, and
// the own interface is TrackLink's business.
func TestFromConfigTrackers(t *testing.T) {
	all := confparse.Tracking{
		Scripts: []confparse.Tracked{{Name: "x", Weight: -20}}, Processes: []confparse.Tracked{{Name: "x", Weight: 3}},
		Files: []confparse.Tracked{{Name: "x", Weight: 1}}, BFD: []confparse.Tracked{{Name: "x", Reverse: true}},
	}
	group := &confparse.SyncGroup{Name: "G", Members: []confparse.InstanceName{"VI_1"},
		TrackInterfaces: []confparse.TrackInterface{{Interface: "eth0", Weight: -3}, {Interface: "eth1", Weight: -4}},
		Tracking:        confparse.Tracking{Scripts: []confparse.Tracked{{Name: "x", Weight: 9}, {Name: "y"}}}}
	id := func(k track.Kind, name string) track.ID { return track.ID{Kind: k, Name: name} }
	own := []election.TrackSpec{{ID: id(track.Script, "x"), Weight: -20}, {ID: id(track.Process, "x"), Weight: 3},
		{ID: id(track.File, "x"), Weight: 1}, {ID: id(track.BFD, "x"), Reverse: true}}
	grouped := []election.TrackSpec{{ID: track.InterfaceID("eth1"), Weight: -4}, {ID: id(track.Script, "x"), Weight: 9}, {ID: id(track.Script, "y")}}
	for _, tt := range []struct {
		name   string
		change func(*confparse.VRRPInstance)
		groups []*confparse.SyncGroup
		want   []election.TrackSpec
	}{
		{"of every kind", func(c *confparse.VRRPInstance) { c.Tracking = all }, nil, own},
		{"of the group", func(*confparse.VRRPInstance) {}, []*confparse.SyncGroup{group}, grouped},
		{"of both", func(c *confparse.VRRPInstance) { c.Tracking = all }, []*confparse.SyncGroup{group},
			append(append([]election.TrackSpec{}, own...), grouped[0], grouped[2])},
		{"of another group", func(c *confparse.VRRPInstance) { c.Name = "B" }, []*confparse.SyncGroup{group}, nil},
		{"the own interface through the group, when it is not watched anyway", func(c *confparse.VRRPInstance) { c.DontTrackPrimary = true },
			[]*confparse.SyncGroup{group}, append([]election.TrackSpec{{ID: track.InterfaceID("eth0"), Weight: -3}}, grouped...)},
		{"the own interface through an address", func(c *confparse.VRRPInstance) {
			c.DontTrackPrimary = true
			c.VirtualAddresses = []confparse.VirtualAddress{{Prefix: netip.MustParsePrefix("10.0.0.1/32")}}
		}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := FromConfig(&confparse.Config{Instances: []*confparse.VRRPInstance{config(tt.change)}, SyncGroups: tt.groups})
			if diff := cmp.Diff(tt.want, spec.Instances[0].Trackers); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestPreemptionWaitsForConnections: of the instance that lvs_sync_daemon follows and of its sync group, without one of all; not with
// sync_wait 0, and not without lvs_sync_daemon.
func TestPreemptionWaitsForConnections(t *testing.T) {
	const instances = `vrrp_instance A {
interface eth0
virtual_router_id 1
virtual_ipaddress {
192.0.2.1
}
}
vrrp_instance B {
interface eth0
virtual_router_id 2
virtual_ipaddress {
192.0.2.2
}
}
vrrp_instance C {
interface eth0
virtual_router_id 3
virtual_ipaddress {
192.0.2.3
}
}
vrrp_sync_group G {
group {
A
B
}
}
`
	for words, waiting := range map[string]string{
		"lvs_sync_daemon eth1 A":              "AB",
		"lvs_sync_daemon eth1 C":              "C",
		"lvs_sync_daemon eth1":                "ABC",
		"lvs_sync_daemon eth1 A\nsync_wait 9": "AB",
		"lvs_sync_daemon eth1 A\nsync_wait 0": "",
		"sync_wait 9":                         "",
	} {
		cfg, _ := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte("global_defs {\n" + words + "\n}\n" + instances)}}, "k.conf", confparse.Env{Hostname: "lb1"})
		got := ""
		for _, in := range FromConfig(cfg).Instances {
			switch in.PreemptWhen {
			case track.SynchronizationID("eth1"):
				got += string(in.Name)
			case track.ID{}:
			default:
				t.Errorf("%q: %s waits for %v", words, in.Name, in.PreemptWhen)
			}
		}
		if got != waiting {
			t.Errorf("%q: %s wait, want %s", words, got, waiting)
		}
	}
}
