// Package ipvstest has an in-memory twin of the kernel's IPVS table, for tests.
package ipvstest

import (
	"context"
	"maps"
	"math"
	"net"
	"slices"
	"sync"
	"syscall"

	"vigil/confparse"
	"vigil/ipvs"
)

// Schedulers are the schedulers that Debian's kernel has.
var Schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "fo", "ovf", "sed", "nq"}

// Kernel behaves as the kernel's generic netlink interface does: it refuses what the kernel refuses, with the same
// errno. Faults are injected by SetFault and SetReadFault; Unload takes IPVS away. Its methods may be called from
// several goroutines.
type Kernel struct {
	mu          sync.Mutex
	table       ipvs.Table
	timeouts    ipvs.Timeouts
	daemons     []ipvs.SyncDaemon
	settings    ipvs.Settings
	settingsErr error
	log         []Entry
	links       map[string]int // nil: whatever is named is there
	lastLink    int
	fault       func(ipvs.Op) Fault
	readFault   func(ipvs.ServiceKey) error
	conns       func(ipvs.ServiceKey, ipvs.DestKey) uint32
	reads       int
	closed      bool
	unloaded    bool
	stale       bool // it was unloaded since it was opened
}

// Entry is an operation that was asked for, with its result.
type Entry struct {
	ipvs.Op
	Err error
}

// Fault is what happens to an operation instead of, or beside, its effect.
type Fault struct {
	Block <-chan struct{} // the operation waits until this is closed; nil = it does not wait
	Err   error           // nil = no fault
	Done  bool            // the operation takes effect all the same: only its answer is lost
}

// New returns a kernel with an empty table.
func New() *Kernel {
	return &Kernel{table: make(ipvs.Table), timeouts: ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300},
		settings: usualSettings}
}

// Open is New's kernel in the form of ipvs.Options.Open.
func (k *Kernel) Open(context.Context) (ipvs.Kernel, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unloaded {
		return nil, ipvs.ErrUnavailable
	}
	k.closed, k.stale = false, false
	return k, nil
}

// Unload takes IPVS out of the kernel, and its table with it. Whoever has it open must open it again after Load.
func (k *Kernel) Unload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.table)
	k.daemons, k.settings = nil, usualSettings
	k.unloaded, k.stale = true, true
}

// Load puts IPVS back.
func (k *Kernel) Load() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unloaded = false
}

// SetFault installs f, which is asked about every operation, without a lock held; nil removes it.
func (k *Kernel) SetFault(f func(ipvs.Op) Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = f
}

// SetReadError makes every Read fail with err; nil ends that.
func (k *Kernel) SetReadError(err error) {
	if err == nil {
		k.SetReadFault(nil)
		return
	}
	k.SetReadFault(func(ipvs.ServiceKey) error { return err })
}

// SetReadFault installs f, which is asked about every service that is read: at an error the Read ends with what it has.
// nil removes it.
func (k *Kernel) SetReadFault(f func(ipvs.ServiceKey) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readFault = f
}

// SetConnections installs f, which says how many active connections a destination has; nil means one each.
func (k *Kernel) SetConnections(f func(ipvs.ServiceKey, ipvs.DestKey) uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = f
}

// Edit changes the table behind everyone's back.
func (k *Kernel) Edit(f func(ipvs.Table)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k.table)
}

// Table returns a copy of the whole table.
func (k *Kernel) Table() ipvs.Table {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.clone(nil)
}

// TakeLog returns the operations since the last call. A Flush is not in it.
func (k *Kernel) TakeLog() []Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.log
	k.log = nil
	return l
}

// Reads returns how often the table has been read.
func (k *Kernel) Reads() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reads
}

// Closed reports whether Close was called.
func (k *Kernel) Closed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

func (k *Kernel) clone(want func(ipvs.ServiceKey) bool) ipvs.Table {
	t := make(ipvs.Table, len(k.table))
	for key, s := range k.table {
		if want == nil || want(key) {
			t[key] = ipvs.Service{Attrs: s.Attrs, Dests: maps.Clone(s.Dests)}
		}
	}
	return t
}

// Read implements ipvs.Kernel.
func (k *Kernel) Read(ctx context.Context, keys []ipvs.ServiceKey) (ipvs.Table, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	if keys == nil {
		keys = slices.Collect(maps.Keys(k.table))
	}
	t := make(ipvs.Table, len(keys))
	for _, key := range keys {
		if err := k.gone(ctx); err != nil {
			return t, err
		}
		if k.readFault != nil {
			if err := k.readFault(key); err != nil {
				return t, err
			}
		}
		if s, ok := k.table[key]; ok {
			t[key] = ipvs.Service{Attrs: s.Attrs, Dests: maps.Clone(s.Dests)}
		}
	}
	return t, k.gone(ctx)
}

// gone is why nothing can be asked.
func (k *Kernel) gone(ctx context.Context) error {
	if k.stale {
		return ipvs.ErrLost
	}
	return ctx.Err()
}

// Apply implements ipvs.Kernel.
func (k *Kernel) Apply(ctx context.Context, ops []ipvs.Op) []error {
	errs := make([]error, len(ops))
	for i, op := range ops {
		if errs[i] = ctx.Err(); errs[i] != nil {
			continue
		}
		f := k.faultOf(op)
		if f.Block != nil {
			<-f.Block
		}
		k.mu.Lock()
		errs[i] = k.apply(op, f)
		k.log = append(k.log, Entry{op, errs[i]})
		k.mu.Unlock()
	}
	return errs
}

