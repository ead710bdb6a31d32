package healthcheck

import (
	"fmt"
	"strconv"
	"time"
)

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

// Code says in one word how far an attempt came and what ended it. The words are those of HAProxy's statistics
// (management guide §9.1, check_status): the layer, then the outcome.
type Code uint8

// The codes of the kinds that there are.
const (
	CodeUnknown        Code = iota // UNK: there has been no attempt, or it broke
	CodeSocketError                // SOCKERR: on our side; it says nothing about the target
	CodeConnected                  // L4OK
	CodeConnectTimeout             // L4TOUT
	CodeConnectFailed              // L4CON: refused, reset or unreachable
	CodeTLSTimeout                 // L6TOUT
	CodeTLSFailed                  // L6RSP: the handshake failed
	CodeAnswered                   // L7OK
	CodeAnswerTimeout              // L7TOUT
	CodeAnswerInvalid              // L7RSP: no whole answer, or not the one wanted
	CodeAnswerStatus               // L7STS: an answer with a status that is not accepted
	CodeProcessPassed              // PROCOK: of a program
	CodeProcessFailed              // PROCERR
	CodeProcessTimeout             // PROCTOUT
	codeCount
)

var codeNames = [...]string{"UNK", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6TOUT", "L6RSP", "L7OK", "L7TOUT", "L7RSP", "L7STS",
	"PROCOK", "PROCERR", "PROCTOUT"}

// String returns the code as HAProxy writes it, such as "L4TOUT".
func (c Code) String() string {
	if int(c) >= len(codeNames) {
		return codeNames[CodeUnknown]
	}
	return codeNames[c]
}

// Result is what one attempt of a check found.
type Result struct {
	Outcome Outcome
	Code    Code
	Status  int // what goes with Code: the status of an HTTP reply, the exit status of a program; 0 = nothing
	// Weight is what a check that passes does to the weight of its server. Most kinds leave it alone. A check that fails
	// for good does nothing.
	Weight Share
	Reason string        // what passed or failed, in the words of the log: one of a fixed set, without addresses
	Step   string        // what was asked, when the check has several steps: the path of a URL
	Err    error         // the system's words for it, if any
	Took   time.Duration // from the start of the attempt to its end, waiting for a turn excluded
}

// Share is what a check does to the weight of its server. The zero Share is nothing.
type Share struct {
	Weight int32
	// Replaces: Weight is instead of the configured one. Otherwise it is added to that, or taken off when it is negative.
	Replaces bool
}

// of returns the difference it makes to a server whose configured weight is base.
func (s Share) of(base int32) int64 {
	if s.Replaces {
		return int64(s.Weight) - int64(base)
	}
	return int64(s.Weight)
}

// Summary is the result in three words, as HAProxy's statistics have it: the code, what goes with it, and the time, such
// as "L4OK 0.3ms" or "L7STS 503 in 12ms". It is "" when there has been no attempt.
func (r Result) Summary() string {
	if r.Outcome == 0 {
		return ""
	}
	took := strconv.FormatInt(r.Took.Milliseconds(), 10)
	if r.Took < 10*time.Millisecond {
		took = strconv.FormatFloat(float64(r.Took.Microseconds())/1000, 'f', 1, 64)
	}
	if r.Status != 0 {
		return fmt.Sprintf("%s %d in %sms", r.Code, r.Status, took)
	}
	return fmt.Sprintf("%s %sms", r.Code, took)
}

func passed(code Code, reason string) Result {
	return Result{Outcome: Passed, Code: code, Reason: reason}
}

func failed(code Code, reason string, err error) Result {
	return Result{Outcome: Failed, Code: code, Reason: reason, Err: err}
}

// with returns r with what goes with its code.
func (r Result) with(status int) Result {
	r.Status = status
	return r
}

func postponed(err error) Result {
	return Result{Outcome: Postponed, Code: CodeSocketError, Reason: "could not be made", Err: err}
}
