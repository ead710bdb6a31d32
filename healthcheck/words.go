package healthcheck

import "fmt"

// The texts are those operators of keepalived search their logs for. What is particular to a kind of check is in its
// words. server is a name.

// verdictText tells that a check came to a verdict; retries is how many were made before it failed.
func verdictText(w *words, v verdict, retries uint32, server string) string {
	switch {
	case v == up:
		return w.passed(server)
	case retries == 0:
		return w.check + " on service " + server + " failed."
	}
	return fmt.Sprintf("%s on service %s failed after %d retries.", w.check, server, retries)
}

// postponedText tells of an attempt that could not be made for a reason on our side.
func postponedText(w *words, server string) string {
	return w.check + " on service " + server + " could not be made. Rescheduling"
}
