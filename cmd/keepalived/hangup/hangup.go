// Package hangup catches SIGHUP as early as a Go program can: a request to reload while the daemon starts is no reason to
// end, and the packages of the daemon take milliseconds to initialise.
//
// Packages are initialised in the order of their paths as far as their imports allow. This one imports next to nothing,
// and its path comes before those of the others of this program.
package hangup

import (
	"os"
	"os/signal"
	"syscall"
)

// Signals receives a SIGHUP as soon as there was one.
var Signals = caught()

func caught() chan os.Signal {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGHUP)
	return c
}
