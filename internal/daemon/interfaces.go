package daemon

import (
	"fmt"
	"strings"

	"vigil/confparse"
	"vigil/confparse/diag"
)

// interfaceUse is a place in a configuration that names a network interface which is to exist.
type interfaceUse struct {
	name string
	at   diag.Range // of the statement, or of the block that it stands in
	by   string     // such as "vrrp_instance VI_1"
}

// interfaceUses lists the interfaces that a configuration names, in the order of its blocks. Those that a virtual router
// makes itself are not among them.
func interfaceUses(c *confparse.Config) []interfaceUse {
	var l interfaceList
	for _, in := range c.Instances {
		l.own(in.VMAC.Interface, in.IPVLAN.Interface)
		if in.VMAC.Enabled && in.VMAC.Interface == "" {
			l.own(fmt.Sprintf("vrrp.%d", in.VirtualRouterID))
		}
	}
	for _, in := range c.Instances {
		l.instance(in)
	}
	for _, g := range c.SyncGroups {
		l.by = "vrrp_sync_group " + string(g.Name)
		l.tracked(g.TrackInterfaces)
	}
	l.by = "global_defs"
	l.add(c.Global.SyncDaemon.Range, c.Global.SyncDaemon.Interface)
	l.by = "static_ipaddress"
	for _, a := range c.StaticAddresses {
		l.add(a.Range, a.Interface)
	}
	l.by = "static_routes"
	l.routes(c.StaticRoutes)
	l.by = "static_rules"
	l.rules(c.StaticRules)
	l.by = "linkbeat_interfaces"
	for _, b := range c.Linkbeat {
		l.add(b.Range, b.Interface)
	}
	for _, vs := range c.VirtualServers {
		for _, rs := range vs.RealServers {
			for _, check := range rs.Checkers {
				if name := check.Connect.BindInterface; name != "" {
					l.by = "virtual_server " + vs.ID.String()
					l.add(check.Range, name)
				}
			}
		}
	}
	return l.uses
}

// interfaceList collects the uses of one block after the other.
type interfaceList struct {
	uses []interfaceUse
	by   string
	made map[string]bool // by virtual routers
}

func (l *interfaceList) own(names ...string) {
	if l.made == nil {
		l.made = make(map[string]bool)
	}
	for _, n := range names {
		l.made[n] = true
	}
}

func (l *interfaceList) add(at diag.Range, names ...string) {
	for _, n := range names {
		if n != "" && !l.made[n] {
			l.uses = append(l.uses, interfaceUse{name: n, at: at, by: l.by})
		}
	}
}

func (l *interfaceList) instance(in *confparse.VRRPInstance) {
	l.by = "vrrp_instance " + string(in.Name)
	l.add(in.Range, in.Interface, in.SyncDaemonInterface, in.VRF)
	for _, list := range [][]confparse.VirtualAddress{in.VirtualAddresses, in.ExcludedAddresses} {
		for _, a := range list {
			l.add(a.Range, a.Interface)
		}
	}
	l.tracked(in.TrackInterfaces)
	l.routes(in.Routes)
	l.rules(in.Rules)
}

func (l *interfaceList) tracked(list []confparse.TrackInterface) {
	for _, t := range list {
		l.add(t.Range, t.Interface)
	}
}

func (l *interfaceList) routes(list []confparse.Route) {
	for _, r := range list {
		l.add(r.Range, r.VRF, r.Hop.Interface)
		for _, h := range r.Hops {
			l.add(r.Range, h.Interface)
		}
	}
}

func (l *interfaceList) rules(list []confparse.Rule) {
	for _, r := range list {
		l.add(r.Range, r.IIF, r.OIF)
	}
}

// strangers are the uses of interfaces that neither exist nor were known before: most likely mistakes in writing. One
// that was known has gone since, and is waited for.
func strangers(uses []interfaceUse, known map[string]bool, exists func(string) bool) []interfaceUse {
	var list []interfaceUse
	seen := make(map[string]bool)
	for _, u := range uses {
		if !known[u.name] && !seen[u.name] && !exists(u.name) {
			seen[u.name] = true
			list = append(list, u)
		}
	}
	return list
}

// errStrangers is a configuration that names interfaces which do not exist.
type errStrangers []interfaceUse

func (e errStrangers) Error() string {
	words := make([]string, len(e))
	for i, u := range e {
		words[i] = fmt.Sprintf("%s (%s, %s)", u.name, u.at, u.by)
	}
	return "no such interface: " + strings.Join(words, ", ") + "; set dynamic_interfaces if it comes later"
}
