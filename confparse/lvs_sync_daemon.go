package confparse

import (
	"fmt"
	"net/netip"
	"strconv"

	"vigil/confparse/diag"
)

// SyncDaemon is lvs_sync_daemon: the kernel threads that share connections between directors.
type SyncDaemon struct {
	Range     Range        // the zero one: it is an instance's lvs_sync_daemon_interface
	Interface string       // "" = none
	Instance  InstanceName // whose state decides between master and backup; "" = both run
	ID        int          // syncid; the virtual router id of the instance unless it is written, 0 without one
	MaxLen    uint16       // 0 = the kernel's
	Port      uint16       // 8848
	TTL       uint8        // 1
	Group     netip.Addr   // 224.0.0.81
}

// syncDaemonRow is lvs_sync_daemon.
var syncDaemonRow = ownRow("lvs_sync_daemon", "off", (*decoder).syncDaemon, func(p *printer, g *Global) {
	s := &g.SyncDaemon
	if s.Interface == "" {
		return
	}
	words := []any{"lvs_sync_daemon", quoted(s.Interface)}
	if s.Instance != "" {
		words = append(words, "inst", quoted(string(s.Instance)))
	}
	if s.ID >= 0 {
		words = append(words, "id", s.ID)
	}
	if s.MaxLen > 0 {
		words = append(words, "maxlen", s.MaxLen)
	}
	p.line(append(words, "port", s.Port, "ttl", s.TTL, "group", s.Group)...)
})

// syncDaemon decodes "IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]". An instance and then
// an id may stand without their words, as old files have them.
func (d *decoder) syncDaemon(n *Node, g *Global) {
	s := &g.SyncDaemon
	if s.Interface != "" {
		d.about(n, diag.CodeRepeated, "lvs_sync_daemon has already been specified - ignoring", "")
		return
	}
	if len(n.Args) == 0 {
		d.about(n, diag.CodeArgumentExpected, "lvs_sync_daemon requires interface", "")
		return
	}
	if !d.interfaceNamed(n, n.Arg(0), diag.CodeNoInterfaceYet) {
		return
	}
	*s = usualSyncDaemon(d.intern(n.Arg(0)))
	s.Range = n.Range()
	number := func(t Token, lo, hi int64) int64 {
		v, ok := d.wholeNumber(n, t, wholeStrict(lo, hi))
		if !ok {
			return -1
		}
		return v
	}
	for i := 1; i < len(n.Args); i++ {
		word := n.Arg(i)
		switch word {
		case "inst", "id", "maxlen", "port", "ttl", "group":
			if i++; i == len(n.Args) {
				d.report(n, n.RangeOf(n.Args[i-1]), diag.CodeArgumentExpected, "No value specified for "+word, "")
				return
			}
		default:
			_, err := strconv.ParseUint(word, 10, 8)
			if s.Instance == "" && err != nil {
				s.Instance = InstanceName(d.intern(word))
			} else {
				s.ID = int(max(number(n.Args[i], 0, 255), int64(s.ID)))
			}
			continue
		}
		t := n.Args[i]
		switch word {
		case "inst":
			s.Instance = InstanceName(d.intern(t.Text))
		case "id":
			s.ID = int(max(number(t, 0, 255), int64(s.ID)))
		case "maxlen":
			if v := number(t, 1, 65507); v > 0 {
				s.MaxLen = uint16(v)
			}
		case "port":
			if v := number(t, 1, 65535); v > 0 {
				s.Port = uint16(v)
			}
		case "ttl":
			if v := number(t, 1, 255); v > 0 {
				s.TTL = uint8(v)
			}
		case "group":
			a, ok := parseAddr(t.Text)
			if !ok || !a.IsMulticast() {
				d.report(n, n.RangeOf(t), diag.CodeBadAddress, "Invalid lvs_sync_daemon group ("+t.Text+")", "")
				continue
			}
			s.Group = a
		}
	}
}

// usualSyncDaemon is one on an interface, without options.
func usualSyncDaemon(link string) SyncDaemon {
	return SyncDaemon{Interface: link, ID: -1, Port: 8848, TTL: 1, Group: netip.AddrFrom4([4]byte{224, 0, 0, 81})}
}

// settleSyncDaemon looks for the instance that lvs_sync_daemon follows. Without it, the first lvs_sync_daemon_interface counts.
func (d *decoder) settleSyncDaemon() {
	s := &d.cfg.Global.SyncDaemon
	for _, in := range d.cfg.Instances {
		if s.Interface == "" && in.SyncDaemonInterface != "" {
			*s = usualSyncDaemon(in.SyncDaemonInterface)
			s.Instance = in.Name
		}
	}
	if s.Interface == "" {
		return
	}
	if s.Instance == "" {
		s.ID = max(s.ID, 0)
		return
	}
	if in := d.instances[s.Instance]; in != nil {
		if s.ID < 0 {
			s.ID = int(in.VirtualRouterID)
		}
	} else {
		d.rep.Report(Diagnostic{Code: diag.CodeSyncInstance, Subject: s.Range, Summary: fmt.Sprintf(
			"Unable to find vrrp instance %s for lvs_sync_daemon - ignoring", s.Instance)}, 0)
		*s = SyncDaemon{}
	}
}
