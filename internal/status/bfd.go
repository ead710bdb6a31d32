package status

import (
	"net/netip"
	"time"
)

// BFD is the state of the BFD sessions, in configuration order.
type BFD struct {
	Sessions []BFDSession `json:"sessions"`
	// Failing are the ports that cannot be listened on; no session of theirs comes up.
	Failing []BFDPort    `json:"failing,omitempty"`
	Dropped []BFDDropped `json:"dropped"` // datagrams of no use
}

// BFDSession is the state of one bfd_instance.
type BFDSession struct {
	Name                string     `json:"name"`
	Neighbor            netip.Addr `json:"neighbor"`
	Source              netip.Addr `json:"source,omitzero"` // as configured
	Multihop            bool       `json:"multihop,omitempty"`
	Passive             bool       `json:"passive,omitempty"`
	State               string     `json:"state"`        // AdminDown, Down, Init or Up
	RemoteState         string     `json:"remote_state"` // what the neighbour said last
	Diagnostic          string     `json:"diagnostic"`   // why the state changed last
	RemoteDiagnostic    string     `json:"remote_diagnostic"`
	LocalDiscriminator  uint32     `json:"local_discriminator"`
	RemoteDiscriminator uint32     `json:"remote_discriminator"` // 0 = the neighbour is not heard
	TransmitSeconds     Seconds    `json:"transmit_seconds"`     // between our packets at most; 0 = none are sent
	DetectionSeconds    Seconds    `json:"detection_seconds"`    // of silence that takes the session down; 0 = nobody is heard
	LastTransition      time.Time  `json:"last_transition"`
	Leaving             bool       `json:"leaving,omitempty"` // no longer configured; the neighbour is being told
	Error               string     `json:"error,omitempty"`   // why nothing can be sent
	Sent                uint64     `json:"sent"`
	Received            uint64     `json:"received"`
	SendErrors          uint64     `json:"send_errors"`
	Ups                 uint64     `json:"ups"`
	Downs               uint64     `json:"downs"`
}

// BFDPort is a port that cannot be listened on.
type BFDPort struct {
	Port  uint16 `json:"port"`
	IPv6  bool   `json:"ipv6"`
	Error string `json:"error"`
}

// BFDDropped are datagrams that were of no use, by why.
type BFDDropped struct {
	Reason string `json:"reason"`
	Count  uint64 `json:"count"`
}
