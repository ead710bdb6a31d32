package healthcheck

import "fmt"

// The texts are those operators of keepalived search their logs for. What is particular to a kind of check is in its
// words. server is a name.

// verdictText tells that a check came to a verdict.
func verdictText(w *words, t told) string {
	switch {
	case w.verdict != nil:
		return w.verdict(t)
	case t.verdict == up:
		return w.passed(t.server)
	case t.retries == 0:
		return w.check + " on service " + t.server + " failed."
	}
	return fmt.Sprintf("%s on service %s failed after %d retries.", w.check, t.server, t.retries)
}

// postponedText tells of an attempt that could not be made for a reason on our side.
func postponedText(w *words, server string) string {
	return w.check + " on service " + server + " could not be made. Rescheduling"
}
