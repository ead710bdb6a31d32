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
)

var codeNames = [...]string{"UNK", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6TOUT", "L6RSP", "L7OK", "L7TOUT", "L7RSP", "L7STS"}

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
	// Weight is what a check that passes adds to the configured weight of its server, or takes off when it is negative.
	// Most kinds leave it at 0. A check that fails for good adds nothing.
	Weight int32
	Reason string        // what passed or failed, in the words of the log: one of a fixed set, without addresses
	Step   string        // what was asked, when the check has several steps: the path of a URL
	Err    error         // the system's words for it, if any
	Took   time.Duration // from the start of the attempt to its end, waiting for a turn excluded
}

func passed(code Code, reason string) Result {
	return Result{Outcome: Passed, Code: code, Reason: reason}
}

func failed(code Code, reason string, err error) Result {
	return Result{Outcome: Failed, Code: code, Reason: reason, Err: err}
}

func postponed(err error) Result {
	return Result{Outcome: Postponed, Code: CodeSocketError, Reason: "could not be made", Err: err}
}
