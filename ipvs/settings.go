package ipvs

import (
	"fmt"
	"strconv"
	"strings"

	"vigil/confparse"
)

// Settings are values of the kernel's settings, in the order of SettingNames, as they are written; "" = as it is.
type Settings [8]string

// Some of them by their places. The last three are the Reconciler's, the others the SyncKeeper's.
const (
	backupOnly   = 4
	expireNoDest = 5 // a packet of a connection to a server that has gone ends it
	conntrack    = 6 // the firewall follows connections that the table forwards
	sloppyTCP    = 7 // a packet in the midst of a connection begins one
)

// SettingNames are the names below net.ipv4.vs.
var SettingNames = [len(Settings{})]string{"sync_threshold", "sync_refresh_period", "sync_retries", "sync_qlen_max", "backup_only",
	"expire_nodest_conn", "conntrack", "sloppy_tcp"}

func syncSettings(s confparse.IPVSSync) (out Settings) {
	if t := s.Threshold; t.IsSet {
		out[0] = fmt.Sprintf("%d %d", t.Packets, t.Period)
	}
	for i, n := range []int{s.RefreshPeriod, s.Retries, s.QueueMax} {
		if n >= 0 {
			out[1+i] = strconv.Itoa(n)
		}
	}
	out[backupOnly] = onOff(s.BackupOnly)
	return out
}

// onOff is a switch as the kernel has it; "" = as it is.
func onOff(s confparse.Switch) string {
	switch s {
	case confparse.On:
		return "1"
	case confparse.Off:
		return "0"
	}
	return ""
}

// tableSettings are those that do not go with the synchronization: of on_server_down and sloppy_tcp.
func tableSettings(g *confparse.Global) (out Settings) {
	out[sloppyTCP] = onOff(g.SloppyTCP)
	switch g.OnServerDown {
	case confparse.ServerDownReset:
		out[expireNoDest] = "1"
	case confparse.ServerDownKeep:
		out[expireNoDest] = "0"
	}
	return out
}

// String is what is set, such as "sync_retries=2 backup_only=1".
func (s Settings) String() string {
	var words []string
	for i, v := range s {
		if v != "" {
			words = append(words, SettingNames[i]+"="+v)
		}
	}
	return strings.Join(words, " ")
}

// settingsKept is what has been done about the settings.
type settingsKept struct {
	set    Settings // ours
	before Settings // of those, what there was
}

// next is what is to be written so that want is so where the kernel has now, and what is kept then. What is not wanted any more
// gets back what it was.
func (k settingsKept) next(now, want Settings) (write Settings, after settingsKept) {
	after = k
	for i := range want {
		switch {
		case want[i] != "":
			if k.set[i] == "" {
				after.before[i] = now[i]
			}
			after.set[i] = want[i]
		case k.set[i] != "":
			want[i] = k.before[i]
			after.set[i], after.before[i] = "", ""
		}
		if want[i] != now[i] {
			write[i] = want[i]
		}
	}
	return write, after
}

// failed is what is kept when writing has failed, somewhere: what was to be, so that it is known of all that may be changed what it
// was before.
func (k settingsKept) failed(after settingsKept) settingsKept {
	for i := range after.set {
		if after.set[i] == "" {
			after.set[i], after.before[i] = k.set[i], k.before[i]
		}
	}
	return after
}
