package daemon

import (
	"context"
	"io"
	"io/fs"
	"log/slog"

	"vigil/confparse"
	"vigil/internal/bfd"
	"vigil/internal/connsync"
	"vigil/internal/members"
	"vigil/internal/process"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/vrrp"
)

// Options is everything Run needs to know, as plain values; the seams at the end are for tests.
type Options struct {
	ConfigFile string // -f
	ConfigID   string // -i; "" = the node name up to its first dot
	AllConfig  bool   // -e: every include must be found
	Namespace  string // -s: the network namespace to run in; "" = as the configuration says

	VRRP     bool // run the VRRP subsystem; -C clears it
	Checkers bool // run health checks and IPVS; -P clears it
	BFD      bool // run BFD sessions; -B clears it

	KeepVRRP        bool // -V: leave addresses in place on stop
	KeepIPVS        bool // -I: leave the IPVS table in place on stop
	IgnoreInterrupt bool // --ignore-sigint
	// Audit is what becomes of a weight that an operator has set with other tools.
	Audit ipvs.AuditMode
	// RecordFile is --record: what the virtual routers' engine is given is kept there; "" = nowhere.
	RecordFile string
	// OnLoss is what a master does about an address, a route or a rule that somebody else has removed.
	OnLoss vrrp.LossPolicy

	// Umask is -u; nil = as the configuration says. SetUmask makes it that of the process; nil leaves it alone.
	Umask    *uint32
	SetUmask func(mask int) (old int)

	Log LogOptions
	// PIDFiles are the paths that were asked for; "" = keepalived's, which depend on the configuration.
	PIDFiles PIDFiles
	// MetricsListen is the address of the HTTP listener, or "off".
	MetricsListen string

	// Requests delivers what operators ask; nil when nobody can.
	Requests <-chan Request
	// Started is called once, when the first configuration has been applied and the pid files are written.
	Started func()
	// LastSignals ends the catching of signals before the program executes itself again. After it, the context of Run has
	// ended if one of those that were caught asks for that. nil when there are none.
	LastSignals func()

	entered       string // the network namespace that the process has moved to
	ownPIDDir     bool   // and has a directory of pid files of its own in
	background    string // the directory in which the command was given, in a process that has gone into the background
	ipvsNamespace string // path of the network namespace of the kernel's table; "" = the process's own

	// Control is the path of the control socket, or ControlOff; "" = called after the pid file.
	Control string

	// Logger replaces the logger that Log describes.
	Logger *slog.Logger
	// Files replaces the machine's file system for the configuration.
	Files fs.FS
	// Process replaces what the kernel is told about this process.
	Process Keeper
	// Network replaces the kernel's network for VRRP.
	Network func() (Network, error)
	// BFDNetwork replaces the kernel's network for BFD; nil does not.
	BFDNetwork bfd.Network
	// Connections replaces the kernel's list of connections and the network on which others are asked for theirs.
	Connections func() (connsync.Network, error)
	// Members replaces what real_servers_from is asked of.
	Members members.Options
	// Kernel replaces the kernel's IPVS table.
	Kernel func(context.Context) (ipvs.Kernel, error)
}

// SetAudit sets Audit from its name, keep or repair, and reports whether it is one.
func (o *Options) SetAudit(name string) bool {
	mode, ok := map[string]ipvs.AuditMode{"keep": ipvs.AuditKeep, "repair": ipvs.AuditRepair}[name]
	if ok {
		o.Audit = mode
	}
	return ok
}

// SetRepair sets OnLoss from its name, on, off or fault, and reports whether it is one.
func (o *Options) SetRepair(name string) bool {
	policy, ok := map[string]vrrp.LossPolicy{"on": vrrp.LossRepair, "off": vrrp.LossIgnore, "fault": vrrp.LossFault}[name]
	if ok {
		o.OnLoss = policy
	}
	return ok
}

// files is where the configuration is read from.
func (o Options) files() fs.FS {
	if o.Files != nil {
		return o.Files
	}
	return confparse.OSFS()
}

// Keeper keeps this process as a process.Spec says while its Run is on.
type Keeper interface {
	Set(process.Spec) error
	Run(context.Context) error
}

// Network is the network that VRRP works on, and an end to it.
type Network interface {
	vrrp.Network
	io.Closer
}

// DefaultMetricsListen is where /metrics is served unless --metrics-listen says otherwise. The port lies outside the range
// in which exporters for Prometheus have theirs (9100 to 9999, where 9165 is that of the exporter for keepalived, and
// 9650 that of another), and below the ports that Linux gives to connections.
const DefaultMetricsListen = status.DefaultListen

// DefaultOptions returns keepalived's defaults on Debian.
func DefaultOptions() Options {
	return Options{
		ConfigFile:    "/etc/keepalived/keepalived.conf",
		VRRP:          true,
		Checkers:      true,
		BFD:           true,
		MetricsListen: DefaultMetricsListen,
	}
}

// ExitError is an error that carries the daemon's exit status.
type ExitError struct {
	Code int   // see the Exit constants
	Err  error // nil when everything worth saying has been logged
}

// The exit statuses that keepalived's users test for.
const (
	ExitFatal      = 1 // bad command line, or a part that cannot ever work (no IPVS in the kernel)
	ExitConfig     = 2 // the configuration cannot be used
	ExitPermission = 4 // a capability is missing
	ExitNoConfig   = 6 // no configuration file, or a required include is missing
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
