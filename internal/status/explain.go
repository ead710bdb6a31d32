package status

import (
	"net/netip"
	"time"
)

// DefaultListen is the address at which the process shows itself unless it is told otherwise.
const DefaultListen = "127.0.0.1:19165"

// DefaultSocket is the control socket of a process with the usual pid file.
const DefaultSocket = "/run/keepalived/control.sock"

// Explanations are why virtual routers are what they are, in configuration order.
type Explanations struct {
	At        time.Time     `json:"at"`
	Instances []Explanation `json:"instances"`
}

// Explanation is why one virtual router is what it is.
type Explanation struct {
	Name              string         `json:"name"`
	VRID              uint8          `json:"vrid"`
	Interface         string         `json:"interface"`
	State             string         `json:"state"`
	Since             time.Time      `json:"since"`
	From              string         `json:"from"`  // the state before
	Cause             string         `json:"cause"` // of the change, in words
	By                netip.Addr     `json:"by,omitzero"`
	ByPriority        uint8          `json:"by_priority,omitempty"`
	BasePriority      uint8          `json:"base_priority"`
	EffectivePriority uint8          `json:"effective_priority"`
	Contributions     []Contribution `json:"contributions,omitempty"`
	Vetoes            []Veto         `json:"vetoes,omitempty"`
	Faults            []string       `json:"faults,omitempty"`   // what has to be otherwise to leave FAULT, in words
	Failures          []Failure      `json:"failures,omitempty"` // what could not be installed or removed
	Heard             []Heard        `json:"heard,omitempty"`
	Rivals            []Rival        `json:"rivals,omitempty"`
	Mismatches        []Mismatch     `json:"mismatches,omitempty"`
	Lateness          *Lateness      `json:"lateness,omitempty"`     // of its own adverts; absent before the first one was due
	Next              string         `json:"next,omitempty"`         // what it does by itself, in words
	NextAt            time.Time      `json:"next_at,omitzero"`       // when
	Changes           []string       `json:"would_change,omitempty"` // its state or priority, in words
}

// Contribution is what a tracked object with a weight adds to the priority.
type Contribution struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Value   int    `json:"value"` // 1 up, 0 down; of a file its number
	Weight  int    `json:"weight"`
	Reverse bool   `json:"reverse,omitempty"`
	Points  int    `json:"points"`
}

// Veto is a tracked object without a weight: the router stands for election or not.
type Veto struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Value   int    `json:"value"`
	Reverse bool   `json:"reverse,omitempty"`
	Known   bool   `json:"known"` // false: nothing was heard of it yet
	Fails   bool   `json:"fails"` // it holds the router in FAULT
}

// Heard is another router from which something was received, or a unicast peer.
type Heard struct {
	Address         netip.Addr `json:"address"`
	UnicastPeer     bool       `json:"unicast_peer,omitempty"`
	Priority        uint8      `json:"priority"`
	IntervalSeconds Seconds    `json:"interval_seconds"`   // as advertised
	At              time.Time  `json:"at,omitzero"`        // its latest valid advert; absent when there was none
	Resigned        bool       `json:"resigned,omitempty"` // which had priority 0
	Silent          bool       `json:"silent,omitempty"`   // it was the master and has fallen silent, without having resigned
	Rejected        uint64     `json:"rejected,omitempty"` // packets refused
	Reason          string     `json:"reason,omitempty"`   // why the latest of those
}

// Rival is another router that speaks as MASTER while this one is MASTER.
type Rival struct {
	Address  netip.Addr `json:"address"` // its own one when its adverts come back, or another has the same
	Priority uint8      `json:"priority"`
	Since    time.Time  `json:"since"`
	At       time.Time  `json:"at"` // its latest advert
	Adverts  uint64     `json:"adverts"`
	OneWay   bool       `json:"one_way,omitempty"` // it has to give way and does not: it hears nothing of this router
	Causes   string     `json:"causes,omitempty"`  // what may be behind that, in words
}

// Mismatch is something that another router has configured unlike this one. It ends with an advert that is right.
type Mismatch struct {
	Kind    string     `json:"kind"` // addresses, version, interval, authentication
	Address netip.Addr `json:"address"`
	Theirs  string     `json:"theirs"` // in words
	Ours    string     `json:"ours"`
	Refused bool       `json:"refused"` // its adverts count for nothing
	At      time.Time  `json:"at"`      // of the latest advert
	Times   uint64     `json:"times"`
}

// Lateness is how much later than they were due the adverts of a MASTER left, since the start or the latest reload that
// concerned the router.
type Lateness struct {
	LatestSeconds    Seconds   `json:"latest_seconds"`
	LatestAt         time.Time `json:"latest_at"`
	WorstSeconds     Seconds   `json:"worst_seconds"`
	WorstAt          time.Time `json:"worst_at"`
	ToleratedSeconds Seconds   `json:"tolerated_seconds"` // later than that, and the least patient backup takes over
}
