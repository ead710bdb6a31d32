package healthcheck

import "time"

// Outcome is how one attempt of a check ended.
type Outcome uint8

// The outcomes of an attempt.
const (
	Passed    Outcome = iota + 1
	Failed            // the target did not answer as it should
	Postponed         // the attempt could not be made for a local reason; it says nothing about the target
)

// String returns "success", "failure" or "rescheduled".
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "success"
	case Failed:
		return "failure"
	case Postponed:
		return "rescheduled"
	}
	return "unknown"
}

// Result is what one attempt of a check found.
type Result struct {
	Outcome Outcome
	Reason  string        // what passed or failed, in the words of the log: one of a fixed set, without addresses
	Err     error         // the system's words for it, if any
	Took    time.Duration // from the start of the attempt to its end, waiting for a turn excluded
}

func passed(reason string) Result { return Result{Outcome: Passed, Reason: reason} }

func failed(reason string, err error) Result {
	return Result{Outcome: Failed, Reason: reason, Err: err}
}

func postponed(err error) Result {
	return Result{Outcome: Postponed, Reason: "could not be made", Err: err}
}
