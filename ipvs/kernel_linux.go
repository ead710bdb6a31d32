package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"sync"
	"syscall"

	moby "github.com/moby/ipvs"
	"github.com/sirupsen/logrus"
)

// bulk is the number of operations from which they all go through batches. Below it the services go through moby/ipvs.
const bulk = 32

// KernelOptions says which kernel table to open.
type KernelOptions struct {
	NetNS  string       // path of a network namespace; "" = the process's own
	Logger *slog.Logger // nil = none
}

// linuxKernel is the real Kernel. moby/ipvs writes services, flushes and reads timeouts; what it cannot express, and
// everything in bulk, goes through conn.
type linuxKernel struct {
	conn *conn
	moby func() (*moby.Handle, error) // waits for what OpenKernel has begun

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
	c, err := dial(family, o.NetNS)
	if err != nil {
		return nil, err
	}
	k := &linuxKernel{conn: c}
	info, err := k.info()
	if err != nil {
		k.conn.close()
		if errors.Is(err, syscall.EPERM) {
			return nil, fmt.Errorf("open IPVS: you must be root or have CAP_NET_ADMIN: %w", err)
		}
		return nil, fmt.Errorf("open IPVS: %w", err)
	}
	if k.stats, err = dial(family, o.NetNS); err != nil {
		k.conn.close()
		return nil, err
	}
	// moby/ipvs runs modprobe once more, which takes longer than to program a thousand services. It is not waited for
	// until it is needed.
	k.moby = sync.OnceValues(func() (*moby.Handle, error) {
		h, err := openMoby(o.NetNS)
		if err == nil && o.Logger != nil {
			describe(h, o.Logger, info)
		}
		return h, err
	})
	go func() { _, _ = k.moby() }() // Close waits for it and everyone who needs it gets the error
	return k, nil
}

// openMoby opens a moby/ipvs handle and makes sure that it reaches IPVS. Its own set-up, once per process, does not
// report that it failed; every request then succeeds without effect.
func openMoby(netns string) (*moby.Handle, error) {
	logrus.SetOutput(io.Discard) // moby/ipvs is its only user here
	h, err := moby.New(netns)
	if err != nil {
		return nil, fmt.Errorf("open IPVS: %w", err)
	}
	_, err = h.GetService(&moby.Service{AddressFamily: afInet, FWMark: math.MaxUint32})
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		h.Close()
		return nil, fmt.Errorf("open IPVS: %w: %w", ErrUnavailable, err)
	}
	return h, nil
}

func (k *linuxKernel) info() (kernelInfo, error) {
	var info kernelInfo
	err := k.conn.get(cmdGetInfo, false, nil, func(msg []byte) (err error) {
		info, err = parseInfo(msg)
		return err
	})
	return info, err
}

func describe(h *moby.Handle, log *slog.Logger, info kernelInfo) {
	version := fmt.Sprintf("%d.%d.%d", info.version>>16&0xff, info.version>>8&0xff, info.version&0xff)
	attrs := []slog.Attr{slog.String("version", version), slog.Uint64("conn_tab_size", uint64(info.tableSize))}
	if t, err := h.GetConfig(); err == nil {
		attrs = append(attrs, slog.Duration("timeout_tcp", t.TimeoutTCP),
			slog.Duration("timeout_tcpfin", t.TimeoutTCPFin), slog.Duration("timeout_udp", t.TimeoutUDP))
	}
	log.LogAttrs(context.Background(), slog.LevelDebug, "Opened IPVS", attrs...)
}

// Read implements Kernel.
func (k *linuxKernel) Read(ctx context.Context, want func(ServiceKey) bool) (Table, error) {
	t := make(Table)
	err := k.conn.services(func(s ServiceStats, a ServiceAttrs) {
		if want == nil || want(s.Key) {
			t[s.Key] = Service{Attrs: a}
		}
	}, func() { clear(t) })
	if err != nil {
		return nil, fmt.Errorf("read IPVS services: %w", err)
	}
	for key, s := range t {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.Dests = make(map[DestKey]DestAttrs)
		err := k.conn.dests(key, func(d DestStats, a DestAttrs) { s.Dests[d.Key] = a }, func() { clear(s.Dests) })
		if err != nil {
			return nil, fmt.Errorf("read IPVS destinations of %v: %w", key, err)
		}
		t[key] = s
	}
	return t, nil
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
	if len(ops) >= bulk {
		k.conn.apply(ctx, ops, errs)
		return errs
	}
	for i := 0; i < len(ops); {
		n := i
		for n < len(ops) && !mobyCan(ops[n]) {
			n++
		}
		if n > i {
			k.conn.apply(ctx, ops[i:n], errs[i:n])
			i = n
			continue
		}
		errs[i] = k.service(ops[i])
		i++
	}
	return errs
}

// mobyCan reports whether moby/ipvs can make the change. It has no address family for destinations, and sends an
// IPv4-mapped IPv6 address as IPv4.
func mobyCan(o Op) bool {
	switch o.Kind {
	case AddService, SetService, DelService:
		return !o.Service.Addr.Is4In6()
	}
	return false
}

func (k *linuxKernel) service(o Op) error {
	h, err := k.moby()
	if err != nil {
		return err
	}
	s := &moby.Service{
		Address: net.IP(o.Service.Addr.AsSlice()), Protocol: uint16(o.Service.Protocol), Port: o.Service.Port,
		FWMark: o.Service.Fwmark, AddressFamily: kernelFamily(o.Service.Family),
		SchedName: o.Attrs.Scheduler, PEName: o.Attrs.PE, Flags: uint32(o.Attrs.Flags),
		Timeout: o.Attrs.Timeout, Netmask: wireNetmask(o.Service.Family, o.Attrs.Netmask),
	}
	switch o.Kind {
	case AddService:
		return h.NewService(s)
	case SetService:
		return h.UpdateService(s)
	default:
		return h.DelService(s)
	}
}

// Flush implements Kernel.
func (k *linuxKernel) Flush(context.Context) error {
	h, err := k.moby()
	if err != nil {
		return err
	}
	if err := h.Flush(); err != nil {
		return fmt.Errorf("flush IPVS: %w", err)
	}
	return nil
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
		return nil, fmt.Errorf("read IPVS services: %w", err)
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
			return nil, fmt.Errorf("read IPVS destinations of %v: %w", s.Key, err)
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
	if h, err := k.moby(); err == nil {
		h.Close()
	}
	return nil
}
