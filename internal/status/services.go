package status

import "time"

// Checks is the health of every virtual server, in configuration order.
type Checks struct {
	VirtualServers []VirtualServer `json:"virtual_servers"`
	InFlight       int             `json:"in_flight"` // probes under way
	Waiting        int             `json:"waiting"`   // probes due that wait for a turn
}

// VirtualServer is the health of one virtual server.
type VirtualServer struct {
	Name        string `json:"name"`
	Label       string `json:"snmp_name,omitempty"`
	QuorumUp    bool   `json:"quorum_up"`
	Quorum      int64  `json:"quorum"`
	Hysteresis  int64  `json:"hysteresis"`
	Weight      int64  `json:"weight"` // of the real servers that are up
	SorryServer string `json:"sorry_server,omitempty"`
	SorryActive bool   `json:"sorry_active,omitempty"`
	// BackupActive says that the backup servers serve; Panic that servers which have failed are kept in.
	BackupActive bool         `json:"backup_active,omitempty"`
	Panic        bool         `json:"panic,omitempty"`
	RealServers  []RealServer `json:"real_servers"`
}

// RealServer is the health of one real server.
type RealServer struct {
	Name   string  `json:"name"`
	Label  string  `json:"snmp_name,omitempty"`
	Up     bool    `json:"up"`
	Weight int32   `json:"weight"` // the configured one and what its checks add
	Checks []Check `json:"checks,omitempty"`
}

// Check is one check of a real server.
type Check struct {
	Kind                string    `json:"kind"` // the keyword, such as TCP_CHECK
	Target              string    `json:"target"`
	Up                  bool      `json:"up"`                // does not hold its server down
	Result              string    `json:"result,omitempty"`  // of the last attempt: success, failure, rescheduled
	Code                string    `json:"code,omitempty"`    // of the last attempt, as HAProxy has it: L4OK, L4TOUT, L7STS
	Summary             string    `json:"summary,omitempty"` // of the last attempt: L7STS 503 in 12ms
	Reason              string    `json:"reason,omitempty"`
	Error               string    `json:"error,omitempty"`
	TookSeconds         Seconds   `json:"took_seconds"`
	LastCompleted       time.Time `json:"last_completed,omitzero"`
	ConsecutiveFailures uint32    `json:"consecutive_failures"`
	Running             bool      `json:"running"`           // waits for a turn or is under way
	Overdue             bool      `json:"overdue,omitempty"` // it has not completed in three of its intervals
	Decided             bool      `json:"decided"`           // it has found its server up or down, or has had the time for that
	SharedBy            int       `json:"shared_by"`         // real servers judged by this probe
}

// IPVS is the state of the kernel's table.
type IPVS struct {
	Ready        bool          `json:"ready"`          // the first programming is done
	Lost         bool          `json:"lost,omitempty"` // the kernel's IPVS cannot be had at present
	Services     int           `json:"services"`
	Destinations int           `json:"destinations"`
	Written      uint64        `json:"written"` // operations that the kernel accepted
	Drift        uint64        `json:"drift"`   // those of them that repaired what others had changed
	Overrides    []Override    `json:"overrides,omitempty"`
	Failing      []IPVSFailure `json:"failing,omitempty"`
}

// Override is a weight that somebody else has set and that is kept.
type Override struct {
	Service     string `json:"service"`
	Destination string `json:"destination"`
	Weight      int32  `json:"weight"`
	OwnWeight   int32  `json:"own_weight"` // what it would be
}

// IPVSFailure is a service that the kernel does not have as it should.
type IPVSFailure struct {
	Service  string    `json:"service,omitempty"` // "" = IPVS as a whole
	Error    string    `json:"error"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"`
	Retry    time.Time `json:"retry,omitzero"` // of the next attempt
}
