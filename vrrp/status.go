package vrrp

import (
	"net/netip"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// Status is what a Runner's virtual routers were like at one moment. It is never changed.
type Status struct {
	Instances []InstanceStatus // configuration order
	Groups    []election.GroupStatus
	// PacketsDropped counts packets that found the Runner's queue full.
	PacketsDropped uint64
}

// InstanceStatus is the snapshot of one virtual router.
type InstanceStatus struct {
	Name             confparse.InstanceName
	VRID             uint8
	Interface        string
	Family           string
	Version          uint8
	State            election.State
	Want             election.State // what it would be if its sync group did not hold it back
	BasePriority     uint8
	Priority         uint8
	AdvertInterval   time.Duration
	MasterInterval   time.Duration // what the master-down timer is based on
	LastTransition   time.Time
	Addresses        []AddressStatus
	Excluded         []AddressStatus
	AddressesPresent bool // they are meant to be installed
	LinkUp           bool
	Source           netip.Addr // of our adverts
	MasterAddress    netip.Addr // last heard; invalid while MASTER
	MasterPriority   uint8      // last heard; 0 while MASTER
	Resigning        bool
	Preparing        bool             // MASTER that waits for pre_master
	Ensured          election.Ensured // what ensure_master has come to
	Rivals           int              // other routers that speak as MASTER while this one is
	OneWay           int              // of those, which hear nothing of this one
	Counters         election.Counters
	Failures         []FailureStatus // what could not be installed or removed
	Announcements    uint64          // gratuitous ARPs and neighbour advertisements

	Spec election.InstanceSpec
}

// FailureStatus is an address, a route or a rule that cannot be installed or removed. It is tried again.
type FailureStatus struct {
	AddressStatus        // of an address
	Resource      string // what it is, in words
	Error         string
}

// AddressStatus is one virtual address.
type AddressStatus struct {
	Prefix netip.Prefix
	Link   string
}

func failureStatus(failures []election.Failure) []FailureStatus {
	var list []FailureStatus
	for _, f := range failures {
		s := FailureStatus{Resource: resourceText(f.Resource), Error: f.Err.Error()}
		if a, ok := f.Resource.(election.Address); ok {
			s.AddressStatus = AddressStatus{a.Prefix, a.Link}
		}
		list = append(list, s)
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