func (k *Kernel) faultOf(op ipvs.Op) Fault {
	k.mu.Lock()
	f := k.fault
	k.mu.Unlock()
	if f == nil {
		return Fault{}
	}
	return f(op)
}

func (k *Kernel) apply(op ipvs.Op, f Fault) error {
	switch {
	case k.stale:
		return ipvs.ErrLost
	case f.Err == nil:
		return k.do(op)
	case f.Done:
		_ = k.do(op) // nobody hears of it
	}
	return f.Err
}

// do is ip_vs_genl_set_cmd: it looks at the service first, then at the arguments, then at the destination.
func (k *Kernel) do(op ipvs.Op) error {
	if op.Kind > ipvs.DelService {
		return k.other(op)
	}
	s, exists := k.table[op.Service]
	switch {
	case !exists && op.Kind != ipvs.AddService:
		return syscall.ESRCH
	case exists && op.Kind == ipvs.AddService:
		return syscall.EEXIST
	}
	switch op.Kind {
	case ipvs.AddService, ipvs.SetService:
		if !slices.Contains(Schedulers, op.Attrs.Scheduler) || op.Attrs.PE != "" && op.Attrs.PE != "sip" {
			return syscall.ENOENT
		}
		if op.Service.Family == confparse.IPv6 && (op.Attrs.Netmask < 1 || op.Attrs.Netmask > 128) {
			return syscall.EINVAL
		}
		if s.Dests == nil {
			s.Dests = make(map[ipvs.DestKey]ipvs.DestAttrs)
		}
		s.Attrs = op.Attrs
		s.Attrs.Flags &^= ipvs.Hashed
		k.table[op.Service] = s
	case ipvs.DelService:
		delete(k.table, op.Service)
	case ipvs.AddDest, ipvs.SetDest, ipvs.DelDest:
		return k.destination(op, s)
	default:
		return syscall.EINVAL
	}
	return nil
}

func (k *Kernel) destination(op ipvs.Op, s ipvs.Service) error {
	_, exists := s.Dests[op.Dest]
	mixed := op.Dest.Addr().Is4() != (op.Service.Family == confparse.IPv4)
	if mixed && op.Kind != ipvs.DelDest && (op.DestAttrs.Forwarding != confparse.TUN || len(k.daemons) > 0) {
		return syscall.EINVAL // the messages of synchronization have no room for a second family
	}
	switch op.Kind {
	case ipvs.DelDest:
		if !exists {
			return syscall.ENOENT
		}
		delete(s.Dests, op.Dest)
		return nil
	case ipvs.AddDest, ipvs.SetDest:
		if op.DestAttrs.UpperThreshold > math.MaxInt32 || op.DestAttrs.LowerThreshold > math.MaxInt32 {
			return syscall.EINVAL
		}
		if op.DestAttrs.Weight < 0 || op.DestAttrs.LowerThreshold > op.DestAttrs.UpperThreshold {
			return syscall.ERANGE
		}
		if exists && op.Kind == ipvs.AddDest {
			return syscall.EEXIST
		}
		if !exists && op.Kind == ipvs.SetDest {
			return syscall.ENOENT
		}
	}
	s.Dests[op.Dest] = op.DestAttrs
	return nil
}

// other makes the changes that are about no service's configuration.
func (k *Kernel) other(op ipvs.Op) error {
	switch op.Kind {
	case ipvs.ZeroCounters:
		if _, exists := k.table[op.Service]; !exists && op.Service != (ipvs.ServiceKey{}) {
			return syscall.ESRCH
		}
		return nil
	case ipvs.SetTimeouts:
		for _, t := range []struct{ now, to *uint32 }{{&k.timeouts.TCP, &op.Timeouts.TCP},
			{&k.timeouts.TCPFin, &op.Timeouts.TCPFin}, {&k.timeouts.UDP, &op.Timeouts.UDP}} {
			if *t.to != 0 {
				*t.now = *t.to
			}
		}
		return nil
	case ipvs.StartSync, ipvs.StopSync:
		return k.synchronize(op)
	}
	return syscall.EINVAL
}

// Timeouts implements ipvs.Kernel.
func (k *Kernel) Timeouts(ctx context.Context) (ipvs.Timeouts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.timeouts, k.gone(ctx)
}

// Flush implements ipvs.Kernel.
func (k *Kernel) Flush(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.gone(ctx); err != nil {
		return err
	}
	clear(k.table)
	return nil
}

// Stats implements ipvs.Kernel: each service has as many connections as destinations, each destination one active, but
// for SetConnections.
func (k *Kernel) Stats(ctx context.Context, want func(ipvs.ServiceKey) bool, dests bool) ([]ipvs.ServiceStats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	if err := k.gone(ctx); err != nil {
		return nil, err
	}
	t := k.clone(want)
	var out []ipvs.ServiceStats
	for key, s := range t {
		st := ipvs.ServiceStats{Key: key, Counters: ipvs.Counters{Connections: uint64(len(s.Dests))}}
		for d := range s.Dests {
			active := uint32(1)
			if k.conns != nil {
				active = k.conns(key, d)
			}
			if dests {
				st.Dests = append(st.Dests, ipvs.DestStats{Key: d, Active: active})
			}
		}
		out = append(out, st)
	}
	return out, nil
}

// Close implements ipvs.Kernel.
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return net.ErrClosed
	}
	k.closed = true
	return nil
}
