package ipvs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"vigil/confparse"
)

// fewKeys is up to how many services are read one by one. Above it one dump of all is cheaper, unless the table is much
// larger than what is asked for, which a table of others may be.
const fewKeys = 256

// KernelOptions says which kernel table to open.
type KernelOptions struct {
	NetNS  string               // path of a network namespace; "" = the process's own
	Logger *slog.Logger         // nil = none
	Buffer confparse.BufferSize // of the sockets; the zero value: what a batch of changes needs
}

// linuxKernel is the real Kernel, over generic netlink sockets of its own: every wait ends, many changes go in one
// message, and what moby/ipvs cannot express (a destination's family and tunnel, daemons, 64-bit counters) can be. Tests
// have moby/ipvs as a second opinion about the bytes.
type linuxKernel struct {
	conn  *conn
	netNS string // path of the network namespace; "" = the process's own

	statsMu sync.Mutex
	stats   *conn // nil after Close
}

// OpenKernel opens the kernel's IPVS table, loading the module when it is not there. It fails with ErrUnavailable when
// the kernel has no IPVS, and with an error that is EPERM without CAP_NET_ADMIN.
func OpenKernel(ctx context.Context, o KernelOptions) (Kernel, error) {
	family, err := requireIPVS(ctx)
	if err != nil {
		return nil, err
	}
	c, err := dial(family, o.NetNS, o.Buffer)
	if err != nil {
		return nil, err
	}
	k := &linuxKernel{conn: c, netNS: o.NetNS}
	info, err := c.info()
	if err != nil {
		c.close()
		if errors.Is(err, syscall.EPERM) {
			return nil, fmt.Errorf("open IPVS: you must be root or have CAP_NET_ADMIN: %w", err)
		}
		return nil, fmt.Errorf("open IPVS: %w", err)
	}
	if k.stats, err = dial(family, o.NetNS, o.Buffer); err != nil {
		c.close()
		return nil, err
	}
	if o.Logger != nil && o.Logger.Enabled(ctx, slog.LevelDebug) {
		k.describe(ctx, o.Logger, info)
	}
	return k, nil
}

func (c *conn) info() (info kernelInfo, err error) {
	err = c.get(cmdGetInfo, false, nil, func(msg []byte) (err error) {
		info, err = parseInfo(msg)
		return err
	})
	return info, err
}

func (k *linuxKernel) describe(ctx context.Context, log *slog.Logger, info kernelInfo) {
	version := fmt.Sprintf("%d.%d.%d", info.version>>16&0xff, info.version>>8&0xff, info.version&0xff)
	attrs := []slog.Attr{slog.String("version", version), slog.Uint64("conn_tab_size", uint64(info.tableSize))}
	if t, err := k.Timeouts(ctx); err == nil {
		seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
		attrs = append(attrs, slog.Duration("timeout_tcp", seconds(t.TCP)),
			slog.Duration("timeout_tcpfin", seconds(t.TCPFin)), slog.Duration("timeout_udp", seconds(t.UDP)))
	}
	log.LogAttrs(ctx, slog.LevelDebug, "Opened IPVS", attrs...)
}

// lost returns ErrLost in the place of err if IPVS was unloaded since. The kernel answers ENOENT then, as it does for a
// scheduler or a destination that it does not have. Unloaded and loaded again, IPVS has another number.
func (c *conn) lost(err error) error {
	if !errors.Is(err, syscall.ENOENT) {
		return err
	}
	if _, now := c.info(); errors.Is(now, syscall.ENOENT) {
		return ErrLost
	}
	return err
}

// Read implements Kernel.
func (k *linuxKernel) Read(ctx context.Context, keys []ServiceKey) (Table, error) {
	t := make(Table, len(keys))
	if err := k.readServices(ctx, keys, t); err != nil {
		return nil, fmt.Errorf("read IPVS services: %w", k.conn.lost(err))
	}
	for key, s := range t {
		s.Dests = make(map[DestKey]DestAttrs)
		err := ctx.Err()
		if err == nil {
			err = k.conn.dests(key, func(d DestStats, a DestAttrs) { s.Dests[d.Key] = a }, func() { clear(s.Dests) })
		}
		if err != nil {
			for key, s := range t {
				if s.Dests == nil {
					delete(t, key)
				}
			}
			delete(t, key)
			return t, fmt.Errorf("read IPVS destinations of %v: %w", key, k.conn.lost(err))
		}
		t[key] = s
	}
	return t, nil
}

