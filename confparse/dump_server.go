package confparse

import (
	"fmt"
	"strings"
	"time"
)

var methodWords = map[Forwarding]string{NAT: "NAT", TUN: "TUN", DR: "DR"}

// method writes a forwarding method with its tunnel.
func (p *printer) method(name string, f Forwarding, t Tunnel) {
	words := []any{name, methodWords[f]}
	if t != (Tunnel{}) {
		words = append(words, "type", [...]string{"ipip", "gue", "gre"}[t.Type])
		if t.Port != 0 {
			words = append(words, "port", t.Port)
		}
		words = append(words, [...]string{"nocsum", "csum", "remcsum"}[t.Flags])
	}
	p.line(words...)
}

func (p *printer) serverGroup(g *VirtualServerGroup) {
	p.open("virtual_server_group", quoted(g.Name))
	for _, e := range g.Entries {
		switch {
		case e.Fwmark != 0 && e.Family != FamilyUnknown:
			p.line("fwmark", e.Fwmark, map[Family]string{IPv4: "inet", IPv6: "inet6"}[e.Family])
		case e.Fwmark != 0:
			p.line("fwmark", e.Fwmark)
		default:
			words := []any{e.First}
			if e.Last != e.First {
				words[0] = e.First.String() + "-" + e.Last.String()
			}
			if e.Port != 0 {
				words = append(words, e.Port)
			}
			p.line(words...)
		}
	}
	p.close()
}

func (p *printer) virtualServer(vs *VirtualServer) {
	switch {
	case vs.ID.Fwmark != 0:
		p.open("virtual_server fwmark", vs.ID.Fwmark)
	case vs.ID.Group != "":
		p.open("virtual_server group", quoted(vs.ID.Group))
	default:
		p.open("virtual_server", vs.ID.Addr, vs.ID.Port)
	}
	if !vs.ID.Addr.IsValid() && vs.ID.Family != FamilyUnknown {
		p.line("ip_family", map[Family]string{IPv4: "inet", IPv6: "inet6"}[vs.ID.Family])
	}
	if vs.ID.Protocol != ProtocolNone {
		p.line("protocol", strings.ToUpper(vs.ID.Protocol.String()))
	}
	p.line("lb_algo", vs.Scheduler)
	p.flag(vs.SchedulerFlags&SchedulerFlag1 != 0, "flag-1")
	p.flag(vs.SchedulerFlags&SchedulerFlag2 != 0, "flag-2")
	p.flag(vs.SchedulerFlags&SchedulerFlag3 != 0, "flag-3")
	p.method("lb_kind", vs.Forwarding, vs.Tunnel)
	p.flag(vs.OnePacket, "ops")
	if vs.PersistenceTimeout > 0 {
		p.seconds("persistence_timeout", vs.PersistenceTimeout)
		p.mask(vs.ID.Family, vs.PersistenceGranularity)
	}
	p.text("persistence_engine", vs.PersistenceEngine)
	p.number("quorum", int64(vs.Quorum), 0)
	p.number("hysteresis", int64(vs.Hysteresis), 0)
	p.flag(vs.Alpha, "alpha")
	p.flag(vs.Omega, "omega")
	p.flag(vs.HASuspend, "ha_suspend")
	p.text("virtualhost", vs.VirtualHost)
	p.text("snmp_name", vs.SNMPName)
	p.toggle("smtp_alert", vs.Mail)
	p.scriptRef("quorum_up", vs.QuorumUp)
	p.scriptRef("quorum_down", vs.QuorumDown)
	if ss := vs.SorryServer; ss != nil {
		p.line("sorry_server", ss.Addr, ss.Port)
		p.method("sorry_server_lvs_method", ss.Forwarding, ss.Tunnel)
		p.flag(ss.Inhibit, "sorry_server_inhibit")
	}
	for _, rs := range vs.RealServers {
		p.realServer(rs)
	}
	p.close()
}

