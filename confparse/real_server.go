package confparse

import (
	"net/netip"
	"time"
)

// SorryServer is sorry_server with its modifiers.
type SorryServer struct {
	Range      Range
	Addr       netip.Addr
	Port       uint16
	Forwarding Forwarding
	Inhibit    bool
	Tunnel     Tunnel
}

// RealServer is a real_server block.
type RealServer struct {
	Range Range
	ID    RealServerID

	Forwarding       Forwarding
	Weight           int32
	UpperThreshold   uint32
	LowerThreshold   uint32
	InhibitOnFailure bool
	VirtualHost      string
	Checkers         []*Checker

	Tunnel     Tunnel
	SNMPName   string
	Mail       Switch // smtp_alert
	NotifyUp   *Script
	NotifyDown *Script
}

// timing is what virtual servers, real servers and checkers hand down.
type timing struct {
	delayLoop, connectTimeout, retryDelay, warmup opt[time.Duration]
	retry                                         opt[uint32]
}

// inherit fills what t lacks from outer.
func (t *timing) inherit(outer *timing) {
	t.delayLoop.inherit(outer.delayLoop)
	t.connectTimeout.inherit(outer.connectTimeout)
	t.retryDelay.inherit(outer.retryDelay)
	t.warmup.inherit(outer.warmup)
	t.retry.inherit(outer.retry)
}

// realScratch is a real_server in the making.
type realScratch struct {
	*RealServer
	timing
	node           *Node
	method         opt[Forwarding]
	tunnel         opt[Tunnel]
	weight         opt[int32]
	inhibit, alpha opt[bool]
	port           uint16
	firstChecker   int // in decoder.checkers
	lastChecker    int
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
