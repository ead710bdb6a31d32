package vrrp

import (
	"net/netip"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// Status is what a Runner's virtual routers were like at one moment. It is never changed.
type Status struct {
	Instances []InstanceStatus       `json:"instances"` // configuration order
	Groups    []election.GroupStatus `json:"groups,omitempty"`
	// PacketsDropped counts packets that found the Runner's queue full.
	PacketsDropped uint64 `json:"packets_dropped"`
}

// InstanceStatus is the snapshot of one virtual router.
type InstanceStatus struct {
	Name             confparse.InstanceName `json:"name"`
	VRID             uint8                  `json:"vrid"`
	Interface        string                 `json:"interface"`
	Family           string                 `json:"family"`
	Version          uint8                  `json:"version"`
	State            election.State         `json:"state"`
	Want             election.State         `json:"wantstate"` // what it would be if its sync group did not hold it back
	BasePriority     uint8                  `json:"base_priority"`
	Priority         uint8                  `json:"effective_priority"`
	AdvertInterval   time.Duration          `json:"advert_interval_ns"`
	MasterInterval   time.Duration          `json:"master_interval_ns"` // what the master-down timer is based on
	LastTransition   time.Time              `json:"last_transition"`
	Addresses        []AddressStatus        `json:"vips"`
	Excluded         []AddressStatus        `json:"evips,omitempty"`
	AddressesPresent bool                   `json:"vipset"` // they are meant to be installed
	LinkUp           bool                   `json:"link_up"`
	Source           netip.Addr             `json:"source"`          // of our adverts
	MasterAddress    netip.Addr             `json:"master_address"`  // last heard; invalid while MASTER
	MasterPriority   uint8                  `json:"master_priority"` // last heard; 0 while MASTER
	Resigning        bool                   `json:"resigning,omitempty"`
	Counters         election.Counters      `json:"counters"`
	Failures         []FailureStatus        `json:"failures,omitempty"` // what could not be installed or removed
	Announcements    uint64                 `json:"announcements_sent"` // gratuitous ARPs and neighbour advertisements

	Spec election.InstanceSpec `json:"-"`
}

// FailureStatus is an address that cannot be installed or removed. It is tried again.
type FailureStatus struct {
	AddressStatus
	Error string `json:"error"`
}

// AddressStatus is one virtual address.
type AddressStatus struct {
	Prefix netip.Prefix `json:"address"`
	Link   string       `json:"interface"`
}

func failureStatus(failures []election.Failure) []FailureStatus {
	var list []FailureStatus
	for _, f := range failures {
		if a, ok := f.Resource.(election.Address); ok {
			list = append(list, FailureStatus{AddressStatus{a.Prefix, a.Link}, f.Err.Error()})
		}
	}
	return list
}

func addressStatus(addrs []election.Address) []AddressStatus {
	list := make([]AddressStatus, len(addrs))
	for i, a := range addrs {
		list[i] = AddressStatus{Prefix: a.Prefix, Link: a.Link}
	}
	return list
}

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
		MasterAddress: m.MasterSource, MasterPriority: m.MasterPriority, Resigning: m.Resigning,
		Counters: m.Counters, Failures: failureStatus(in.failures), Spec: *s,
	}
}
