package ipvs

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"vigil/confparse"
)

// Listed is one service as the kernel has it, with its destinations in the kernel's order.
type Listed struct {
	Key   ServiceKey
	Attrs ServiceAttrs
	Counters
	Rates Rates
	Dests []ListedDest
}

// ListedDest is one destination as the kernel has it.
type ListedDest struct {
	DestStats
	DestAttrs
}

// Info is what the kernel says about its IPVS.
type Info struct {
	Version   [3]uint8 // such as 1.2.1
	TableSize uint32   // buckets of the connection table
}

// Lister reads the kernel's table for whoever shows it: everything that is known of each object, in the kernel's order.
// One goroutine at a time uses it.
type Lister struct{ conn *conn }

// OpenLister opens the kernel's table for reading, loading the module when it is not there. It fails as OpenKernel does.
func OpenLister(ctx context.Context, netns string) (*Lister, error) {
	family, err := requireIPVS(ctx)
	if err != nil {
		return nil, err
	}
	c, err := dial(family, netns, confparse.BufferSize{})
	if err != nil {
		return nil, err
	}
	return &Lister{c}, nil
}

// Close releases the socket.
func (l *Lister) Close() error {
	l.conn.close()
	return nil
}

// Info asks what IPVS the kernel has. It is EPERM without CAP_NET_ADMIN.
func (l *Lister) Info() (Info, error) {
	i, err := l.conn.info()
	if err != nil {
		return Info{}, fmt.Errorf("ask for the version of IPVS: %w", l.conn.lost(err))
	}
	return Info{Version: [3]uint8{uint8(i.version >> 16), uint8(i.version >> 8), uint8(i.version)}, TableSize: i.tableSize}, nil
}

// Services returns all services.
func (l *Lister) Services(ctx context.Context) ([]Listed, error) {
	var out []Listed
	err := l.conn.services(func(s ServiceStats, a ServiceAttrs) { out = append(out, listed(s, a)) }, func() { out = nil })
	if err != nil {
		return nil, fmt.Errorf("list IPVS services: %w", l.conn.lost(err))
	}
	for i := range out {
		if err := l.dests(ctx, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Service returns one service. The error is ESRCH that there is none.
func (l *Lister) Service(ctx context.Context, key ServiceKey) (Listed, error) {
	var out Listed
	err := l.conn.get(cmdGetService, false, func(r *request) { r.serviceIdentity(key) }, func(msg []byte) error {
		s, a, err := parseService(msg)
		out = listed(s, a)
		return err
	})
	switch {
	case errors.Is(err, syscall.ESRCH):
		return Listed{}, err
	case err != nil:
		return Listed{}, fmt.Errorf("read IPVS service %v: %w", key, l.conn.lost(err))
	}
	return out, l.dests(ctx, &out)
}

func listed(s ServiceStats, a ServiceAttrs) Listed {
	return Listed{Key: s.Key, Attrs: a, Counters: s.Counters, Rates: s.Rates}
}

func (l *Lister) dests(ctx context.Context, s *Listed) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := l.conn.dests(s.Key, func(d DestStats, a DestAttrs) { s.Dests = append(s.Dests, ListedDest{d, a}) }, func() { s.Dests = nil })
	if err != nil {
		return fmt.Errorf("list IPVS destinations of %v: %w", s.Key, l.conn.lost(err))
	}
	return nil
}
