// Package daemon is the only place that knows all parts: it loads the configuration, derives the desired state,
// applies the difference to the running one, and supervises VRRP, health checks and IPVS.
package daemon

import (
	"io"
	"log/slog"
	"os"

	"vigil/ipvs"
	"vigil/vrrp/lan"
)

// Options is everything Run needs to know, as plain values; the seams at the end are for tests.
type Options struct {
	ConfigFile string // -f
	ConfigID   string // -i; "" = the node name up to its first dot
	AllConfig  bool   // -e: every include must be found

	VRRP     bool // run the VRRP subsystem; -C clears it
	Checkers bool // run health checks and IPVS; -P clears it

	KeepVRRP        bool // -V: leave addresses in place on stop
	KeepIPVS        bool // -I: leave the IPVS table in place on stop
	IgnoreInterrupt bool // --ignore-sigint

	Log      LogOptions
	PIDFiles PIDFiles
	// MetricsListen is the address of the HTTP listener, or "off".
	MetricsListen string

	// Signals delivers HUP and the dump signals; nil when nobody sends any.
	Signals <-chan os.Signal

	// Logger replaces the logger that Log describes.
	Logger *slog.Logger
	// Network replaces the kernel's network for VRRP.
	Network func() (Network, error)
	// Kernel replaces the kernel's IPVS table.
	Kernel func() (ipvs.Kernel, error)
}

// Network is the network that VRRP works on, and an end to it.
type Network interface {
	lan.Network
	io.Closer
}

// DefaultOptions returns keepalived's defaults on Debian.
func DefaultOptions() Options {
	return Options{
		ConfigFile: "/etc/keepalived/keepalived.conf",
		VRRP:       true,
		Checkers:   true,
		PIDFiles: PIDFiles{
			Daemon:   "/run/keepalived.pid",
			VRRP:     "/run/vrrp.pid",
			Checkers: "/run/checkers.pid",
			BFD:      "/run/bfd.pid",
		},
		MetricsListen: "127.0.0.1:9165",
	}
}

// ExitError is an error that carries the daemon's exit status.
type ExitError struct {
	Code int   // see the Exit constants
	Err  error // nil when everything worth saying has been logged
}

// The exit statuses that keepalived's users test for.
const (
	ExitFatal       = 1 // bad command line, or a part that cannot ever work (no IPVS in the kernel)
	ExitConfig      = 2 // the configuration cannot be used
	ExitPermission  = 4 // a capability is missing
	ExitNoConfig    = 6 // no configuration file, or a required include is missing
	exitAlreadyRuns = 0 // another daemon holds the pid file
)

// Error returns the text of the wrapped error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return "stopped"
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e *ExitError) Unwrap() error { return e.Err }
