package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"vigil/internal/routing"
)

// AddRule adds a policy rule; one that is there, whoever put it there, is a success.
func (h *Handle) AddRule(r routing.Rule) error {
	err := h.send(unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, ruleMessage(r))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add %s: %w", r, err)
	}
	return nil
}

// DelRule removes a policy rule that carries r.Protocol. One that is not there is a success.
func (h *Handle) DelRule(r routing.Rule) error {
	err := h.send(unix.RTM_DELRULE, 0, ruleMessage(r))
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return fmt.Errorf("delete %s: %w", r, err)
}

// Attributes and flags of linux/fib_rules.h.
const (
	ruleInvert     = 2
	fraDst         = 1
	fraSrc         = 2
	fraIIF         = 3
	fraGoto        = 4
	fraPriority    = 6
	fraMark        = 10
	fraFlow        = 11
	fraTunnelID    = 12
	fraIfGroup     = 13
	fraPrefixLen   = 14
	fraTable       = 15
	fraMask        = 16
	fraOIF         = 17
	fraL3MDev      = 19
	fraUIDs        = 20
	fraProtocol    = 21
	fraIPProto     = 22
	fraSourcePorts = 23
	fraDestPorts   = 24
)

// ruleMessage is r as struct fib_rule_hdr and its attributes.
func ruleMessage(r routing.Rule) []byte {
	family := uint8(unix.AF_INET)
	if r.IPv6 {
		family = unix.AF_INET6
	}
	bits := func(p netip.Prefix) uint8 {
		if !p.IsValid() {
			return 0
		}
		return uint8(p.Bits())
	}
	var flags uint32
	if r.Not {
		flags = ruleInvert
	}
	table := r.Table
	if r.L3MDev || r.Action != routing.ActionTable {
		table = unix.RT_TABLE_UNSPEC
	}
	head := []byte{family, bits(r.To), bits(r.From), r.TOS, smallTable(table), 0, 0, r.Action}
	a := attributes(binary.NativeEndian.AppendUint32(head, flags))
	if bits(r.To) > 0 {
		a.addr(fraDst, r.To.Masked().Addr())
	}
	if bits(r.From) > 0 {
		a.addr(fraSrc, r.From.Masked().Addr())
	}
	a.u32(fraPriority, r.Preference)
	if table > 0 {
		a.u32(fraTable, table)
	}
	if r.MarkSet {
		a.u32(fraMark, r.Mark)
		a.u32(fraMask, r.MarkMask)
	}
	if r.IIF != "" {
		a.text(fraIIF, r.IIF)
	}
	if r.OIF != "" {
		a.text(fraOIF, r.OIF)
	}
	a.act(r)
	if r.TunnelID > 0 {
		a.put(fraTunnelID, binary.BigEndian.AppendUint64(nil, r.TunnelID))
	}
	if r.UIDSet {
		b := binary.NativeEndian.AppendUint32(nil, r.UIDs.First)
		a.put(fraUIDs, binary.NativeEndian.AppendUint32(b, r.UIDs.Last))
	}
	if r.IPProto > 0 {
		a.u8(fraIPProto, r.IPProto)
	}
	a.ports(fraSourcePorts, r.SourcePorts)
	a.ports(fraDestPorts, r.DestPorts)
	if r.Protocol > 0 {
		a.u8(fraProtocol, r.Protocol)
	}
	return a
}

// act puts what belongs to the rule's action.
func (a *attributes) act(r routing.Rule) {
	switch r.Action {
	case routing.ActionGoto:
		a.u32(fraGoto, r.Goto)
	case routing.ActionTable:
		if r.L3MDev {
			a.u8(fraL3MDev, 1)
		}
		if r.Realms > 0 {
			a.u32(fraFlow, r.Realms)
		}
		if r.SuppressLength >= 0 {
			a.u32(fraPrefixLen, uint32(r.SuppressLength))
		}
		if r.SuppressGroup >= 0 {
			a.u32(fraIfGroup, uint32(r.SuppressGroup))
		}
	}
}

func (a *attributes) ports(kind int, r routing.Range) {
	if r == (routing.Range{}) {
		return
	}
	b := binary.NativeEndian.AppendUint16(nil, uint16(r.First))
	a.put(kind, binary.NativeEndian.AppendUint16(b, uint16(r.Last)))
}
