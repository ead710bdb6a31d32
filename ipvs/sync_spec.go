package ipvs

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"vigil/confparse"
)

// SyncSpec is what a configuration asks of the kernel's synchronization daemons. The zero value asks for nothing, and leaves
// those that run to whoever started them.
type SyncSpec struct {
	Instance confparse.InstanceName // whose state decides which of the two runs; "" = both do
	Daemon   SyncDaemon             // either of them, without its Role
	Settings Settings               // that go with them
	Wait     time.Duration          // how long a master is left alone at most, by one that returns, for the connections it knows
}

// Sync is what is to be: the daemons that run, and how they do.
type Sync struct {
	Daemons  []SyncDaemon
	Settings Settings
}

// Equal reports whether both are the same.
func (s Sync) Equal(o Sync) bool {
	return s.Settings == o.Settings && slices.Equal(s.Daemons, o.Daemons)
}

// SyncFromConfig derives the SyncSpec of a configuration, which has no errors. Those that follow no instance are for virtual
// servers.
func SyncFromConfig(c *confparse.Config) SyncSpec {
	d := c.Global.SyncDaemon
	if d.Interface == "" || d.Instance == "" && len(c.VirtualServers) == 0 {
		return SyncSpec{}
	}
	return SyncSpec{Instance: d.Instance, Settings: syncSettings(c.Global.IPVSSync), Wait: c.Global.IPVSSync.Wait, Daemon: SyncDaemon{Interface: d.Interface, ID: uint32(d.ID),
		MaxLen: d.MaxLen, Group: d.Group, Port: d.Port, TTL: d.TTL}}
}

// BackupOnly reports whether the kernel is not to distribute while it learns (backup_only).
func (s SyncSpec) BackupOnly() bool { return s.Settings[backupOnly] == "1" }

// Exists reports whether anything is asked for.
func (s SyncSpec) Exists() bool { return s.Daemon.Interface != "" }

// Wanted is what is to be while the instance has connections to tell, or some to learn, or both: the kernel has one daemon of each role.
func (s SyncSpec) Wanted(tells, learns bool) Sync {
	if !s.Exists() {
		return Sync{}
	}
	var roles []SyncRole
	if tells || s.Instance == "" {
		roles = append(roles, SyncMaster)
	}
	if learns || s.Instance == "" {
		roles = append(roles, SyncBackup)
	}
	list := make([]SyncDaemon, len(roles))
	for i, role := range roles {
		list[i] = s.Daemon
		list[i].Role = role
	}
	return Sync{Daemons: list, Settings: s.Settings}
}

// String returns the role in a word.
func (r SyncRole) String() string {
	switch r {
	case SyncMaster:
		return "master"
	case SyncBackup:
		return "backup"
	}
	return "none"
}

// String describes the daemon for an operator, such as "master on eth1 id 51 group 224.0.0.81 port 8848 ttl 1".
func (d SyncDaemon) String() string {
	text := fmt.Sprintf("%v on %s id %d", d.Role, d.Interface, d.ID)
	if d.MaxLen > 0 {
		text += fmt.Sprintf(" maxlen %d", d.MaxLen)
	}
	if d.Group.IsValid() {
		text += fmt.Sprintf(" group %v", d.Group)
	}
	if d.Port > 0 {
		text += fmt.Sprintf(" port %d", d.Port)
	}
	if d.TTL > 0 {
		text += fmt.Sprintf(" ttl %d", d.TTL)
	}
	return text
}

// shortestBackup is the least that the kernel makes of the message length of a backup, which must understand what a master
// with an ordinary one sends.
const shortestBackup = 1024

// serves reports whether a daemon as the kernel tells of it is what d asks for. It is told with defaults in the place of zero
// values, and with a length of messages that fits.
func (d SyncDaemon) serves(told SyncDaemon) bool {
	want, headers := d, uint16(20+8)
	if d.Group.Is6() {
		headers = 40 + 8
	}
	switch {
	case d.MaxLen == 0:
		want.MaxLen = told.MaxLen
	case d.Role == SyncBackup:
		want.MaxLen = max(d.MaxLen, shortestBackup)
	}
	want.MaxLen = min(want.MaxLen, 65535-headers)
	want.Port, want.TTL = cmp.Or(d.Port, told.Port), cmp.Or(d.TTL, told.TTL)
	if !d.Group.IsValid() {
		want.Group = told.Group
	}
	return want == told
}

// diffSync is what leads from the daemons that run to those that are wanted: what must not run any more ends before anything
// starts, for the kernel changes none of them in place. One stays if keep says that what the kernel tells of it is what is wanted.
func diffSync(running, want []SyncDaemon, keep func(told, want SyncDaemon) bool) (ops []Op) {
	var stay []SyncRole
	for i := range running {
		told := &running[i]
		if !slices.ContainsFunc(want, func(w SyncDaemon) bool { return keep(*told, w) }) {
			ops = append(ops, Op{Kind: StopSync, Sync: told})
			continue
		}
		stay = append(stay, told.Role)
	}
	for i := range want {
		if !slices.Contains(stay, want[i].Role) {
			ops = append(ops, Op{Kind: StartSync, Sync: &want[i]})
		}
	}
	return ops
}

// runs reports whether a daemon with the role is in list.
func runs(list []SyncDaemon, role SyncRole) bool {
	return slices.ContainsFunc(list, func(d SyncDaemon) bool { return d.Role == role })
}
