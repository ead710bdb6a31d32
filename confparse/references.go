package confparse

import (
	"fmt"
	"slices"
	"strings"
)

// ReferenceKind is what a configuration can refer to by name.
type ReferenceKind uint8

// The kinds of references: to something of the machine, or to another block.
const (
	ToInterface ReferenceKind = iota + 1
	ToNamespace
	ToProgram // by its path
	ToInstance
	ToTrackScript
	ToTrackFile
	ToTrackProcess
	ToBFD
	ToTrackGroup
	ToServerGroup
	ToVirtualServer // as VirtualServerID.TrackName has it
)

// Reference is a place in a configuration that names something which is to exist.
type Reference struct {
	Kind  ReferenceKind
	Name  string
	Range Range  // of the item, or of the name of the block that it stands in
	By    string // the block, such as "vrrp_instance VI_1"
}

// References lists every reference of c, in the order of its blocks: what validation, a reload and the linter look at, so
// that none of them forgets a place. Interfaces that the configuration makes itself (use_vmac, use_ipvlan) are not among
// them, nor is what was dropped for an error, nor what virtual servers that are Unchanged refer to.
func (c *Config) References() []Reference {
	l := referenceList{made: c.madeInterfaces()}
	l.by = "global_defs"
	g := &c.Global
	l.add(ToNamespace, Range{}, g.Daemon.NetNamespace, g.Daemon.IPVSNamespace)
	l.programs(g.Daemon.Startup, g.Daemon.Shutdown, g.NotifyFIFO.Script, g.VRRPFIFO.Script, g.LVSFIFO.Script)
	if s := g.SyncDaemon; s.Range != (Range{}) { // else it stands in an instance
		l.add(ToInterface, s.Range, s.Interface)
		l.add(ToInstance, s.Range, string(s.Instance))
	}
	c.routerReferences(&l)
	l.by = "static_ipaddress"
	for _, a := range c.StaticAddresses {
		l.add(ToInterface, a.Range, a.Interface)
		l.add(ToTrackGroup, a.Range, a.TrackGroup)
	}
	l.by = "static_routes"
	l.routes(c.StaticRoutes)
	l.by = "static_rules"
	l.rules(c.StaticRules)
	l.by = "linkbeat_interfaces"
	for _, b := range c.Linkbeat {
		l.add(ToInterface, b.Range, b.Interface)
	}
	l.by = "interface_up_down_delays"
	for _, d := range c.InterfaceDelays {
		l.add(ToInterface, d.Range, d.Interface)
	}
	l.by = "garp_group"
	for _, gg := range c.GARPGroups {
		l.add(ToInterface, gg.Range, gg.Interfaces...)
	}
	for _, vs := range c.VirtualServers {
		l.server(vs)
	}
	return l.list
}

// routerReferences lists those of instances, of what they track, and of groups of them.
func (c *Config) routerReferences(l *referenceList) {
	for _, s := range c.Scripts {
		l.by = "vrrp_script " + s.Name
		l.programs(s.Script)
	}
	for _, in := range c.Instances {
		l.by = "vrrp_instance " + string(in.Name)
		l.add(ToInterface, in.Range, in.Interface, in.SyncDaemonInterface, in.VRF)
		for _, addresses := range [][]VirtualAddress{in.VirtualAddresses, in.ExcludedAddresses} {
			for _, a := range addresses {
				l.add(ToInterface, a.Range, a.Interface)
			}
		}
		l.tracked(in.TrackInterfaces, &in.Tracking)
		l.routes(in.Routes)
		l.rules(in.Rules)
		l.notified(&in.Notify)
		l.programs(in.Hooks.PreMaster, in.Hooks.EnsureMaster)
	}
	for _, sg := range c.SyncGroups {
		l.by = "vrrp_sync_group " + string(sg.Name)
		for _, m := range sg.Members {
			l.add(ToInstance, sg.Range, string(m))
		}
		l.tracked(sg.TrackInterfaces, &sg.Tracking)
		l.notified(&sg.Notify)
	}
	for _, tg := range c.TrackGroups {
		l.by = "track_group " + tg.Name
		for _, m := range tg.Members {
			l.add(ToInstance, tg.Range, string(m))
		}
	}
}

