package status

import "time"

// Members are the real servers that come from outside of the configuration.
type Members struct {
	Sources []MemberSource `json:"sources"`
}

// MemberSource is a real_servers_from of a virtual server.
type MemberSource struct {
	VirtualServer string `json:"virtual_server"`
	Source        string `json:"source"`
	Members       int    `json:"members"` // that the virtual server has of it
	// Listed is how many the source has: those of another address family, and those that are written as real_server, are not members.
	Listed     int            `json:"listed"`
	Since      time.Time      `json:"since,omitzero"`       // the list is what it is; absent: there never was one
	Remembered bool           `json:"remembered,omitempty"` // the list is of before the start: the source has not answered since
	Failing    *MemberFailure `json:"failing,omitempty"`    // why there is no newer list
}

// MemberFailure is why a source has no good list. The last one is kept.
type MemberFailure struct {
	Error    string    `json:"error"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"`
	Retry    time.Time `json:"retry"` // of the next attempt, at the latest
}
