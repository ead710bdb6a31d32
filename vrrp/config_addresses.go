package vrrp

import (
	"math"
	"slices"

	"vigil/confparse"
	"vigil/internal/routing"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// addressFromConfig is a line of virtual_ipaddress or virtual_ipaddress_excluded.
func addressFromConfig(in *confparse.VRRPInstance, v confparse.VirtualAddress) election.Address {
	v.Interface = in.LinkOf(&v)
	return addressOf(v)
}

func addressOf(v confparse.VirtualAddress) election.Address {
	v6 := v.Prefix.Addr().Is6()
	usual := uint32(math.MaxUint32)
	if v6 && v.Prefix.IsSingleIP() {
		usual = 0
	}
	a := election.Address{Prefix: v.Prefix, Link: v.Interface, Scope: v.Scope, Label: v.Label, Broadcast: v.Broadcast, Peer: v.Peer,
		NoTrack: v.NoTrack, Options: routing.AddressOptions{Flags: uint32(v.Flags &^ confparse.AddressNoDAD),
			Detect: v6 && v.Flags&confparse.AddressNoDAD == 0}}
	if v.PreferredLifetime != usual {
		a.Options.Preferred, a.Options.Lifetime = true, v.PreferredLifetime
	}
	return a
}

// staticsFromConfig lists static addresses, routes and rules in the order in which they are installed, each once.
func staticsFromConfig(cfg *confparse.Config) (list []election.Static) {
	defer func() {
		seen := make(map[election.Resource]bool)
		list = slices.DeleteFunc(list, func(s election.Static) bool {
			again := seen[s.Resource]
			seen[s.Resource] = true
			return again
		})
	}()
	for _, a := range cfg.StaticAddresses {
		list = append(list, election.Static{Resource: addressOf(a.VirtualAddress), TrackGroup: a.TrackGroup})
	}
	for i := range cfg.StaticRoutes {
		r := &cfg.StaticRoutes[i]
		list = append(list, election.Static{Resource: routeFromConfig(r), TrackGroup: r.TrackGroup})
	}
	for i := range cfg.StaticRules {
		r := &cfg.StaticRules[i]
		list = append(list, election.Static{Resource: ruleFromConfig(r), TrackGroup: r.TrackGroup})
	}
	return list
}

// staticGroupsOf lists the track groups that an instance is a member of, as far as there is something static in them.
func staticGroupsOf(cfg *confparse.Config, statics []election.Static, in confparse.InstanceName) (list []election.TrackSpec) {
	for _, g := range cfg.TrackGroups {
		used := slices.ContainsFunc(statics, func(s election.Static) bool { return s.TrackGroup == g.Name })
		if used && slices.Contains(g.Members, in) {
			list = append(list, election.TrackSpec{ID: staticID(g.Name)})
		}
	}
	return list
}

func staticID(group string) track.ID { return track.ID{Kind: track.Static, Name: group} }
