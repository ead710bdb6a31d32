package healthcheck

import (
	"strings"
	"time"

	"vigil/confparse"
)

// Status is a view of everything for people and their tools. It marshals to JSON.
type Status struct {
	VirtualServers []VirtualServerStatus
	InFlight       int // probes under way
	Waiting        int // probes due that wait for a turn
}

// VirtualServerStatus is one virtual server in a Status.
type VirtualServerStatus struct {
	ID          confparse.VirtualServerID
	Name        string
	RealServers []RealServerStatus
}

// RealServerStatus is one real server in a Status.
type RealServerStatus struct {
	ID     confparse.RealServerID
	Name   string
	Up     bool
	Weight int32 // the configured one and what its checks add
	Checks []CheckStatus
}

// CheckStatus is one check of a real server in a Status.
type CheckStatus struct {
	Kind                string // the keyword, such as TCP_CHECK
	Target              string // an address, or what the check has instead of one
	Up                  bool   // does not hold its server down
	Result              string // of the last attempt: success, failure, rescheduled
	Code                string // of the last attempt, such as L4TOUT
	Summary             string // of the last attempt: L7STS 503 in 12ms
	Reason              string
	Error               string
	TookSeconds         float64
	LastCompleted       time.Time
	ConsecutiveFailures uint32
	Running             bool // waits for a turn or is under way
	Overdue             bool // it has not completed in three of its intervals
	Decided             bool // it has found its server up or down, or has had the time for that
	SharedBy            int  // real servers judged by this probe
}

// Status returns the present state of everything. Checks go on meanwhile.
func (m *Manager) Status() Status {
	m.mu.Lock()
	s := Status{InFlight: m.inFlight, Waiting: m.waiting.length}
	m.mu.Unlock()
	pools := m.pools()
	s.VirtualServers = make([]VirtualServerStatus, 0, len(pools))
	for _, vs := range pools {
		s.VirtualServers = append(s.VirtualServers, m.view(vs).status(m.epoch))
	}
	return s
}

func (v poolView) status(epoch time.Time) VirtualServerStatus {
	s := VirtualServerStatus{ID: v.id, Name: v.id.String(), RealServers: make([]RealServerStatus, 0, len(v.servers))}
	for _, rs := range v.servers {
		r := RealServerStatus{ID: rs.id, Name: rs.id.String(), Up: rs.up, Weight: rs.weight}
		if len(rs.checks) > 0 {
			r.Checks = make([]CheckStatus, 0, len(rs.checks))
		}
		for i := range rs.checks {
			r.Checks = append(r.Checks, rs.checks[i].status(epoch))
		}
		s.RealServers = append(s.RealServers, r)
	}
	return s
}

func (v *checkView) status(epoch time.Time) CheckStatus {
	s := CheckStatus{
		Kind: v.spec.Kind.String(), Target: v.spec.subject(), Up: !v.failed, Reason: v.last.Reason,
		TookSeconds: v.last.Took.Seconds(), ConsecutiveFailures: v.failures, Running: v.running, Overdue: v.late, Decided: v.decided, SharedBy: v.sharedBy,
	}
	if v.last.Outcome != 0 {
		s.Result, s.Code, s.Summary = v.last.Outcome.String(), v.last.Code.String(), v.last.Summary()
	}
	if v.completed > 0 {
		s.LastCompleted = epoch.Add(v.completed)
	}
	if v.last.Err != nil {
		s.Error = shortened(v.last.Err.Error())
	}
	return s
}

// maxError is how much of an error is shown: a server may have written it, as the grpc-message of an answer is.
const maxError = 400

// shortened returns the beginning of a long text.
func shortened(text string) string {
	if len(text) <= maxError {
		return text
	}
	return strings.ToValidUTF8(text[:maxError], "") + " …"
}
