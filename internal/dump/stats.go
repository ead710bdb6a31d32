// Package dump writes the virtual routers as keepalived does on a signal: statistics as text, and all of it as JSON. Programs
// that watch a director read these files; names, order and layout are theirs.
package dump

import (
	"fmt"
	"strings"

	"vigil/vrrp/election"
)

// Stats is the text of keepalived.stats: for each router its name and what it has counted.
func Stats(routers []Router) string {
	var b strings.Builder
	for _, r := range routers {
		c := &r.Counters
		fmt.Fprintf(&b, "VRRP Instance: %s\n", r.Name)
		section(&b, "Advertisements", "Received", c.AdvertsReceived, "Sent", c.AdvertsSent)
		fmt.Fprintf(&b, "  Became master: %d\n  Released master: %d\n", c.BecameMaster, c.ReleasedMaster)
		section(&b, "Packet Errors", "Length", c.LengthErrors, "TTL", c.TTLErrors, "Invalid Type", c.InvalidTypeErrors,
			"Advertisement Interval", c.IntervalErrors, "Address List", c.AddressListErrors)
		section(&b, "Authentication Errors", "Invalid Type", c.InvalidAuthTypes, "Type Mismatch", c.AuthTypeMismatches, "Failure", c.AuthFailures)
		section(&b, "Authentication Extension Errors", "Missing", c.TrailersMissing, "Malformed", c.TrailersMalformed,
			"Unknown Key", c.KeysUnknown, "Invalid HMAC", c.HMACFailures, "Stale", c.Stale, "Replay", c.Replayed)
		section(&b, "Priority Zero", "Received", c.PriorityZeroReceived, "Sent", c.PriorityZeroSent)
	}
	return b.String()
}

// section writes a heading and pairs of a name and a number.
func section(b *strings.Builder, heading string, pairs ...any) {
	fmt.Fprintf(b, "  %s:\n", heading)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(b, "    %s: %d\n", pairs[i], pairs[i+1])
	}
}

// Since returns what c has counted since it was as before; a count that began anew meanwhile counts whole.
func Since(c, before election.Counters) election.Counters {
	for _, f := range []struct{ now, then *uint64 }{
		{&c.AdvertsReceived, &before.AdvertsReceived}, {&c.AdvertsSent, &before.AdvertsSent}, {&c.BecameMaster, &before.BecameMaster},
		{&c.ReleasedMaster, &before.ReleasedMaster}, {&c.LengthErrors, &before.LengthErrors}, {&c.TTLErrors, &before.TTLErrors},
		{&c.InvalidTypeErrors, &before.InvalidTypeErrors}, {&c.IntervalErrors, &before.IntervalErrors},
		{&c.AddressListErrors, &before.AddressListErrors}, {&c.InvalidAuthTypes, &before.InvalidAuthTypes},
		{&c.AuthTypeMismatches, &before.AuthTypeMismatches}, {&c.AuthFailures, &before.AuthFailures},
		{&c.TrailersMissing, &before.TrailersMissing}, {&c.TrailersMalformed, &before.TrailersMalformed}, {&c.KeysUnknown, &before.KeysUnknown},
		{&c.HMACFailures, &before.HMACFailures}, {&c.Stale, &before.Stale}, {&c.Replayed, &before.Replayed},
		{&c.PriorityZeroReceived, &before.PriorityZeroReceived}, {&c.PriorityZeroSent, &before.PriorityZeroSent},
	} {
		if *f.now >= *f.then {
			*f.now -= *f.then
		}
	}
	return c
}