// readServices adds to t those of the services that exist, without destinations.
func (k *linuxKernel) readServices(ctx context.Context, keys []ServiceKey, t Table) error {
	if keys != nil && len(keys) <= fewKeys {
		for _, key := range keys {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := k.conn.get(cmdGetService, false, func(r *request) { r.serviceIdentity(key) }, func(msg []byte) error {
				_, a, err := parseService(msg)
				t[key] = Service{Attrs: a}
				return err
			})
			if err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		return nil
	}
	wanted := make(map[ServiceKey]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	return k.conn.services(func(s ServiceStats, a ServiceAttrs) {
		if keys == nil || wanted[s.Key] {
			t[s.Key] = Service{Attrs: a}
		}
	}, func() { clear(t) })
}

// services dumps the services. reset is called before another attempt.
func (c *conn) services(each func(ServiceStats, ServiceAttrs), reset func()) error {
	return retryInterrupted(reset, func() error {
		return c.get(cmdGetService, true, nil, func(msg []byte) error {
			s, a, err := parseService(msg)
			if err == nil {
				each(s, a)
			}
			return err
		})
	})
}

// dests dumps the destinations of a service; there are none of one that does not exist.
func (c *conn) dests(key ServiceKey, each func(DestStats, DestAttrs), reset func()) error {
	return retryInterrupted(reset, func() error {
		return c.get(cmdGetDest, true, func(r *request) { r.serviceIdentity(key) }, func(msg []byte) error {
			d, a, err := parseDest(msg, key.Family)
			if err == nil {
				each(d, a)
			}
			return err
		})
	})
}

func retryInterrupted(reset func(), dump func() error) error {
	var err error
	for range 5 {
		if err = dump(); !errors.Is(err, errInterrupted) {
			return err
		}
		reset()
	}
	return err
}

// Apply implements Kernel.
func (k *linuxKernel) Apply(ctx context.Context, ops []Op) []error {
	errs := make([]error, len(ops))
	k.conn.apply(ctx, ops, errs)
	for _, err := range errs {
		if !errors.Is(err, syscall.ENOENT) {
			continue
		}
		if errors.Is(k.conn.lost(err), ErrLost) {
			for i, err := range errs {
				if errors.Is(err, syscall.ENOENT) {
					errs[i] = ErrLost
				}
			}
		}
		break
	}
	return errs
}

// Flush implements Kernel.
func (k *linuxKernel) Flush(context.Context) error {
	if err := k.conn.command(cmdFlush); err != nil {
		return fmt.Errorf("flush IPVS: %w", k.conn.lost(err))
	}
	return nil
}

// Timeouts implements Kernel.
func (k *linuxKernel) Timeouts(context.Context) (t Timeouts, err error) {
	err = k.conn.get(cmdGetConfig, false, nil, func(msg []byte) (err error) {
		t, err = parseTimeouts(msg)
		return err
	})
	if err != nil {
		return Timeouts{}, fmt.Errorf("read IPVS timeouts: %w", k.conn.lost(err))
	}
	return t, nil
}

// SyncDaemons implements Kernel.
func (k *linuxKernel) SyncDaemons(context.Context) ([]SyncDaemon, error) {
	var out []SyncDaemon
	err := retryInterrupted(func() { out = nil }, func() error {
		return k.conn.get(cmdGetDaemon, true, nil, func(msg []byte) error {
			d, err := parseDaemon(msg)
			out = append(out, d)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read IPVS daemons: %w", k.conn.lost(err))
	}
	return out, nil
}

// Stats implements Kernel. It has a socket of its own, so that a scrape does not wait for a reconciliation.
func (k *linuxKernel) Stats(ctx context.Context, want func(ServiceKey) bool, dests bool) ([]ServiceStats, error) {
	k.statsMu.Lock()
	defer k.statsMu.Unlock()
	if k.stats == nil {
		return nil, net.ErrClosed
	}
	var out []ServiceStats
	err := k.stats.services(func(s ServiceStats, _ ServiceAttrs) {
		if want == nil || want(s.Key) {
			out = append(out, s)
		}
	}, func() { out = out[:0] })
	if err != nil {
		return nil, fmt.Errorf("read IPVS services: %w", k.stats.lost(err))
	}
	for i := range out {
		if !dests {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := &out[i]
		err := k.stats.dests(s.Key, func(d DestStats, _ DestAttrs) { s.Dests = append(s.Dests, d) },
			func() { s.Dests = s.Dests[:0] })
		if err != nil {
			return nil, fmt.Errorf("read IPVS destinations of %v: %w", s.Key, k.stats.lost(err))
		}
	}
	return out, nil
}

// Close implements Kernel.
func (k *linuxKernel) Close() error {
	k.statsMu.Lock()
	defer k.statsMu.Unlock()
	if k.stats == nil {
		return nil
	}
	k.stats.close()
	k.stats = nil
	k.conn.close()
	return nil
}
