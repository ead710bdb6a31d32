package track

// RunState is how far the program of a tracked script is.
type RunState uint8

// The states, in the order of an exporter for keepalived.
const (
	Idle        RunState = iota // until it is due again
	Running                     // within its time
	Terminating                 // its time is over, and it was told so
	Killing                     // it did not mind
)

// String returns keepalived's words.
func (s RunState) String() string {
	return [...]string{"idle", "running", "requested termination", "forcing termination"}[min(s, Killing)]
}
