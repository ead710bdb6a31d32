package daemon

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/vrrp"
)

// part is one of the things that the daemon runs. Starting, planning, reloading, status and stopping are walks over the
// one ordered list of them.
type part interface {
	// String names the part in messages.
	String() string
	// diff is what leads from old to new as far as this part goes, in an operator's terms. It is empty exactly when the
	// part's shares of both are equal. It needs nothing that runs.
	diff(old, new Desired) []Step
	// prepare makes sure that next can be had: what may fail for good, and what may take long, is done here. It changes
	// nothing, neither in the world nor in the part. It does not run in the owner's goroutine, but never twice at a time
	// nor beside commit.
	prepare(ctx context.Context, next Desired) (prepared, error)
	// stop ends the part, in bounded time. The owner calls it, also when the part never ran.
	stop() error
	// status adds the part's share, and unready says what keeps the part from doing its job, or "". Both may be called
	// from any goroutine at any time.
	status(*status.Status)
	unready() string
}

// prepared is a desired state that a part can have. The owner calls one of the functions, once; nil does nothing.
type prepared struct {
	// commit makes it so, and starts the part if need be. It cannot fail any more for what the configuration says: an
	// error means that the part itself has failed, and with it the daemon.
	commit func(context.Context) error
	abort  func()
}

// surroundings is what every part is given.
type surroundings struct {
	opts     *Options
	log      *slog.Logger
	metrics  prometheus.Registerer
	ended    chan<- *task
	followed *healthcheck.BFDSessions // where the sessions say what checks follow
	tracked  *vrrp.Tracked            // where parts say what the priorities of virtual routers depend on
}

// openNetwork opens the kernel's network, or what stands for it. The buffers are those of its watch and of its requests; the
// zero value: the usual one.
func (s surroundings) openNetwork(monitor, commands confparse.BufferSize) (Network, error) {
	if s.opts.Network != nil {
		return s.opts.Network()
	}
	k, err := vrrp.OpenKernel()
	if err != nil {
		return nil, err
	}
	if monitor.Bytes > 0 {
		k.SetWatchBuffer(int(min(monitor.Bytes, math.MaxInt32)), monitor.Force)
	}
	if commands.Bytes > 0 {
		k.SetRequestBuffer(int(min(commands.Bytes, math.MaxInt32)), commands.Force)
	}
	return k, nil
}

// openIPVS opens the kernel's IPVS, or what stands for it. The log is told of what there is; nil: not again.
func (s surroundings) openIPVS(ctx context.Context, buffer confparse.BufferSize, log *slog.Logger) (ipvs.Kernel, error) {
	if s.opts.Kernel != nil {
		return s.opts.Kernel(ctx)
	}
	return ipvs.OpenKernel(ctx, ipvs.KernelOptions{NetNS: s.opts.ipvsNamespace, Buffer: buffer, Logger: log})
}

// statePath is the path of a state file: beside the pid file and named after it, so that daemons with pid files of
// their own have state of their own.
func (s surroundings) statePath(suffix string) string {
	pid := s.opts.PIDFiles.Daemon
	if pid == "" {
		return ""
	}
	return strings.TrimSuffix(pid, filepath.Ext(pid)) + suffix
}

// prepareAll prepares every part for next. After an error in one, nothing has changed in any.
func prepareAll(ctx context.Context, parts []part, next Desired) ([]prepared, error) {
	var all []prepared
	for _, p := range parts {
		one, err := p.prepare(ctx, next)
		if err != nil {
			abortAll(all)
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func abortAll(all []prepared) {
	for _, p := range slices.Backward(all) {
		if p.abort != nil {
			p.abort()
		}
	}
}

// commitAll commits in the order of the parts: a service is in the table before the address that leads to it is
// announced. After an error the rest is aborted, and the daemon must end.
func commitAll(ctx context.Context, all []prepared) error {
	for i, p := range all {
		if p.commit == nil {
			continue
		}
		if err := p.commit(ctx); err != nil {
			abortAll(all[i+1:])
			return err
		}
	}
	return nil
}

// stopAll stops in the opposite order, which loses nothing: addresses are handed over while the table still works. A
// part that does not stop in time holds nobody up for longer.
func stopAll(parts []part) error {
	var errs []error
	for _, p := range slices.Backward(parts) {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}