func (p *printer) realServer(rs *RealServer) {
	p.open("real_server", rs.ID.Addr, rs.ID.Port)
	p.line("weight", rs.Weight)
	p.method("lvs_method", rs.Forwarding, rs.Tunnel)
	p.number("uthreshold", int64(rs.UpperThreshold), 0)
	p.number("lthreshold", int64(rs.LowerThreshold), 0)
	p.line("inhibit_on_failure", onOff(rs.InhibitOnFailure))
	p.text("virtualhost", rs.VirtualHost)
	p.text("snmp_name", rs.SNMPName)
	p.toggle("smtp_alert", rs.Mail)
	p.scriptRef("notify_up", rs.NotifyUp)
	p.scriptRef("notify_down", rs.NotifyDown)
	for _, c := range rs.Checkers {
		p.checker(c)
	}
	p.close()
}

func (p *printer) checker(c *Checker) {
	p.open(c.Kind)
	defer p.close()
	if c.Kind != FileCheck {
		p.line("alpha", onOff(c.Alpha))
	}
	if socketKind(c.Kind) {
		p.connect(&c.Connect)
	}
	if socketKind(c.Kind) || c.Kind == MiscCheck {
		p.line("delay_loop", c.DelayLoop)
		p.line("warmup", c.Warmup)
		p.line("retry", c.Retry)
		p.line("delay_before_retry", c.DelayBeforeRetry)
		p.line("log_all_failures", onOff(c.LogAllFailures))
	}
	if c.HTTP != nil {
		p.http(c)
	}
	switch x := c.Detail.(type) {
	case *SMTPDetail:
		p.text("helo_name", x.HELO)
	case *DNSDetail:
		p.line("type", x.Type)
		if x.Name != "." {
			p.text("name", x.Name)
		}
	case *MiscDetail:
		p.line("misc_path", command(x.Script.Argv))
		if w := accountWords(x.Script.Account); w != "" {
			p.line("user" + w)
		}
		if x.Timeout%time.Second == 0 {
			p.seconds("misc_timeout", x.Timeout)
		}
		p.flag(x.Dynamic, "misc_dynamic")
	case *UDPDetail:
		p.udp(x)
	case *FileDetail:
		p.line("track_file", quoted(x.TrackFile))
		if x.Reverse {
			p.line("weight", x.Weight, "reverse")
		} else {
			p.line("weight", x.Weight)
		}
	case *BFDDetail:
		p.line("name", quoted(x.Name))
	}
}

func (p *printer) connect(c *Connect) {
	p.addr("connect_ip", c.Addr)
	p.number("connect_port", int64(c.Port), 0)
	p.addr("bindto", c.BindAddr)
	p.number("bind_port", int64(c.BindPort), 0)
	p.text("bind_if", c.BindInterface)
	p.line("connect_timeout", c.Timeout)
	p.number("fwmark", int64(c.Fwmark), 0)
}

func (p *printer) http(c *Checker) {
	h := c.HTTP
	p.text("virtualhost", h.VirtualHost)
	p.line("http_protocol", [...]string{"1.0", "1.0C", "1.1"}[h.Protocol])
	p.line("fast_recovery", onOff(h.FastRecovery))
	if h.SNIName != "" {
		p.text("sni_name", h.SNIName)
	}
	p.line("enable_sni", onOff(h.SNI))
	if c.Kind == SSLGet {
		p.line("tls_compliant", onOff(h.CloseNotify))
	}
	for _, u := range h.URLs {
		p.open("url")
		p.text("path", u.Path)
		p.text("digest", u.Digest)
		words := []any{"status_code"}
		for _, s := range u.StatusCodes {
			words = append(words, fmt.Sprintf("%d-%d", s.First, s.Last))
		}
		p.line(words...)
		p.text("virtualhost", u.VirtualHost)
		if c.Kind == SSLGet {
			p.line("tls_compliant", onOff(u.CloseNotify))
		}
		p.regex(u.Regex)
		p.close()
	}
}
