package vrrp

import (
	"time"

	"vigil/vrrp/election"
)

// status combines what the Machine and the shell know.
func (in *virtualRouter) status(m election.MachineStatus, epoch time.Time) *InstanceStatus {
	s := &in.spec
	return &InstanceStatus{
		Name: m.Name, VRID: s.VRID, Interface: s.Link, Family: s.Family.String(), Version: s.Version,
		State: m.State, Want: m.Want, BasePriority: m.BasePriority, Priority: m.Priority,
		AdvertInterval: s.AdvertInterval, MasterInterval: m.MasterInterval,
		LastTransition: epoch.Add(time.Duration(m.LastTransition)).Round(0),
		Addresses:      in.addresses, Excluded: in.excluded,
		AddressesPresent: m.AddressesPresent, LinkUp: m.LinkUp, Source: m.Source,
		MasterAddress: m.MasterSource, MasterPriority: m.MasterPriority, Resigning: m.Resigning, Preparing: m.Preparing, Ensured: m.Ensured,
		Rivals: m.Rivals, OneWay: m.OneWay,
		Counters: m.Counters, Failures: failureStatus(in.failures), Spec: *s,
	}
}
