package daemon

import (
	"maps"
	"os"
	"slices"
	"syscall"
)

// The signals beyond the standard ones, numbered as glibc numbers them: monitoring scripts have these hard-coded, and
// Go, like musl, would count SIGRTMIN differently.
const (
	signalJSON       = syscall.Signal(36) // SIGRTMIN+2
	signalStatsClear = syscall.Signal(63) // SIGRTMAX-1
)

// SignalNumber returns the signal that --signum=name prints. Names are case-sensitive.
func SignalNumber(name string) (int, bool) {
	s, ok := map[string]syscall.Signal{
		"STOP":        syscall.SIGTERM,
		"RELOAD":      syscall.SIGHUP,
		"DATA":        syscall.SIGUSR1,
		"STATS":       syscall.SIGUSR2,
		"STATS_CLEAR": signalStatsClear,
		"JSON":        signalJSON,
	}[name]
	return int(s), ok
}

// HandledSignals are the signals that RequestsOf knows. All of them would otherwise end a Go process.
func HandledSignals() []os.Signal { return slices.Collect(maps.Keys(signalCommands)) }
