package status

import (
	"net/netip"
	"time"
)

// VRRP is the state of the virtual routers and sync groups, in configuration order.
type VRRP struct {
	Instances      []Instance  `json:"instances"`
	Groups         []SyncGroup `json:"groups,omitempty"`
	Trackers       []Tracker   `json:"trackers,omitempty"` // what priorities depend on besides the routers' own interfaces
	PacketsDropped uint64      `json:"packets_dropped"`    // received faster than they could be looked at
}

// Instance is one virtual router. The names that keepalived's JSON has as well are keepalived's.
type Instance struct {
	Name                  string         `json:"name"`
	VRID                  uint8          `json:"vrid"`
	Interface             string         `json:"interface"`
	Family                string         `json:"family"`
	Version               uint8          `json:"version"`
	State                 string         `json:"state"`
	WantState             string         `json:"wantstate"` // what it would be if its sync group did not hold it back
	BasePriority          uint8          `json:"base_priority"`
	EffectivePriority     uint8          `json:"effective_priority"`
	AdvertIntervalSeconds Seconds        `json:"advert_interval_seconds"`
	MasterIntervalSeconds Seconds        `json:"master_interval_seconds"` // what the master-down timer is based on
	LastTransition        time.Time      `json:"last_transition"`
	VIPs                  []Address      `json:"vips"`
	ExcludedVIPs          []Address      `json:"evips,omitempty"`
	VIPSet                bool           `json:"vipset"` // they are meant to be installed
	LinkUp                bool           `json:"link_up"`
	Source                netip.Addr     `json:"source"`          // of our adverts
	MasterAddress         netip.Addr     `json:"master_address"`  // last heard; "" while MASTER
	MasterPriority        uint8          `json:"master_priority"` // last heard; 0 while MASTER
	Resigning             bool           `json:"resigning,omitempty"`
	Preparing             bool           `json:"preparing,omitempty"`      // MASTER that waits for pre_master
	EnsureMaster          string         `json:"ensure_master,omitempty"`  // of a MASTER that has it: pending, ok or failed
	Rivals                int            `json:"rivals,omitempty"`         // others that speak as MASTER while this one is
	OneWayRivals          int            `json:"one_way_rivals,omitempty"` // of those, which hear nothing of this one
	Counters              AdvertCounters `json:"counters"`
	AnnouncementsSent     uint64         `json:"announcements_sent"` // gratuitous ARPs and neighbour advertisements
	Failures              []Failure      `json:"failures,omitempty"` // what could not be installed or removed, and is tried again
}

// Address is one virtual address.
type Address struct {
	Address   netip.Prefix `json:"address"`
	Interface string       `json:"interface"`
}

// Failure is a virtual address, route or rule that could not be installed or removed.
type Failure struct {
	Address   netip.Prefix `json:"address"`   // "" of a route or rule
	Interface string       `json:"interface"` // of an address
	Resource  string       `json:"resource"`  // what it is, in words
	Error     string       `json:"error"`
}

// Tracker is an object that virtual routers follow.
type Tracker struct {
	Kind    string          `json:"kind"` // script, process, file, bfd, virtual_server, static; the keyword is track_KIND
	Name    string          `json:"name"`
	State   string          `json:"state"`          // up or down; of a file up when it holds nobody in FAULT; unknown: nothing was heard yet
	Value   int             `json:"value"`          // 1 or 0; of a file its number
	Since   time.Time       `json:"since,omitzero"` // of the value
	Run     string          `json:"run,omitempty"`  // of a script, how far its program is: idle, running, requested termination, forcing termination
	Effects []TrackerEffect `json:"effects"`        // on each virtual router that follows it
}

// TrackerEffect is what comes of a tracked object for one virtual router.
type TrackerEffect struct {
	Instance string `json:"instance"`
	Weight   int    `json:"weight"` // 0 = none: up or FAULT
	Reverse  bool   `json:"reverse,omitempty"`
	Points   int    `json:"points"` // that it adds to the priority now
	Fault    bool   `json:"fault"`  // it holds the router in FAULT
}

// SyncGroup is one vrrp_sync_group.
type SyncGroup struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// AdvertCounters are the statistics of one virtual router, under the names of keepalived's JSON.
type AdvertCounters struct {
	AdvertsReceived      uint64 `json:"advert_rcvd"`
	AdvertsSent          uint64 `json:"advert_sent"` // copies to several unicast peers count once
	BecameMaster         uint64 `json:"become_master"`
	ReleasedMaster       uint64 `json:"release_master"`
	LengthErrors         uint64 `json:"packet_len_err"`
	TTLErrors            uint64 `json:"ip_ttl_err"`
	VersionErrors        uint64 `json:"version_err"`
	ChecksumErrors       uint64 `json:"checksum_err"`
	InvalidTypeErrors    uint64 `json:"invalid_type_rcvd"`
	IntervalErrors       uint64 `json:"advert_interval_err"`
	AddressListErrors    uint64 `json:"addr_list_err"`
	InvalidAuthTypes     uint64 `json:"invalid_authtype"`
	AuthTypeMismatches   uint64 `json:"authtype_mismatch"`
	AuthFailures         uint64 `json:"auth_failure"`
	PriorityZeroReceived uint64 `json:"pri_zero_rcvd"`
	PriorityZeroSent     uint64 `json:"pri_zero_sent"`
	TrailersMissing      uint64 `json:"hmac_missing"` // auth_hmac, these six
	TrailersMalformed    uint64 `json:"hmac_malformed"`
	KeysUnknown          uint64 `json:"hmac_unknown_key"`
	HMACFailures         uint64 `json:"hmac_invalid"`
	Stale                uint64 `json:"hmac_stale"`
	Replayed             uint64 `json:"hmac_replayed"`
	NotPeers             uint64 `json:"not_a_peer"`
	OwnerIgnored         uint64 `json:"owner_ignored"`
	ResourcesLost        uint64 `json:"resources_lost"`     // addresses, routes and rules that somebody else removed while MASTER
	ResourcesRepaired    uint64 `json:"resources_repaired"` // of those, put back
}
