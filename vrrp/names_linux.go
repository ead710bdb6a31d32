package vrrp

import (
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// What a Runner is given and tells, under the names of this package: the rest of the program knows no other of this part.
type (
	Spec         = election.Spec
	InstanceSpec = election.InstanceSpec
	GroupSpec    = election.GroupSpec
	Pace         = election.Pace
	State        = election.State
	Audience     = election.Audience
	Told         = election.Told
	Counters     = election.Counters
	LossPolicy   = election.LossPolicy
	Static       = election.Static
	Resource     = election.Resource
	Network      = lan.Network
	Kernel       = lan.Kernel
)

// The states of a virtual router.
const (
	Init   = election.Init
	Backup = election.Backup
	Master = election.Master
	Fault  = election.Fault
)

// What a Change is about.
const (
	Transition      = election.NotifyTransition
	LowerMaster     = election.NotifyLowerMaster
	PriorityChanged = election.NotifyPriority
)

// AudienceOf returns the Audience of t.
func AudienceOf(t Told) Audience { return election.AudienceOf(t) }

// The policies about what somebody else removes.
const (
	LossRepair = election.LossRepair
	LossFault  = election.LossFault
	LossIgnore = election.LossIgnore
)

// ResourceText names an address, a route or a rule.
func ResourceText(r Resource) string { return resourceText(r) }

// OpenKernel returns the Network of the network namespace that the calling thread is in. It needs CAP_NET_ADMIN and
// CAP_NET_RAW; without them the error wraps fs.ErrPermission and names what is missing.
func OpenKernel() (*Kernel, error) { return lan.OpenKernel() }
