package healthcheck

import "fmt"

// The texts are those operators of keepalived search their logs for. What is particular to a kind of check is in its
// words. server is a name.

// verdictText tells that a check came to a verdict. It may be empty.
func verdictText(w *words, t told) string {
	switch {
	case w.verdict != nil:
		return w.verdict(t)
	case t.verdict == up:
		return w.passed(t.server)
	}
	return w.check + " on service " + t.server + " failed" + afterRetries(t.retries) + "."
}

// attemptText tells that an attempt has failed.
func attemptText(w *words, t told) string {
	if w.failed == nil {
		return w.verdict(t)
	}
	return w.failed(t.server, t.result.Reason)
}

// afterRetries is " after N retries", or nothing when there were none.
func afterRetries(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" after %d retries", n)
}

// postponedText tells of an attempt that could not be made for a reason on our side.
func postponedText(w *words, server string) string {
	return w.check + " on service " + server + " could not be made. Rescheduling"
}
