package ipvs

import (
	"context"
	"errors"
)

// ErrUnavailable says that the kernel has no IPVS and that loading it did not help.
var ErrUnavailable = errors.New("the kernel has no IPVS")

// Kernel is the kernel's IPVS table. Read, Apply, Flush and Close are called by one goroutine at a time; Stats may be
// called at any time, from another.
type Kernel interface {
	// Read returns the services that want accepts, with their destinations; a nil want accepts all.
	Read(ctx context.Context, want func(ServiceKey) bool) (Table, error)

	// Apply makes the changes in order and goes on after a failure. The result is parallel to ops. An error that is
	// a syscall.Errno by which the kernel refuses (EEXIST, ENOENT, ESRCH, ERANGE, EINVAL and the like) means that
	// this change was not made; with any other, such as ENOBUFS or ETIMEDOUT, it is unknown whether it was.
	Apply(ctx context.Context, ops []Op) []error

	// Flush removes every service, foreign ones included.
	Flush(ctx context.Context) error

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

// ServiceStats are the counters of a service.
type ServiceStats struct {
	Key ServiceKey
	Counters
	Dests []DestStats
}

// DestStats are the counters of a destination and its connections at the moment.
type DestStats struct {
	Key DestKey
	Counters
	Active     uint32
	Inactive   uint32
	Persistent uint32 // templates
}
