package vrrp

import (
	"slices"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// groupsByMember finds the sync group of each instance that is in one.
func groupsByMember(cfg *confparse.Config) map[confparse.InstanceName]*confparse.SyncGroup {
	groups := make(map[confparse.InstanceName]*confparse.SyncGroup)
	for _, g := range cfg.SyncGroups {
		for _, m := range g.Members {
			groups[m] = g
		}
	}
	return groups
}

// trackersFromConfig lists what in depends on: what it watches itself, then what its sync group, if any, has all members
// watch, then the interfaces of what it has as a master, for with one of them down the router could not serve it. Of what is watched twice the first counts.
func trackersFromConfig(in *confparse.VRRPInstance, g *confparse.SyncGroup, s election.InstanceSpec) []election.TrackSpec {
	var list []election.TrackSpec
	add := func(t election.TrackSpec) {
		own := t.ID == track.InterfaceID(in.Interface) && s.TrackLink
		if !own && !slices.ContainsFunc(list, func(u election.TrackSpec) bool { return u.ID == t.ID }) {
			list = append(list, t)
		}
	}
	watched := func(links []confparse.TrackInterface, others *confparse.Tracking) {
		for _, t := range links {
			add(election.TrackSpec{ID: track.InterfaceID(t.Interface), Weight: t.Weight, Reverse: t.Reverse})
		}
		for _, of := range []struct {
			kind track.Kind
			list []confparse.Tracked
		}{{track.Script, others.Scripts}, {track.Process, others.Processes}, {track.File, others.Files}, {track.BFD, others.BFD},
			{track.VirtualServer, others.Servers}} {
			for _, t := range of.list {
				add(election.TrackSpec{ID: track.ID{Kind: of.kind, Name: t.Name}, Weight: t.Weight, Reverse: t.Reverse})
			}
		}
	}
	watched(in.TrackInterfaces, &in.Tracking)
	if g != nil {
		watched(g.TrackInterfaces, &g.Tracking)
	}
	for _, link := range linksOf(s) {
		if link != "" && link != in.Interface {
			add(election.TrackSpec{ID: track.InterfaceID(link)})
		}
	}
	return list
}

// linksOf lists the interfaces of the addresses, routes and rules that are tracked.
func linksOf(s election.InstanceSpec) (links []string) {
	for _, a := range s.All() {
		links = append(links, a.Link)
	}
	for _, r := range s.Routes {
		if !r.NoTrack {
			links = append(links, r.Hop.Link)
		}
	}
	for _, r := range s.Rules {
		if !r.NoTrack {
			links = append(links, r.IIF)
		}
	}
	return links
}

// preemptWhen returns what the instance waits for before it takes over from a living master: the connections that one's kernel
// has. With an instance of its own lvs_sync_daemon is for that and its sync group, without one for all.
func preemptWhen(cfg *confparse.Config, name confparse.InstanceName, g *confparse.SyncGroup) track.ID {
	d := &cfg.Global.SyncDaemon
	if d.Interface == "" || cfg.Global.IPVSSync.Wait == 0 {
		return track.ID{}
	}
	if d.Instance != "" && d.Instance != name && (g == nil || !slices.Contains(g.Members, d.Instance)) {
		return track.ID{}
	}
	return track.SynchronizationID(d.Interface)
}
