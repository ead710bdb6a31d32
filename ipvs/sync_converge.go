package ipvs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// syncStopTimeout is how long the daemons may take to end when Run returns.
const syncStopTimeout = 5 * time.Second

// came takes note of what has come of an attempt. An error is told once, until there is none or another one.
func (k *SyncKeeper) came(ctx context.Context, err error) {
	switch {
	case err == nil:
		k.failure, k.settled = failure{}, true
	case ctx.Err() != nil:
	default:
		if k.failure.err == nil || k.failure.err.Error() != err.Error() {
			k.log.Error(err.Error())
		}
		k.failure.fail(err)
	}
}

// converge makes the daemons those that are wanted, or says why not. It ends what is to end also when something else fails.
func (k *SyncKeeper) converge(ctx context.Context) error {
	if k.kernel == nil {
		if len(k.want.Daemons) == 0 {
			k.running = nil // IPVS is not even looked at
			return nil
		}
		kernel, err := k.opts.Open(ctx)
		if err != nil {
			return fmt.Errorf("lvs_sync_daemon: %w", err)
		}
		k.kernel = kernel
	}
	failed := k.set(ctx)
	var err error
	for range rounds {
		var again bool
		if again, err = k.pass(ctx); !again {
			break
		}
	}
	if errors.Is(err, ErrLost) {
		k.lose()
		return err
	}
	return errors.Join(failed, err)
}

// set makes the settings those that are wanted. Without any it does not even look at them.
func (k *SyncKeeper) set(ctx context.Context) error {
	if k.settings.set == (Settings{}) && k.want.Settings == (Settings{}) {
		return nil
	}
	now, err := k.kernel.Settings(ctx)
	if err != nil {
		return err
	}
	write, after := k.settings.next(now, k.want.Settings)
	if write == (Settings{}) {
		k.settings = after
		return nil
	}
	if err := k.kernel.SetSettings(ctx, write); err != nil {
		k.settings = k.settings.failed(after)
		return err
	}
	k.log.Info("Settings of IPVS synchronization: " + write.String())
	k.settings = after
	return nil
}

// pass reads which daemons run and makes one attempt to change that. It reports whether another one may find another state:
// others start and end daemons too.
func (k *SyncKeeper) pass(ctx context.Context) (again bool, err error) {
	running, err := k.kernel.SyncDaemons(ctx)
	if err != nil {
		return false, fmt.Errorf("lvs_sync_daemon: %w", err)
	}
	k.running = running
	ours := running
	if len(k.want.Daemons) == 0 {
		ours = slices.DeleteFunc(slices.Clone(running), func(d SyncDaemon) bool { _, is := k.ours[d.Role]; return !is })
	}
	ops := diffSync(ours, k.want.Daemons, k.keeps)
	for _, w := range k.want.Daemons {
		if !slices.ContainsFunc(ops, func(op Op) bool { return op.Sync.Role == w.Role }) {
			k.own(w) // it may have been there before us
		}
	}
	if len(k.want.Daemons) == 0 && len(ops) == 0 {
		clear(k.ours) // others have ended them
	}
	if len(ops) == 0 {
		return false, nil
	}
	for i, failed := range k.kernel.Apply(ctx, ops) {
		switch {
		case failed == nil:
			k.did(ops[i])
			continue
		case errors.Is(failed, ErrLost):
			return false, failed
		case errors.Is(failed, syscall.EEXIST), errors.Is(failed, syscall.ESRCH):
			again = true
		}
		if err == nil {
			err = errors.New(errorText(ops[i], failed))
		}
	}
	if running, failed := k.kernel.SyncDaemons(ctx); failed == nil {
		k.running = running
	}
	return again, err
}

// did takes down, and tells, that a daemon was started or ended.
func (k *SyncKeeper) did(op Op) {
	word := "stopped"
	delete(k.ours, op.Sync.Role)
	if op.Kind == StartSync {
		word = "started"
		k.own(*op.Sync)
	}
	attrs := []any{"interface", op.Sync.Interface, "id", op.Sync.ID}
	if k.settled {
		k.log.Warn("IPVS sync daemon "+op.Sync.Role.String()+" was changed behind our back, and is "+word+" again", attrs...)
		return
	}
	k.log.Info("IPVS sync daemon "+op.Sync.Role.String()+" "+word, attrs...)
}

// keeps reports whether a daemon that runs is what is wanted. The kernel does not tell everything back: what it was started with
// counts as well, and that its interface has not been made anew since, on which it would hear and say nothing.
func (k *SyncKeeper) keeps(told, want SyncDaemon) bool {
	ours, known := k.ours[want.Role]
	if !want.serves(told) || !known {
		return want.serves(told)
	}
	now := k.kernel.LinkIndex(want.Interface)
	return ours.SyncDaemon == want && (now == 0 || ours.link == now)
}

// own takes down that d is ours, and runs.
func (k *SyncKeeper) own(d SyncDaemon) {
	if k.ours[d.Role].SyncDaemon != d {
		k.ours[d.Role] = ownSync{d, k.kernel.LinkIndex(d.Interface)}
	}
}

// lose drops a kernel whose IPVS was unloaded, and with it every daemon.
func (k *SyncKeeper) lose() {
	_ = k.kernel.Close()
	clear(k.ours)
	k.kernel, k.running, k.settings, k.settled = nil, nil, settingsKept{}, false
}

// stop ends what is ours. It has a time limit of its own, since Run's context has ended.
func (k *SyncKeeper) stop() {
	if k.kernel == nil {
		return
	}
	if !k.opts.KeepOnStop {
		ctx, cancel := context.WithTimeout(context.Background(), syncStopTimeout)
		defer cancel()
		k.want, k.settled = Sync{}, false
		k.came(ctx, k.converge(ctx))
		k.publish()
	}
	if k.kernel != nil {
		_ = k.kernel.Close() // the daemons do not depend on the sockets
	}
}
