package election

import (
	"fmt"
	"net/netip"
	"time"

	"vigil/confparse"
)

// State is the state of a virtual router, numbered as keepalived's JSON and SNMP number it.
type State uint8

// The states (RFC 9568 §6.4 plus FAULT).
const (
	Init   State = 0
	Backup State = 1
	Master State = 2
	Fault  State = 3
)

// String returns INIT, BACKUP, MASTER or FAULT.
func (s State) String() string {
	switch s {
	case Backup:
		return "BACKUP"
	case Master:
		return "MASTER"
	case Fault:
		return "FAULT"
	}
	return "INIT"
}

// MarshalText returns the name of the state.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts what MarshalText returns.
func (s *State) UnmarshalText(b []byte) error {
	for _, known := range []State{Init, Backup, Master, Fault} {
		if string(b) == known.String() {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("unknown VRRP state %q", b)
}

// Cause says why a state changed.
type Cause uint8

// The causes of a transition.
const (
	CauseNone           Cause = iota
	CauseStart                // the first state
	CauseTimeout              // no advert within the Active_Down_Interval
	CauseHigherPriority       // a master of higher priority was heard
	CauseSamePriority         // a master of the same priority and higher address was heard
	CauseFault                // interface, source address or an unweighted tracker went down
	CauseFaultCleared         // the last reason for FAULT went away
	CauseResourceLost         // somebody else removed a virtual address, route or rule
	CauseEffectFailed         // none of the advertised addresses could be installed
	CauseGroup                // another member of the sync group moved
	CauseResume               // the process came back within its own master-down interval
	CauseStop                 // told to stop
	CauseOwner                // address owner starting as master
	CauseTimerExpired         // this process was not run for so long that another must have taken over
)

// ReportKind is what a Report is about.
type ReportKind uint8

// The reports.
const (
	ReportAdvertTimeout        ReportKind = iota + 1 // Active_Down_Timer expired
	ReportPriorityZeroReceived                       // in BACKUP
	ReportMasterPriorityZero                         // in MASTER
	ReportLowerPriority                              // advert of a lower master while MASTER; new election forced
	ReportLowerDiscarded                             // advert of a lower master while BACKUP, preempting
	ReportSameAddress                                // same priority from our own address
	ReportRejected                                   // failed verification; Rejected says why
	ReportIntervalDiffers                            // v3 interval unlike ours
	ReportAddressesDiffer                            // the advertised list is not ours
	ReportPriorityChanged                            // effective priority, Theirs = old, Ours = new
	ReportPreemptDelayStarted
	ReportPreemptDelayStopped
	ReportPriorityZeroSent
	ReportHigherPriority    // advert of a higher master while MASTER; a StateChanged follows
	ReportSamePriority      // the same for equal priority and a higher address
	ReportResourceFailed    // cannot be installed or removed; tried again, and reported once
	ReportResourceInstalled // after it could not be
	ReportHookFailed        // Hook has ended with Err
	ReportHookTimedOut      // Hook is not waited for any longer
	ReportHookSucceeded     // after it has failed
	ReportClockSkew         // auth_hmac: their clock is ahead of ours by Theirs seconds; Ours is the window
	ReportChecksumDiffers   // the checksum covers something else than ours; both are wire.Checksum
	ReportResourceRepaired  // put back after somebody else had removed it
	ReportResourceLeft      // somebody else removed it, and it is left at that; or not yet put back
	ReportPreemptionWaits   // advert of a lower master while BACKUP, which is left alone until PreemptWhen is up
)

// Counters are the statistics of one virtual router since its start (VRRP-MIB, keepalived's stats file).
type Counters struct {
	AdvertsReceived      uint64
	AdvertsSent          uint64 // copies to several unicast peers count once
	BecameMaster         uint64
	ReleasedMaster       uint64
	LengthErrors         uint64
	TTLErrors            uint64
	VersionErrors        uint64
	ChecksumErrors       uint64
	InvalidTypeErrors    uint64
	IntervalErrors       uint64
	AddressListErrors    uint64
	InvalidAuthTypes     uint64
	AuthTypeMismatches   uint64
	AuthFailures         uint64
	PriorityZeroReceived uint64
	PriorityZeroSent     uint64
	TrailersMissing      uint64 // auth_hmac, these six
	TrailersMalformed    uint64
	KeysUnknown          uint64
	HMACFailures         uint64
	Stale                uint64
	Replayed             uint64
	NotPeers             uint64 // from a source that is no unicast peer
	OwnerIgnored         uint64 // owner_ignore_adverts
	ResourcesLost        uint64 // removed by somebody else while MASTER
	ResourcesRepaired    uint64 // of those, put back
}

// MachineStatus is a snapshot of one virtual router.
type MachineStatus struct {
	Handle           Handle // of the Engine; 0 for a Machine of its own
	Name             confparse.InstanceName
	State            State
	Want             State // what it would be if its sync group did not hold it back
	Priority         uint8 // effective
	BasePriority     uint8
	MasterPriority   uint8         // of the last master heard; 0 while MASTER or when none was heard
	MasterSource     netip.Addr    // its address
	MasterInterval   time.Duration // interval the master-down timer is based on
	AddressesPresent bool          // the virtual addresses are meant to be installed
	Resigning        bool          // told to stop, handing over
	LinkUp           bool
	Source           netip.Addr
	LastTransition   Instant
	Preparing        bool // MASTER that waits for pre_master
	Ensured          Ensured
	Rivals           int // other routers that speak as MASTER while this one is; see Rival
	OneWay           int // of those, which do not hear this one
	Counters         Counters
}

// GroupStatus is a snapshot of one sync group.
type GroupStatus struct {
	Name  confparse.GroupName
	State State
}