// madeInterfaces are the names of the interfaces that instances make.
func (c *Config) madeInterfaces() map[string]bool {
	made := map[string]bool{}
	for _, in := range c.Instances {
		made[in.VMAC.Interface], made[in.IPVLAN.Interface] = true, true
		if in.VMAC.Enabled && in.VMAC.Interface == "" {
			made[fmt.Sprintf("vrrp.%d", in.VirtualRouterID)] = true
		}
	}
	return made
}

// referenceList collects the references of one block after the other.
type referenceList struct {
	list []Reference
	by   string
	made map[string]bool // interfaces
}

func (l *referenceList) add(kind ReferenceKind, at Range, names ...string) {
	for _, n := range names {
		if n != "" && !(kind == ToInterface && l.made[n]) {
			l.list = append(l.list, Reference{Kind: kind, Name: n, Range: at, By: l.by})
		}
	}
}

func (l *referenceList) programs(scripts ...Script) {
	for _, s := range scripts {
		if len(s.Argv) > 0 {
			l.add(ToProgram, s.Range, s.Argv[0])
		}
	}
}

func (l *referenceList) notified(n *Notify) {
	l.programs(n.Backup, n.Master, n.Fault, n.Stop, n.Any, n.Deleted, n.MasterRxLowerPrio)
}

func (l *referenceList) tracked(links []TrackInterface, t *Tracking) {
	for _, link := range links {
		l.add(ToInterface, link.Range, link.Interface)
	}
	for _, of := range []struct {
		kind ReferenceKind
		list []Tracked
	}{{ToTrackScript, t.Scripts}, {ToTrackFile, t.Files}, {ToTrackProcess, t.Processes}, {ToBFD, t.BFD}, {ToVirtualServer, t.Servers}} {
		for _, x := range of.list {
			l.add(of.kind, x.Range, x.Name)
		}
	}
}

func (l *referenceList) routes(list []Route) {
	for _, r := range list {
		l.add(ToInterface, r.Range, r.VRF, r.Hop.Interface)
		for _, h := range r.Hops {
			l.add(ToInterface, r.Range, h.Interface)
		}
		l.add(ToTrackGroup, r.Range, r.TrackGroup)
	}
}

func (l *referenceList) rules(list []Rule) {
	for _, r := range list {
		l.add(ToInterface, r.Range, r.IIF, r.OIF)
		l.add(ToTrackGroup, r.Range, r.TrackGroup)
	}
}

func (l *referenceList) server(vs *VirtualServer) {
	l.by = ""
	name := func() { // built when there is something to say, as there seldom is
		if l.by == "" {
			l.by = "virtual_server " + vs.ID.String()
		}
	}
	program := func(s *Script) {
		if s != nil {
			name()
			l.programs(*s)
		}
	}
	if vs.ID.Group != "" {
		name()
		l.add(ToServerGroup, vs.Range, vs.ID.Group)
	}
	if vs.AnnounceOn != "" {
		name()
		l.add(ToInterface, vs.Range, vs.AnnounceOn)
	}
	program(vs.QuorumUp)
	program(vs.QuorumDown)
	servers := vs.RealServers
	for _, s := range vs.Sources {
		servers = append(slices.Clip(servers), s.Each)
	}
	for _, rs := range servers {
		program(rs.NotifyUp)
		program(rs.NotifyDown)
		for _, ck := range rs.Checkers {
			if ck.Connect.BindInterface != "" {
				name()
				l.add(ToInterface, ck.Range, ck.Connect.BindInterface)
			}
			switch x := ck.Detail.(type) {
			case *MiscDetail:
				program(&x.Script)
			case *FileDetail:
				name()
				l.add(ToTrackFile, ck.Range, x.TrackFile)
			case *BFDDetail:
				name()
				l.add(ToBFD, ck.Range, x.Name)
			}
		}
	}
}

// String returns the reference for a message: the name, its place and the block.
func (r Reference) String() string {
	return r.Name + " (" + strings.TrimPrefix(r.Range.String()+", ", ", ") + r.By + ")"
}
