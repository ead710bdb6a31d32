// Package status is the state of the whole process as one value, and the one way it is written as JSON.
//
// The daemon fills a Status; whatever shows it to people and their tools (HTTP, the control socket) reads it and knows
// no part. The names are snake_case, a duration is a number of seconds whose name ends in _seconds, a moment is RFC 3339,
// and what is a set of words (a state, a result) is a string. A field, once there, keeps its name and its meaning.
package status

import "time"

// Status is a snapshot of everything that runs. A part that does not run is absent.
type Status struct {
	Version       string        `json:"version"`
	Started       time.Time     `json:"started"`
	Configuration Configuration `json:"configuration"`
	VRRP          *VRRP         `json:"vrrp,omitempty"`
	Checks        *Checks       `json:"checks,omitempty"`
	IPVS          *IPVS         `json:"ipvs,omitempty"`
	BFD           *BFD          `json:"bfd,omitempty"`
	Sync          *Sync         `json:"sync,omitempty"`
	Members       *Members      `json:"members,omitempty"`
	Drains        []Drain       `json:"drains,omitempty"`
}

// Configuration is what became of the last attempt to load the configuration.
type Configuration struct {
	File        string    `json:"file"`
	Result      string    `json:"result"`                // applied, unchanged or refused
	Error       string    `json:"error,omitempty"`       // why it was refused
	Attempted   time.Time `json:"attempted,omitzero"`    // the last load or reload
	InForce     time.Time `json:"in_force,omitzero"`     // the last that was applied, or found unchanged
	TookSeconds Seconds   `json:"took_seconds,omitzero"` // from the request until all parts had it
}
