package vrrp

import (
	"net/netip"
	"slices"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// FromConfig derives the desired state of all virtual routers from a configuration without fatal errors, which is
// settled: what is derived here is what follows from several of its settings.
func FromConfig(cfg *confparse.Config) election.Spec {
	spec := election.Spec{StartupDelay: cfg.Global.VRRPStartupDelay, DelayAfterBoot: cfg.Global.VRRPDelayAfterBoot,
		LogUnknownVRIDs: cfg.Global.LogUnknownVRIDs}
	for _, d := range cfg.InterfaceDelays {
		spec.LinkDelays = append(spec.LinkDelays, election.LinkDelay{Link: d.Interface, Down: d.Down, Up: d.Up})
	}
	spec.LinkbeatAll = cfg.Global.Daemon.LinkbeatPolling
	for _, l := range cfg.Linkbeat {
		spec.Linkbeat = append(spec.Linkbeat, election.Linkbeat{Link: l.Interface, Method: l.Method})
	}
	for _, in := range cfg.Instances {
		if in.LinkbeatPolling && in.Interface != "" {
			spec.Linkbeat = append(spec.Linkbeat, election.Linkbeat{Link: in.Interface})
		}
	}
	spec.Statics = staticsFromConfig(cfg)
	groups := groupsByMember(cfg)
	for _, in := range cfg.Instances {
		s := instanceFromConfig(in, &cfg.Global)
		s.Trackers = append(trackersFromConfig(in, groups[in.Name], s), staticGroupsOf(cfg, spec.Statics, in.Name)...)
		s.PreemptWhen = preemptWhen(cfg, in.Name, groups[in.Name])
		s.ProtocolSpec = protocolFromConfig(&cfg.Global, in, s.Unicast())
		spec.Instances = append(spec.Instances, s)
	}
	spec.Host = hostFromConfig(&cfg.Global, spec.Instances)
	spec.Paces = pacesFromConfig(cfg.GARPGroups)
	for _, g := range cfg.SyncGroups {
		spec.Groups = append(spec.Groups, election.GroupSpec{Name: g.Name, Members: slices.Clone(g.Members), Told: audience(&g.Notify)})
	}
	return spec
}

func instanceFromConfig(in *confparse.VRRPInstance, g *confparse.Global) election.InstanceSpec {
	s := election.InstanceSpec{
		Name: in.Name, Link: in.Interface, VRF: in.VRF, VRID: in.VirtualRouterID, Family: in.Family, Version: in.Version,
		Priority:       in.Priority,
		StartMaster:    in.Priority == election.OwnerPriority && in.State != confparse.StateBackup,
		AdvertInterval: in.AdvertInterval, DownTimerAdverts: in.DownTimerAdverts,
		NoPreempt: in.NoPreempt, PreemptDelay: in.PreemptDelay, FaultExitDelay: in.FaultExitDelay, AuthType: wire.AuthType(in.AuthType),
		Source: in.AdvertSource(), Group: in.MulticastGroup, TTL: uint8(in.UnicastTTL),
		CheckUnicastSrc: in.CheckUnicastSrc, SkipCheckAdvAddr: in.SkipCheckAdvAddr,
		TrackLink:                !in.DontTrackPrimary,
		GARP:                     in.GARP,
		Told:                     audience(&in.Notify),
		Hooks:                    hooksOf(&in.Hooks),
		LowerPriorityNoAdvert:    in.LowerPriorityNoAdvert,
		HigherPrioritySendAdvert: in.HigherPrioritySendAdvert,
	}
	copy(s.AuthData[:], in.AuthPass)
	for _, p := range in.UnicastPeers {
		s.Peers = append(s.Peers, p.Addr)
		s.PeerTTLs = append(s.PeerTTLs, election.TTLRange{Min: uint8(p.MinTTL), Max: uint8(p.MaxTTL)})
	}
	if s.Unicast() {
		s.Group = netip.Addr{}
	}
	for _, v := range in.VirtualAddresses {
		s.Addresses = append(s.Addresses, addressFromConfig(in, v))
	}
	for _, v := range in.ExcludedAddresses {
		s.Excluded = append(s.Excluded, addressFromConfig(in, v))
	}
	for i := range in.Routes {
		s.Routes = append(s.Routes, routeFromConfig(&in.Routes[i]))
	}
	for i := range in.Rules {
		s.Rules = append(s.Rules, ruleFromConfig(&in.Rules[i]))
	}
	s.Promote = in.PromoteSecondaries && in.Interface != ""
	virtualFromConfig(in, g, &s)
	return s
}
