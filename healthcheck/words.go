package healthcheck

import "fmt"

// The texts are those operators of keepalived search their logs for. What is particular to a kind of check is in its
// words. server and vs are names.

// transitionText tells that a real server went up or down; inhibit is its inhibit_on_failure.
func transitionText(up, inhibit bool, server, vs string) string {
	switch {
	case up && inhibit:
		return "Enabling service " + server + " of VS " + vs
	case up:
		return "Adding service " + server + " to VS " + vs
	case inhibit:
		return "Disabling service " + server + " of VS " + vs
	}
	return "Removing service " + server + " from VS " + vs
}

// weightText tells that the weight of a real server has changed.
func weightText(from, to int32, up bool, server, vs string) string {
	active := "active"
	if !up {
		active = "inactive"
	}
	return fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", from, to, active, server, vs)
}

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
