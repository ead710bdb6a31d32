package vrrp

import (
	"net/netip"
	"slices"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// FromConfig derives the desired state of all virtual routers from a configuration without errors. What keepalived
// corrects with a message (options that exclude each other, lists that do not fit a packet) is corrected here in
// silence; the diagnostics come from confparse.
func FromConfig(cfg *confparse.Config) election.Spec {
	spec := election.Spec{StartupDelay: cfg.Global.VRRPStartupDelay}
	free := make(map[confparse.InstanceName]bool, len(cfg.Instances)) // whether it is in no group yet
	for _, in := range cfg.Instances {
		if !free[in.Name] {
			free[in.Name] = true
			spec.Instances = append(spec.Instances, instanceFromConfig(in))
		}
	}
	for _, g := range cfg.SyncGroups {
		group := election.GroupSpec{Name: g.Name}
		for _, name := range g.Members {
			if free[name] {
				free[name] = false
				group.Members = append(group.Members, name)
			}
		}
		if len(group.Members) > 0 {
			spec.Groups = append(spec.Groups, group)
		}
	}
	return spec
}

func instanceFromConfig(in *confparse.VRRPInstance) election.InstanceSpec {
	s := election.InstanceSpec{
		Name: in.Name, Link: in.Interface, VRID: in.VirtualRouterID, Family: in.Family, Version: in.Version,
		Priority:       in.Priority,
		StartMaster:    in.Priority == election.OwnerPriority && in.State != confparse.StateBackup,
		AdvertInterval: in.AdvertInterval, DownTimerAdverts: in.DownTimerAdverts,
		NoPreempt: in.NoPreempt, PreemptDelay: in.PreemptDelay,
		Source: in.MulticastSource, Group: in.MulticastGroup, TTL: wire.TTL,
		CheckUnicastSrc: in.CheckUnicastSrc, SkipCheckAdvAddr: in.SkipCheckAdvAddr,
		TrackLink:                !in.DontTrackPrimary,
		GARP:                     in.GARP,
		LowerPriorityNoAdvert:    in.LowerPriorityNoAdvert,
		HigherPrioritySendAdvert: in.HigherPrioritySendAdvert,
	}
	if in.UnicastSource.IsValid() {
		s.Source = in.UnicastSource
	}
	for _, p := range in.UnicastPeers {
		s.Peers = append(s.Peers, p.Addr)
		s.PeerTTLs = append(s.PeerTTLs, election.TTLRange{Min: clampByte(p.MinTTL), Max: clampByte(p.MaxTTL)})
	}
	if s.Unicast() { // without peers keepalived would send with TTL 0, which never leaves the host
		s.Group, s.TTL = netip.Addr{}, clampByte(in.UnicastTTL)
	}
	// Version 3 and IPv6 have no authentication (RFC 9568 §9); keepalived drops it with a message.
	if in.Version == 2 && in.Family == confparse.IPv4 && !in.Strict && in.AuthPass != "" {
		s.AuthType = wire.AuthType(in.AuthType)
		copy(s.AuthData[:], in.AuthPass)
	}
	if in.State == confparse.StateMaster || in.Priority == election.OwnerPriority {
		s.NoPreempt, s.PreemptDelay = false, 0
	}
	if s.NoPreempt {
		s.PreemptDelay = 0
	}
	if in.Strict {
		s.PreemptDelay, s.DownTimerAdverts = 0, election.DefaultDownTimerAdverts
		s.LowerPriorityNoAdvert, s.HigherPrioritySendAdvert = true, false
		s.GARP.LowerPrioDelay, s.GARP.LowerPrioRepeat = 0, 0
	}
	s.Addresses, s.Excluded = splitAddresses(in, s)
	s.Trackers = trackedInterfaces(in, s)
	return s
}

const (
	assumedMTU     = 1500 // of an interface that does not exist
	ethernetHeader = 14   // bytes
)

// splitAddresses divides the addresses of in into those that an advert of s may have and the rest: those of the other
// family go, as with keepalived, to virtual_ipaddress_excluded.
func splitAddresses(in *confparse.VRRPInstance, s election.InstanceSpec) (advertised, excluded []election.Address) {
	for _, v := range in.VirtualAddresses {
		a := addressFromConfig(in, v)
		if confparse.FamilyOf(a.Prefix.Addr()) == s.Family {
			advertised = append(advertised, a)
		} else {
			excluded = append(excluded, a)
		}
	}
	for _, v := range in.ExcludedAddresses {
		excluded = append(excluded, addressFromConfig(in, v))
	}
	return advertised, excluded
}

// fitting is s with as many of its addresses advertised as an advert has room for on a link with the given MTU, as
// keepalived has it; the others are among the excluded ones, before those that are so by themselves.
func fitting(s election.InstanceSpec, mtu int) election.InstanceSpec {
	if room := capacity(s, mtu); len(s.Addresses) > room {
		s.Addresses, s.Excluded = s.Addresses[:room:room], slices.Concat(s.Addresses[room:], s.Excluded)
	}
	return s
}

// capacity is how many addresses keepalived puts into one advert of s on a link with the given MTU. It subtracts the
// Ethernet header too; so do we, because the peers must divide the list at the same place.
func capacity(s election.InstanceSpec, mtu int) int {
	room, size := mtu-ethernetHeader-wire.HeaderLen, 16
	if s.Family == confparse.IPv6 {
		room -= 40
	} else {
		room -= wire.IPv4HeaderLen
		size = 4
		if s.Version == 2 {
			room -= wire.AuthDataLen
		}
		if s.AuthType == wire.AuthAH {
			room -= wire.AHLen
		}
	}
	return max(0, min(wire.MaxAddresses, room/size))
}

func addressFromConfig(in *confparse.VRRPInstance, v confparse.VirtualAddress) election.Address {
	a := election.Address{Prefix: v.Prefix, Link: v.Interface, Scope: v.Scope, Label: v.Label, Broadcast: v.Broadcast, Peer: v.Peer}
	if a.Link == "" {
		a.Link = in.Interface
	}
	return a
}

// trackedInterfaces adds the interfaces that virtual addresses are put on to those of track_interface: with one of
// them down the router could not serve its addresses. The instance's own interface is TrackLink's business.
func trackedInterfaces(in *confparse.VRRPInstance, s election.InstanceSpec) []election.TrackSpec {
	var tracks []election.TrackSpec
	add := func(t election.TrackSpec) {
		known := slices.ContainsFunc(tracks, func(u election.TrackSpec) bool { return u.ID == t.ID })
		if t.ID.Name != in.Interface && !known {
			tracks = append(tracks, t)
		}
	}
	for _, t := range in.TrackInterfaces {
		add(election.TrackSpec{ID: track.InterfaceID(t.Interface), Weight: t.Weight, Reverse: t.Reverse})
	}
	for _, list := range [][]election.Address{s.Addresses, s.Excluded} {
		for _, a := range list {
			add(election.TrackSpec{ID: track.InterfaceID(a.Link)})
		}
	}
	return tracks
}

func clampByte(n int) uint8 { return uint8(max(0, min(255, n))) }
