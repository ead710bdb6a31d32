package confparse

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// WriteTo writes c as a canonical keepalived.conf: every default, inherited value and expansion spelled out, nothing
// that Load corrected. Loading the result gives c again, places and inputs aside.
func (c *Config) WriteTo(w io.Writer) (int64, error) {
	p := &printer{checksUnicast: slices.ContainsFunc(c.Instances, inheritsCheck)}
	p.global(c)
	p.trackers(c)
	p.statics(c)
	for _, vi := range c.Instances {
		p.instance(vi)
	}
	for _, g := range c.SyncGroups {
		p.syncGroup(g)
	}
	for _, g := range c.Groups {
		p.serverGroup(g)
	}
	for _, vs := range c.VirtualServers {
		p.virtualServer(vs)
	}
	n, err := w.Write(p.b.Bytes())
	return int64(n), err
}

// printer writes statements, one per line, indented by blocks.
type printer struct {
	b      bytes.Buffer
	indent int
	// checksUnicast says that vrrp_check_unicast_src is written, so that all instances have it.
	checksUnicast bool
}

// line writes one statement. Words are written as they are; see quoted.
func (p *printer) line(words ...any) {
	for range p.indent {
		p.b.WriteString("    ")
	}
	for i, w := range words {
		if i > 0 {
			p.b.WriteByte(' ')
		}
		switch v := w.(type) {
		case time.Duration:
			p.b.WriteString(micros(v.Microseconds()))
		default:
			fmt.Fprint(&p.b, v)
		}
	}
	p.b.WriteByte('\n')
}

func (p *printer) open(words ...any) {
	p.line(append(words, "{")...)
	p.indent++
}

func (p *printer) close() {
	p.indent--
	p.line("}")
}

// flag writes a word that stands alone.
func (p *printer) flag(on bool, word string) {
	if on {
		p.line(word)
	}
}

// text writes a setting that has a word, unless it is empty.
func (p *printer) text(name, value string) {
	if value != "" {
		p.line(name, quoted(value))
	}
}

// number writes a setting unless it has the value that cannot, or need not, be written.
func (p *printer) number(name string, v, not int64) {
	if v != not {
		p.line(name, v)
	}
}

func (p *printer) duration(name string, v time.Duration) {
	if v > 0 {
		p.line(name, v)
	}
}

// seconds writes a setting that takes whole seconds.
func (p *printer) seconds(name string, v time.Duration) { p.line(name, int64(v/time.Second)) }

func (p *printer) addr(name string, a netip.Addr) {
	if a.IsValid() {
		p.line(name, a)
	}
}

