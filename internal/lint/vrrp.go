package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vigil/confparse"
)

// strict reports the virtual servers whose packets strict mode drops: without accept, a master that does not own the
// addresses accepts nothing sent to them (RFC 9568 §6.1), and IPVS sees a packet after the drop.
func (c *checker) strict(vi *confparse.VRRPInstance) {
	if !vi.Strict || vi.Accept || vi.Priority == owner {
		return
	}
	var names []string
	var places []confparse.Place
	for _, vs := range c.f.Config.VirtualServers {
		if slices.ContainsFunc(c.addressesOf(vs), func(r addressRange) bool {
			return slices.ContainsFunc(addressesOfInstance(vi), r.contains)
		}) {
			names = append(names, vs.ID.String())
			places = append(places, confparse.Place{Range: vs.Range, Note: "the virtual server"})
		}
	}
	if len(names) == 0 {
		return
	}
	detail := "write accept in the instance, or leave vrrp_strict out"
	if vi.Version == 2 {
		detail = "version 2 has no accept mode under vrrp_strict: use version 3 with accept, or leave vrrp_strict out"
	}
	c.report(StrictDropsService, vi.Range,
		fmt.Sprintf("(%s) strict mode without accept drops the packets to %s", vi.Name, strings.Join(names, ", ")), detail, places...)
}

func addressesOfInstance(vi *confparse.VRRPInstance) []netip.Addr {
	var list []netip.Addr
	for _, a := range slices.Concat(vi.VirtualAddresses, vi.ExcludedAddresses) {
		list = append(list, a.Prefix.Addr())
	}
	return list
}

// ownPeer reports an instance that would send its adverts to itself.
func (c *checker) ownPeer(vi *confparse.VRRPInstance) {
	for _, p := range vi.UnicastPeers {
		if p.Addr == vi.UnicastSource {
			c.report(OwnAddressAsPeer, p.Range, fmt.Sprintf("(%s) unicast_peer %s is the instance's own unicast_src_ip", vi.Name, p.Addr),
				"list the other directors only")
		}
	}
}

// source reports adverts that come from an address which is not there on a backup, or from one that the kernel chooses.
func (c *checker) source(vi *confparse.VRRPInstance) {
	for _, s := range []struct {
		word string
		addr netip.Addr
	}{{"unicast_src_ip", vi.UnicastSource}, {"mcast_src_ip", vi.MulticastSource}} {
		if vi.Priority != owner && s.addr.IsValid() && slices.Contains(addressesOfInstance(vi), s.addr) {
			c.report(FloatingSource, vi.Range, fmt.Sprintf("(%s) %s %s is one of the virtual addresses", vi.Name, s.word, s.addr),
				"a backup does not have it, and both directors would send from it; use the director's own address")
		}
	}
	if len(vi.UnicastPeers) > 0 && !vi.UnicastSource.IsValid() {
		c.report(SourceLeftOpen, vi.Range, fmt.Sprintf("(%s) unicast_peer without unicast_src_ip", vi.Name),
			"the first address of the interface is used; the peers must list that one")
	}
}

// mixedPreemption reports sync groups of which only some members have nopreempt: the others take the addresses back,
// and pull those along.
func (c *checker) mixedPreemption() {
	for _, g := range c.f.Config.SyncGroups {
		var with, without []*confparse.VRRPInstance
		for _, vi := range c.f.Config.Instances {
			switch {
			case !slices.Contains(g.Members, vi.Name):
			case vi.NoPreempt:
				with = append(with, vi)
			default:
				without = append(without, vi)
			}
		}
		if len(with) > 0 && len(without) > 0 {
			c.report(MixedPreemption, g.Range, fmt.Sprintf("(%s) %s has nopreempt, %s does not", g.Name, with[0].Name, without[0].Name),
				"a member that preempts takes the whole group along; write nopreempt in all members or in none",
				confparse.Place{Range: with[0].Range, Note: "with nopreempt"}, confparse.Place{Range: without[0].Range, Note: "without"})
		}
	}
}

// scripts reports scripts that are given more time than there is between two runs.
func (c *checker) scripts() {
	for _, s := range c.f.Config.Scripts {
		if s.Timeout > s.Interval {
			c.report(ScriptOverrun, s.Range,
				fmt.Sprintf("(%s) the script may run for %s, but its next run is due after %s", s.Name, s.Timeout, s.Interval),
				"a run that is due while the last one has not ended is skipped; make timeout at most interval")
		}
	}
}

// alerts reports alerts that are asked for and cannot be sent.
func (c *checker) alerts() {
	m := &c.f.Config.Global.Mail
	wanted := m.Alerts == confparse.On || m.VRRP == confparse.On || m.Checkers == confparse.On
	var at confparse.Range
	note := func(s confparse.Switch, r confparse.Range) {
		if s == confparse.On && !wanted {
			wanted, at = true, r
		}
	}
	for _, vi := range c.f.Config.Instances {
		note(vi.Notify.Mail, vi.Range)
	}
	for _, g := range c.f.Config.SyncGroups {
		note(g.Notify.Mail, g.Range)
	}
	for _, vs := range c.f.Config.VirtualServers {
		note(vs.Mail, vs.Range)
	}
	if !wanted || m.ServerHost != "" && len(m.Recipients) > 0 {
		return
	}
	missing := "smtp_server"
	if m.ServerHost != "" {
		missing = "notification_email"
	}
	c.report(AlertsToNobody, at, "smtp_alert is on, but no mail can be sent: there is no "+missing,
		"set smtp_server and notification_email in global_defs")
}
