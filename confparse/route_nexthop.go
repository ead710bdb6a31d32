package confparse

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse/diag"
)

// NextHop is a gateway of a route.
type NextHop struct {
	Via       netip.Addr // may be of the other family
	Interface string
	OnLink    bool
	Weight    int    // 1..256
	Realms    uint32 // source<<16 | destination
	Encap     Encap
}

// Encap is a lightweight tunnel encapsulation.
type Encap struct {
	Kind     string // ip, ip6, mpls, ila or ""
	ID       uint64
	Dst, Src netip.Addr
	TOS, TTL uint8
	Flags    uint16
	Labels   []uint32 // mpls
	Locator  uint64   // ila
}

// nextHops decodes "nexthop OPTION…", which may repeat up to the end of the line.
func (d *decoder) nextHops(w *words, r *Route) {
	hop := NextHop{Weight: 1}
	drop := false
	end := func() {
		if !drop {
			r.Hops = append(r.Hops, hop)
		}
		hop, drop = NextHop{Weight: 1}, false
	}
	for w.i < len(w.list) {
		t := w.next()
		switch t.Text {
		case "nexthop":
			end()
		case "via":
			if p := w.peek(); p == "inet" || p == "inet6" {
				w.next()
			}
			hop.Via = w.address(t)
		case "dev", "oif":
			hop.Interface = w.device(t)
		case "weight":
			hop.Weight = int(w.number(t, 1, 256))
		case "onlink":
			hop.OnLink = true
		case "realms":
			hop.Realms = w.realms(t)
		case "encap":
			hop.Encap = d.encap(w, t)
		case "as":
			if w.peek() == "to" {
				w.next()
			}
			w.value(t)
			w.fail(t, "'as [to]' (nat) not supported")
		default:
			d.report(w.n, w.n.RangeOf(t), diag.CodeUnknownItemWord, "unknown nexthop option "+t.Text, "")
		}
		if w.bad {
			drop, w.bad = true, false // a bad hop goes, the route stays
		}
	}
	end()
}

// encap decodes "ip|ip6|mpls|ila …".
// locatorOf reads the upper half of an IPv6 address, four groups of hexadecimal digits.
func locatorOf(s string) (uint64, bool) {
	a, err := netip.ParseAddr(s + "::")
	if err != nil || strings.Count(s, ":") != 3 {
		return 0, false
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), true
}

func (d *decoder) encap(w *words, option Token) Encap {
	kind, ok := w.value(option)
	if !ok {
		return Encap{}
	}
	e := Encap{Kind: d.intern(kind.Text)}
	switch kind.Text {
	case "mpls":
		v, ok := w.value(kind)
		for _, s := range strings.Split(v.Text, "/") {
			label, used, _ := parseDigits(s)
			if !ok || used == 0 || used < len(s) || label >= 1<<20 {
				d.report(w.n, w.n.RangeOf(kind), diag.CodeUnknownItemWord, "invalid mpls label "+v.Text, "")
				return Encap{}
			}
			e.Labels = append(e.Labels, uint32(label))
		}
		return e
	case "ila":
		v, ok := w.value(kind)
		locator, valid := locatorOf(v.Text)
		if !ok || !valid {
			d.report(w.n, w.n.RangeOf(kind), diag.CodeUnknownItemWord, "invalid locator "+v.Text, "")
			return Encap{}
		}
		e.Locator = locator
		return e
	case "ip", "ip6":
	default:
		d.report(w.n, w.n.RangeOf(kind), diag.CodeUnknownItemWord, "unknown encap type - "+kind.Text, "")
		return Encap{}
	}
	for w.more() {
		t := w.next()
		switch t.Text {
		case "id":
			v, ok := w.value(t)
			id, err := strconv.ParseUint(v.Text, 10, 64)
			if !ok || err != nil {
				d.report(w.n, w.n.RangeOf(t), diag.CodeUnknownItemWord, "invalid encap id "+v.Text, "")
			}
			e.ID = id
		case "dst":
			e.Dst = w.addressOf(t, kind.Text == "ip6")
		case "src":
			e.Src = w.addressOf(t, kind.Text == "ip6")
		case "tos", "tc":
			e.TOS = uint8(w.named(t, serviceTypes, 255))
		case "ttl", "hoplimit":
			e.TTL = uint8(w.number(t, 0, 255))
		case "flags":
			e.Flags = uint16(w.number(t, 0, 65535))
		default:
			w.i--
			return e
		}
	}
	return e
}

func (l *wordList) hop(h *NextHop) {
	if h.Via.IsValid() {
		family := "inet"
		if h.Via.Is6() {
			family = "inet6"
		}
		l.add(true, "via", family, h.Via)
	}
	l.add(h.Interface != "", "dev", quoted(h.Interface))
	l.add(h.OnLink, "onlink")
	l.add(h.Realms != 0, "realms", fmt.Sprintf("%d/%d", h.Realms>>16, h.Realms&0xffff))
	e := &h.Encap
	switch e.Kind {
	case "ip", "ip6":
		l.add(true, "encap", e.Kind)
		l.add(e.ID != 0, "id", e.ID)
		l.add(e.Dst.IsValid(), "dst", e.Dst)
		l.add(e.Src.IsValid(), "src", e.Src)
		l.add(e.TOS != 0, "tos", e.TOS)
		l.add(e.TTL != 0, "ttl", e.TTL)
		l.add(e.Flags != 0, "flags", e.Flags)
	case "mpls":
		labels := make([]string, 0, len(e.Labels))
		for _, x := range e.Labels {
			labels = append(labels, strconv.FormatUint(uint64(x), 10))
		}
		l.add(true, "encap mpls", strings.Join(labels, "/"))
	case "ila":
		l.add(true, "encap ila", strconv.FormatUint(e.Locator, 16))
	}
}