func (p *printer) toggle(name string, s Switch) {
	switch s {
	case On:
		p.line(name, "on")
	case Off:
		p.line(name, "off")
	}
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

// quoted returns a word in the form that reads back as itself.
func quoted(s string) string {
	safe := s != ""
	for i := 0; i < len(s) && safe; i++ {
		c := s[i]
		safe = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.:/+-%,=", c) >= 0
	}
	if safe {
		return s
	}
	return `"` + s + `"`
}

// command returns a program's arguments as one quoted word, as splitCommand reads it.
func command(argv []string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, a := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a == "" {
			b.WriteString("''")
		}
		for k := 0; k < len(a); k++ {
			c := a[k]
			if c <= ' ' || c == 0x7f || strings.IndexByte("\"'\\${}#!", c) >= 0 {
				fmt.Fprintf(&b, "\\%03o", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}

// accountWords returns "USER [[:]GROUP]" with a leading blank, or "".
func accountWords(a Account) string {
	if a.User == "" {
		return ""
	}
	s := " " + quoted(a.User)
	switch {
	case a.Supplementary:
		s += " :" + a.Group
	case a.Group != "":
		s += " " + quoted(a.Group)
	}
	return s
}

func (p *printer) script(name string, s Script) {
	if len(s.Argv) > 0 {
		p.line(name, command(s.Argv)+accountWords(s.Account))
	}
}

func (p *printer) scriptRef(name string, s *Script) {
	if s != nil {
		p.script(name, *s)
	}
}

// inheritsCheck reports whether vi must have got check_unicast_src from global_defs: its own would have made it a unicast
// instance, with vmac_xmit_base.
func inheritsCheck(vi *VRRPInstance) bool {
	return vi.CheckUnicastSrc && vi.VMAC.Enabled && !vi.VMAC.TransmitBase
}

func (p *printer) instance(vi *VRRPInstance) {
	p.open("vrrp_instance", quoted(string(vi.Name)))
	switch vi.State {
	case StateMaster:
		p.line("state MASTER")
	case StateBackup:
		p.line("state BACKUP")
	}
	p.text("interface", vi.Interface)
	p.text("vrf", vi.VRF)
	p.number("virtual_router_id", int64(vi.VirtualRouterID), 0)
	p.line("version", vi.Version)
	p.line("priority", vi.Priority)
	p.line("advert_int", vi.AdvertInterval)
	p.line("down_timer_adverts", vi.DownTimerAdverts)
	p.flag(vi.NoPreempt, "nopreempt")
	p.duration("preempt_delay", vi.PreemptDelay)
	p.line("strict_mode", onOff(vi.Strict))
	if vi.Accept {
		p.line("accept")
	} else {
		p.line("no_accept")
	}
	p.line("lower_prio_no_advert", onOff(vi.LowerPriorityNoAdvert))
	p.line("higher_prio_send_advert", onOff(vi.HigherPrioritySendAdvert))
	p.line("owner_ignore_adverts", onOff(vi.OwnerIgnoreAdverts))
	p.line("skip_check_adv_addr", onOff(vi.SkipCheckAdvAddr))
	p.line("v3_checksum_as_v2", onOff(vi.ChecksumAsV2))
	p.flag(vi.DontTrackPrimary, "dont_track_primary")
	p.flag(vi.TrackSource, "track_src_ip")
	p.flag(vi.NoVirtualAddress, "no_virtual_ipaddress")
	p.flag(vi.PromoteSecondaries, "promote_secondaries")
	p.flag(vi.LinkbeatPolling, "linkbeat_use_polling")
	p.flag(vi.UnicastFaultNoPeer, "unicast_fault_no_peer")
	p.flag(vi.CheckUnicastSrc && !p.checksUnicast, "check_unicast_src")
	switch vi.OldUnicastChecksum {
	case On:
		p.line("old_unicast_checksum")
	case Off:
		p.line("old_unicast_checksum never")
	}
	p.addr("mcast_src_ip", vi.MulticastSource)
	p.addr("unicast_src_ip", vi.UnicastSource)
	p.addr("mcast_dst_ip", vi.MulticastGroup)
	if len(vi.UnicastPeers) > 0 {
		p.line("unicast_ttl", vi.UnicastTTL)
		p.open("unicast_peer")
		for _, peer := range vi.UnicastPeers {
			words := []any{peer.Addr}
			if peer.MinTTL != 0 {
				words = append(words, "min_ttl", peer.MinTTL)
			}
			if peer.MaxTTL != 255 {
				words = append(words, "max_ttl", peer.MaxTTL)
			}
			p.line(words...)
		}
		p.close()
	}
	p.authentication(vi)
	p.links(vi)
	p.garp(vi)
	p.number("debug", int64(vi.Debug), 0)
	p.number("timer_expired_backup", int64(vi.TimerExpiredBackup), 0)
	p.number("kernel_rx_buf_size", int64(vi.RXBufferBytes), 0)
	p.text("lvs_sync_daemon_interface", vi.SyncDaemonInterface)
	p.addresses("virtual_ipaddress", vi.VirtualAddresses)
	p.addresses("virtual_ipaddress_excluded", vi.ExcludedAddresses)
	p.routes("virtual_routes", vi.Routes)
	p.rules("virtual_rules", vi.Rules)
	p.trackInterfaces(vi.TrackInterfaces)
	p.tracking(&vi.Tracking)
	p.notify(&vi.Notify)
	p.close()
}

func (p *printer) authentication(vi *VRRPInstance) {
	if vi.AuthType != AuthNone {
		p.open("authentication")
		p.line("auth_type", map[AuthType]string{AuthPass: "PASS", AuthAH: "AH"}[vi.AuthType])
		p.text("auth_pass", vi.AuthPass)
		p.close()
	}
	h := vi.HMAC
	if h == nil {
		return
	}
	p.open("auth_hmac")
	for _, k := range h.Keys {
		p.line("key", k.ID, quoted(k.Text))
	}
	p.number("active_key", int64(h.ActiveKey), 0)
	if h.TimeWindow > 0 {
		p.seconds("time_window", h.TimeWindow)
	}
	p.flag(h.Monotonic, "anti_replay monotonic")
	p.flag(h.Permissive, "mode permissive")
	p.flag(h.ReceiveOnly, "mode receive-only")
	p.close()
}

// links writes what the instance wants for interfaces of its own.
func (p *printer) links(vi *VRRPInstance) {
	if v := vi.VMAC; v.Enabled {
		words := []any{"use_vmac"}
		if v.Interface != "" {
			words = append(words, "name", quoted(v.Interface))
		}
		if v.MACIsSet {
			words = append(words, fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", v.MAC[0], v.MAC[1], v.MAC[2], v.MAC[3],
				v.MAC[4], v.MAC[5]))
		}
		if v.NetlinkNotify {
			words = append(words, "netlink_notify_msg")
		}
		if v.Group != "" {
			words = append(words, "group", quoted(v.Group))
		}
		p.line(words...)
	}
	p.flag(vi.VMAC.Addresses, "use_vmac_addr")
	p.flag(vi.VMAC.TransmitBase, "vmac_xmit_base")
	if v := vi.IPVLAN; v.Enabled {
		words := []any{"use_ipvlan"}
		if v.Interface != "" {
			words = append(words, "name", quoted(v.Interface))
		}
		if v.Addr.IsValid() {
			words = append(words, v.Addr)
		}
		words = append(words, v.Mode)
		if v.Group != "" {
			words = append(words, "group", quoted(v.Group))
		}
		p.line(words...)
	}
}

func (p *printer) garp(vi *VRRPInstance) {
	g := &vi.GARP
	p.seconds("garp_master_delay", g.MasterDelay)
	p.line("garp_master_repeat", g.MasterRepeat)
	p.seconds("garp_master_refresh", g.MasterRefresh)
	p.line("garp_master_refresh_repeat", g.MasterRefreshRepeat)
	p.seconds("garp_lower_prio_delay", g.LowerPrioDelay)
	p.line("garp_lower_prio_repeat", g.LowerPrioRepeat)
	p.extra("garp_extra_if", vi.ExtraGARP, vi.ExtraGARPAll)
}

// extra writes the announcements on further interfaces.
func (p *printer) extra(name string, every time.Duration, all bool) {
	if all {
		name += " all"
	}
	p.seconds(name, every)
}

func (p *printer) addresses(name string, list []VirtualAddress) {
	if len(list) == 0 {
		return
	}
	p.open(name)
	for _, a := range list {
		p.line(addressWords(a)...)
	}
	p.close()
}

func addressWords(a VirtualAddress) []any {
	words := []any{a.Prefix}
	option := func(on bool, w ...any) {
		if on {
			words = append(words, w...)
		}
	}
	v4 := a.Prefix.Addr().Is4()
	option(a.Interface != "", "dev", quoted(a.Interface))
	option(a.Scope != 0, "scope", a.Scope)
	option(a.Label != "", "label", quoted(a.Label))
	option(a.Broadcast.IsValid(), "brd", a.Broadcast)
	option(a.Peer.IsValid(), "peer", a.Peer)
	option(!v4 && a.Flags&AddressNoDAD == 0, "-nodad")
	option(a.Flags&AddressHome != 0, "home")
	option(a.Flags&AddressManageTemp != 0, "mngtmpaddr")
	option(a.Flags&AddressNoPrefixRoute != 0, "noprefixroute")
	option(a.Flags&AddressMCAutoJoin != 0, "autojoin")
	option(a.NoTrack, "no_track")
	option(a.UseVMAC, "use_vmac")
	option(a.PreferredLifetime != defaultLifetime(a.Prefix), "preferred_lft", a.PreferredLifetime)
	return words
}

func (p *printer) trackInterfaces(list []TrackInterface) {
	if len(list) == 0 {
		return
	}
	p.open("track_interface")
	for _, t := range list {
		words := []any{quoted(t.Interface)}
		if t.Weight != 0 || t.Reverse {
			words = append(words, "weight", t.Weight)
		}
		if t.Reverse {
			words = append(words, "reverse")
		}
		p.line(words...)
	}
	p.close()
}

func (p *printer) tracking(t *Tracking) {
	for _, l := range []struct {
		name string
		list []Tracked
	}{{"track_script", t.Scripts}, {"track_file", t.Files}, {"track_process", t.Processes}, {"track_bfd", t.BFD}} {
		if len(l.list) == 0 {
			continue
		}
		p.open(l.name)
		for _, x := range l.list {
			direction := "noreverse"
			if x.Reverse {
				direction = "reverse"
			}
			p.line(quoted(x.Name), "weight", x.Weight, direction)
		}
		p.close()
	}
}

func (p *printer) notify(n *Notify) {
	p.script("notify_master", n.Master)
	p.script("notify_backup", n.Backup)
	p.script("notify_fault", n.Fault)
	p.script("notify_stop", n.Stop)
	p.script("notify", n.Any)
	p.script("notify_master_rx_lower_pri", n.MasterRxLowerPrio)
	if len(n.Deleted.Argv) > 0 {
		p.script("notify_deleted", n.Deleted)
	} else {
		p.flag(n.DeletedSet, "notify_deleted")
	}
	p.toggle("smtp_alert", n.Mail)
	p.toggle("notify_priority_changes", n.PriorityChanges)
}

func (p *printer) syncGroup(g *SyncGroup) {
	p.open("vrrp_sync_group", quoted(string(g.Name)))
	p.open("group")
	for _, m := range g.Members {
		p.line(quoted(string(m)))
	}
	p.close()
	p.trackInterfaces(g.TrackInterfaces)
	p.tracking(&g.Tracking)
	p.flag(g.TrackingWeight, "sync_group_tracking_weight")
	p.notify(&g.Notify)
	p.close()
}

func (p *printer) list(name string, words []string) {
	if len(words) == 0 {
		return
	}
	p.open(name)
	for _, w := range words {
		p.line(quoted(w))
	}
	p.close()
}

// ints writes numbers on one line.
func (p *printer) ints(name string, list []int) {
	if len(list) == 0 {
		return
	}
	words := []any{name}
	for _, v := range list {
		words = append(words, v)
	}
	p.line(words...)
}

// mask writes persistence_granularity unless it is the whole address.
func (p *printer) mask(f Family, v uint32) {
	switch {
	case f == IPv6 && v != 128:
		p.line("persistence_granularity", v)
	case f == IPv4 && v != 0xffffffff:
		p.line("persistence_granularity", netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}))
	}
}
