package ipvs

import (
	"context"
	"errors"
	"net/netip"
)

// ErrUnavailable says that the kernel has no IPVS and that loading it did not help.
var ErrUnavailable = errors.New("the kernel has no IPVS")

// ErrLost says that the kernel's IPVS was unloaded since it was opened, and with it every service. It may be there again
// by now; it must be opened again to find out.
var ErrLost = errors.New("the kernel's IPVS was unloaded")

// Kernel is the kernel's IPVS table. All but Stats are called by one goroutine at a time; Stats may be
// called at any time, from another. Nothing waits longer than a few seconds. Each may fail with ErrLost.
type Kernel interface {
	// Read returns those of the services that exist, with their destinations; nil keys are all there are. With an error
	// the table has what could be read, each service whole, and nothing is known of the others.
	Read(ctx context.Context, keys []ServiceKey) (Table, error)

	// Apply makes the changes in order and goes on after a failure. The result is parallel to ops. An error that is
	// a syscall.Errno by which the kernel refuses (EEXIST, ENOENT, ESRCH, ERANGE, EINVAL and the like) means that
	// this change was not made; with any other, such as ENOBUFS or ETIMEDOUT, it is unknown whether it was.
	Apply(ctx context.Context, ops []Op) []error

	// Flush removes every service, foreign ones included.
	Flush(ctx context.Context) error

	// Timeouts returns how long connections without traffic are remembered.
	Timeouts(ctx context.Context) (Timeouts, error)

	// SyncDaemons returns the synchronization daemons that run.
	SyncDaemons(ctx context.Context) ([]SyncDaemon, error)

	// LinkIndex returns the number of an interface where the table is; 0: there is none of that name.
	LinkIndex(name string) int

	// Settings returns the settings, all of them.
	Settings(ctx context.Context) (Settings, error)

	// SetSettings changes those that are not "", as far as it can.
	SetSettings(ctx context.Context, s Settings) error

	// Stats returns the counters of the services that want accepts, and those of their destinations if dests is true.
	Stats(ctx context.Context, want func(ServiceKey) bool, dests bool) ([]ServiceStats, error)

	// Close releases the kernel. The table stays.
	Close() error
}

// Counters are the kernel's counters of a service or destination since it was added or zeroed.
type Counters struct {
	Connections uint64
	PacketsIn   uint64
	PacketsOut  uint64
	BytesIn     uint64
	BytesOut    uint64
}

// Rates are the kernel's estimates of what is happening to a service or destination, per second.
type Rates struct {
	Connections uint64
	PacketsIn   uint64
	PacketsOut  uint64
	BytesIn     uint64
	BytesOut    uint64
}

// ServiceStats are the counters of a service.
type ServiceStats struct {
	Key ServiceKey
	Counters
	Rates Rates
	Dests []DestStats
}

// DestStats are the counters of a destination and its connections at the moment.
type DestStats struct {
	Key DestKey
	Counters
	Rates      Rates
	Active     uint32
	Inactive   uint32
	Persistent uint32 // templates
}

// Timeouts are how long IPVS remembers connections without traffic, in seconds. To set one to 0 leaves it as it is.
type Timeouts struct {
	TCP    uint32
	TCPFin uint32 // after a FIN
	UDP    uint32
}

// SyncRole is what a synchronization daemon does.
type SyncRole uint8

// The roles, numbered as the kernel's IP_VS_STATE_*.
const (
	SyncMaster SyncRole = 1 // sends this director's connections
	SyncBackup SyncRole = 2 // takes over those of another
)

// SyncDaemon is a synchronization daemon of the kernel; there is at most one of each role. Zero values of the last four
// are the kernel's defaults.
type SyncDaemon struct {
	Role      SyncRole
	Interface string // over which it speaks
	ID        uint32 // of those that belong together, 0 to 255
	MaxLen    uint16 // of a message, bytes
	Group     netip.Addr
	Port      uint16
	TTL       uint8
}
