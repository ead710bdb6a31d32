package ipvstest

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"syscall"

	"vigil/confparse"
	"vigil/ipvs"
)

// SetLinks says which interfaces there are; before, whatever is named is there. One that was not there has a number that none had.
func (k *Kernel) SetLinks(names ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.links
	k.links = make(map[string]int)
	for _, n := range names {
		if k.links[n] = before[n]; k.links[n] == 0 {
			k.lastLink++
			k.links[n] = k.lastLink
		}
	}
}

// LinkIndex implements ipvs.Kernel.
func (k *Kernel) LinkIndex(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.links == nil {
		return 1
	}
	return k.links[name]
}

// EditSync changes which synchronization daemons run behind everyone's back.
func (k *Kernel) EditSync(f func([]ipvs.SyncDaemon) []ipvs.SyncDaemon) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.daemons = f(k.daemons)
}

// SyncDaemons implements ipvs.Kernel: the master comes first.
func (k *Kernel) SyncDaemons(ctx context.Context) ([]ipvs.SyncDaemon, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := slices.Clone(k.daemons)
	slices.SortFunc(list, func(a, b ipvs.SyncDaemon) int { return cmp.Compare(a.Role, b.Role) })
	return list, k.gone(ctx)
}

// usualSettings are those of a kernel that was just loaded.
var usualSettings = ipvs.Settings{"3 50", "0", "0", "15000", "0", "0", "0"}

// Settings implements ipvs.Kernel.
func (k *Kernel) Settings(ctx context.Context) (ipvs.Settings, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.settings, k.gone(ctx)
}

// SetSettings implements ipvs.Kernel.
func (k *Kernel) SetSettings(ctx context.Context, s ipvs.Settings) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.gone(ctx); err != nil {
		return err
	}
	for i, v := range s {
		if v != "" {
			k.settings[i] = v
		}
	}
	return k.settingsErr
}

// SetSettingsError makes every SetSettings fail with err after it has set what it was to; nil ends that.
func (k *Kernel) SetSettingsError(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settingsErr = err
}

// synchronize is ip_vs_genl_new_daemon and ip_vs_genl_del_daemon: whether one runs is looked at last.
func (k *Kernel) synchronize(op ipvs.Op) error {
	i := slices.IndexFunc(k.daemons, func(d ipvs.SyncDaemon) bool { return d.Role == op.Sync.Role })
	if op.Kind == ipvs.StopSync {
		if i < 0 {
			return syscall.ESRCH
		}
		k.daemons = slices.Delete(k.daemons, i, i+1)
		return nil
	}
	switch {
	case op.Sync.Interface == "", k.mixed(), op.Sync.Group.IsValid() && !op.Sync.Group.IsMulticast():
		return syscall.EINVAL
	case i >= 0:
		return syscall.EEXIST
	case k.links != nil && k.links[op.Sync.Interface] == 0:
		return syscall.ENODEV
	}
	k.daemons = append(k.daemons, told(*op.Sync))
	return nil
}

// told is a daemon as the kernel tells of it: on a link with an MTU of 1500.
func told(d ipvs.SyncDaemon) ipvs.SyncDaemon {
	if !d.Group.IsValid() {
		d.Group = netip.AddrFrom4([4]byte{224, 0, 0, 81})
	}
	headers := uint16(20 + 8)
	if d.Group.Is6() {
		headers = 40 + 8
	}
	if d.MaxLen == 0 {
		d.MaxLen = 1500 - headers
	} else if d.Role == ipvs.SyncBackup {
		d.MaxLen = max(d.MaxLen, 1024)
	}
	d.MaxLen = min(d.MaxLen, 65535-headers)
	d.Port, d.TTL = cmp.Or(d.Port, 8848), cmp.Or(d.TTL, 1)
	return d
}

// mixed reports whether a service has a destination of another family.
func (k *Kernel) mixed() bool {
	for key, s := range k.table {
		for d := range s.Dests {
			if d.Addr().Is4() != (key.Family == confparse.IPv4) {
				return true
			}
		}
	}
	return false
}
