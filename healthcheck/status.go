package healthcheck

import (
	"time"
)

// Status is a view of everything for people and their tools. It marshals to JSON.
type Status struct {
	VirtualServers []VirtualServerStatus `json:"virtual_servers"`
	InFlight       int                   `json:"in_flight"` // probes under way
	Waiting        int                   `json:"waiting"`   // probes due that wait for a turn
}

// VirtualServerStatus is one virtual server in a Status.
type VirtualServerStatus struct {
	Name        string             `json:"name"`
	QuorumUp    bool               `json:"quorum_up"`
	Quorum      int64              `json:"quorum"`
	Hysteresis  int64              `json:"hysteresis"`
	Weight      int64              `json:"weight"` // of the real servers that are up
	SorryServer string             `json:"sorry_server,omitempty"`
	SorryActive bool               `json:"sorry_active,omitempty"`
	RealServers []RealServerStatus `json:"real_servers"`
}

// RealServerStatus is one real server in a Status.
type RealServerStatus struct {
	Name   string        `json:"name"`
	Up     bool          `json:"up"`
	Weight int32         `json:"weight"`
	Checks []CheckStatus `json:"checks,omitempty"`
}

// CheckStatus is one check of a real server in a Status.
type CheckStatus struct {
	Kind                string    `json:"kind"` // the keyword, such as TCP_CHECK
	Target              string    `json:"target"`
	Up                  bool      `json:"up"`               // does not hold its server down
	Result              string    `json:"result,omitempty"` // of the last attempt: success, failure, rescheduled
	Reason              string    `json:"reason,omitempty"`
	Error               string    `json:"error,omitempty"`
	TookSeconds         float64   `json:"took_seconds"`
	LastCompleted       time.Time `json:"last_completed,omitzero"`
	ConsecutiveFailures uint32    `json:"consecutive_failures"`
	Running             bool      `json:"running"`   // waits for a turn or is under way
	SharedBy            int       `json:"shared_by"` // real servers judged by this probe
}

// Status returns the present state of everything.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{InFlight: m.inFlight, VirtualServers: make([]VirtualServerStatus, 0, len(m.servers))}
	for p := m.waiting.head; p != nil; p = p.next {
		s.Waiting++
	}
	for _, vs := range m.servers {
		v := VirtualServerStatus{
			Name: vs.id.String(), QuorumUp: vs.quorum.up, Quorum: vs.quorum.quorum, Hysteresis: vs.quorum.hysteresis,
			Weight: vs.quorum.sum, SorryActive: vs.sorryActive,
			RealServers: make([]RealServerStatus, 0, len(vs.servers)),
		}
		if vs.sorry.IsValid() {
			v.SorryServer = vs.sorry.String()
		}
		for i := range vs.servers {
			rs := &vs.servers[i]
			r := RealServerStatus{Name: rs.id().String(), Up: rs.up(), Weight: rs.weight}
			for _, c := range rs.checks {
				r.Checks = append(r.Checks, m.checkStatus(c))
			}
			v.RealServers = append(v.RealServers, r)
		}
		s.VirtualServers = append(s.VirtualServers, v)
	}
	return s
}

func (m *Manager) checkStatus(c check) CheckStatus {
	p := c.probe
	s := CheckStatus{
		Kind: p.spec.Kind.String(), Target: p.spec.Target().String(), Up: !c.failed, Reason: p.reason,
		TookSeconds: p.took.Seconds(), ConsecutiveFailures: p.failures, Running: p.busy, SharedBy: len(p.subscribers),
	}
	if p.lastOutcome != 0 {
		s.Result = p.lastOutcome.String()
		s.LastCompleted = m.epoch.Add(p.completed)
	}
	if p.err != nil {
		s.Error = p.err.Error()
	}
	return s
}
