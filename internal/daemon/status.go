package daemon

import (
	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/vrrp"
)

// status is the state of everything, for any goroutine at any time.
func (d *daemon) status() status.Status {
	s := status.Status{Version: Version, Started: d.started, Configuration: *d.configuration.Load()}
	for _, p := range d.parts {
		p.status(&s)
	}
	for _, one := range d.drains.all() {
		s.Drains = append(s.Drains, one.status())
	}
	return s
}

// unready says what keeps the daemon from doing its job, or "".
func (d *daemon) unready() string {
	for _, p := range d.parts {
		if reason := p.unready(); reason != "" {
			return reason
		}
	}
	return ""
}

func vrrpStatus(from vrrp.Status, trackers []vrrp.TrackerStatus) *status.VRRP {
	to := &status.VRRP{Instances: make([]status.Instance, len(from.Instances)), PacketsDropped: from.PacketsDropped}
	for i, in := range from.Instances {
		to.Instances[i] = status.Instance{
			Name: string(in.Name), VRID: in.VRID, Interface: in.Interface, Family: in.Family, Version: in.Version,
			State: in.State.String(), WantState: in.Want.String(),
			BasePriority: in.BasePriority, EffectivePriority: in.Priority,
			AdvertIntervalSeconds: status.Seconds(in.AdvertInterval), MasterIntervalSeconds: status.Seconds(in.MasterInterval),
			LastTransition: in.LastTransition, VIPs: addressStatus(in.Addresses), ExcludedVIPs: addressStatus(in.Excluded),
			VIPSet: in.AddressesPresent, LinkUp: in.LinkUp, Source: in.Source, MasterAddress: in.MasterAddress,
			MasterPriority: in.MasterPriority, Resigning: in.Resigning, Preparing: in.Preparing, EnsureMaster: in.Ensured.String(),
			Rivals: in.Rivals, OneWayRivals: in.OneWay, Counters: status.AdvertCounters(in.Counters),
			AnnouncementsSent: in.Announcements,
		}
		for _, f := range in.Failures {
			to.Instances[i].Failures = append(to.Instances[i].Failures,
				status.Failure{Address: f.Prefix, Interface: f.Link, Resource: f.Resource, Error: f.Error})
		}
	}
	for _, g := range from.Groups {
		to.Groups = append(to.Groups, status.SyncGroup{Name: string(g.Name), State: g.State.String()})
	}
	for _, t := range trackers {
		one := status.Tracker{Kind: kindWord(t.ID), Name: t.ID.Name, State: t.State(), Value: t.Value, Since: t.Since}
		if t.Runs {
			one.Run = t.Run.String()
		}
		for _, e := range t.Effects {
			one.Effects = append(one.Effects, status.TrackerEffect{Instance: string(e.Instance), Weight: e.Weight, Reverse: e.Reverse,
				Points: e.Points, Fault: e.Fault})
		}
		to.Trackers = append(to.Trackers, one)
	}
	return to
}

func addressStatus(from []vrrp.AddressStatus) []status.Address {
	to := make([]status.Address, len(from))
	for i, a := range from {
		to[i] = status.Address{Address: a.Prefix, Interface: a.Link}
	}
	return to
}

// checksStatus joins what the checks and the pools know of the virtual servers.
func checksStatus(from healthcheck.Status, pools []ipvs.PoolStatus) *status.Checks {
	byID := make(map[confparse.VirtualServerID]*ipvs.PoolStatus, len(pools))
	for i := range pools {
		byID[pools[i].VirtualServer] = &pools[i]
	}
	to := &status.Checks{VirtualServers: make([]status.VirtualServer, len(from.VirtualServers)),
		InFlight: from.InFlight, Waiting: from.Waiting}
	for i, vs := range from.VirtualServers {
		servers := make([]status.RealServer, len(vs.RealServers))
		for k, rs := range vs.RealServers {
			servers[k] = status.RealServer{Name: rs.Name, Up: rs.Up, Weight: rs.Weight, Checks: checkStatus(rs.Checks)}
		}
		v := status.VirtualServer{Name: vs.Name, RealServers: servers}
		if p := byID[vs.ID]; p != nil {
			v.QuorumUp, v.Quorum, v.Hysteresis, v.Weight = p.QuorumUp, int64(p.Quorum), int64(p.Hysteresis), p.Weight
			v.BackupActive, v.Panic, v.Label = p.BackupServes, p.Panic, p.Labels.Service
			if len(p.Labels.Servers) == len(servers) { // else a reload is under way between both
				for k, label := range p.Labels.Servers {
					servers[k].Label = label
				}
			}
			if v.SorryActive = p.SorryServes; p.SorryServer.IsValid() {
				v.SorryServer = p.SorryServer.String()
			}
		}
		to.VirtualServers[i] = v
	}
	return to
}

func checkStatus(from []healthcheck.CheckStatus) []status.Check {
	to := make([]status.Check, len(from))
	for i, c := range from {
		to[i] = status.Check{Kind: c.Kind, Target: c.Target, Up: c.Up, Result: c.Result, Code: c.Code,
			Summary: c.Summary, Reason: c.Reason, Error: c.Error, TookSeconds: status.Seconds(c.TookSeconds * 1e9), LastCompleted: c.LastCompleted,
			ConsecutiveFailures: c.ConsecutiveFailures, Running: c.Running, Overdue: c.Overdue, Decided: c.Decided, SharedBy: c.SharedBy}
	}
	return to
}

func ipvsStatus(from ipvs.Status) *status.IPVS {
	to := &status.IPVS{Ready: from.Ready, Lost: from.Lost, Services: from.Services, Destinations: from.Destinations,
		Written: from.Written, Drift: from.Drift}
	for _, o := range from.Overrides {
		to.Overrides = append(to.Overrides, status.Override{Service: o.Service.String(), Destination: o.Destination.String(),
			Weight: o.Weight, OwnWeight: o.Own})
	}
	for _, f := range from.Failing {
		service := ""
		if f.Service != (ipvs.ServiceKey{}) {
			service = f.Service.String()
		}
		to.Failing = append(to.Failing, status.IPVSFailure{Service: service, Error: f.Error, Attempts: f.Attempts,
			Since: f.Since, Retry: f.Retry})
	}
	return to
}

func syncStatus(from ipvs.SyncStatus) *status.Sync {
	to := &status.Sync{}
	for _, d := range from.Running {
		to.Daemons = append(to.Daemons, status.SyncDaemon{Role: d.Role.String(), Interface: d.Interface, ID: d.ID, MaxLen: d.MaxLen,
			Group: d.Group, Port: d.Port, TTL: d.TTL})
	}
	for _, f := range from.Failing {
		to.Failing = append(to.Failing, status.SyncFailure{Error: f.Error, Attempts: f.Attempts, Since: f.Since, Retry: f.Retry})
	}
	return to
}
