package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vigil/internal/routing"
)

// AddRoute puts r into its table; one that is there is a success. The error is ErrNoLink for a name that no interface has;
// the kernel refuses a gateway that it cannot reach with ENETUNREACH.
func (h *Handle) AddRoute(r routing.Route) error {
	msg, err := routeMessage(r, h.linkNumber, h.vrfTable)
	if err == nil {
		flags := map[routing.Position]int{routing.Append: unix.NLM_F_APPEND, routing.Only: unix.NLM_F_EXCL}[r.Position]
		err = h.send(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|flags, msg)
	}
	if errors.Is(err, unix.EEXIST) {
		// Another one of the same destination and metric is in the way, unless it is the very same.
		if missing, lookErr := h.MissingRoutes([]routing.Route{r}); lookErr == nil && len(missing) == 0 {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("add route %s: %w", r, err)
	}
	return nil
}

// DelRoute removes r, and no route that differs in what r says. One that is not there, its interface included, is a
// success; so is one whose interface has another name meanwhile, which it is removed from.
func (h *Handle) DelRoute(r routing.Route) error {
	anywhere := func(name string) (int, error) {
		index, err := h.linkNumber(name)
		if errors.Is(err, ErrNoLink) {
			return 0, nil
		}
		return index, err
	}
	msg, err := routeMessage(r, anywhere, h.vrfTable)
	if err == nil {
		err = h.send(unix.RTM_DELROUTE, 0, msg)
	}
	if err == nil || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV) || errors.Is(err, ErrNoLink) ||
		errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
		return nil
	}
	return fmt.Errorf("delete route %s: %w", r, err)
}

// send sends one request about a route or a rule and returns the kernel's answer.
func (h *Handle) send(kind, flags int, msg []byte) error {
	req := nl.NewNetlinkRequest(kind, flags|unix.NLM_F_ACK)
	req.AddRawData(msg)
	_, err := h.request(req, 0)
	return err
}

// linkNumber returns the index of an interface. Unlike Link it does not wait for the lock that the kernel has over all
// interfaces.
func (h *Handle) linkNumber(name string) (index int, err error) {
	req, err := unix.NewIfreq(name)
	if err == nil {
		err = h.requests.use(h.openRequest, func(s *nl.SocketHandle) error {
			return unix.IoctlIfreq(s.Socket.GetFd(), unix.SIOCGIFINDEX, req)
		})
	}
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL) { // no name of an interface is that long
		err = ErrNoLink
	}
	if err != nil {
		return 0, fmt.Errorf("look up interface %s: %w", name, err)
	}
	return int(req.Uint32()), nil
}

// vrfTable returns the table of the VRF with that name.
func (h *Handle) vrfTable(name string) (table uint32, err error) {
	err = h.exchange(func(nl *netlink.Handle) error {
		l, err := nl.LinkByName(name)
		var missing netlink.LinkNotFoundError
		if errors.As(err, &missing) {
			return ErrNoLink
		}
		if vrf, ok := l.(*netlink.Vrf); ok && err == nil {
			table = vrf.Table
		}
		return err
	})
	if err == nil && table == 0 {
		err = errors.New("not a VRF")
	}
	if err != nil {
		err = fmt.Errorf("vrf %s: %w", name, err)
	}
	return table, err
}

// attributes builds the rtnetlink attributes of a message.
type attributes []byte

func (a *attributes) put(kind int, value []byte) {
	b := binary.NativeEndian.AppendUint16(*a, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, uint16(kind))
	b = append(b, value...)
	*a = append(b, make([]byte, -len(value)&3)...)
}

func (a *attributes) u32(kind int, v uint32) { a.put(kind, binary.NativeEndian.AppendUint32(nil, v)) }
func (a *attributes) u16(kind int, v uint16) { a.put(kind, binary.NativeEndian.AppendUint16(nil, v)) }
func (a *attributes) u8(kind int, v uint8)   { a.put(kind, []byte{v}) }
func (a *attributes) text(kind int, s string) {
	a.put(kind, append([]byte(s), 0))
}

// addr puts an address if there is one.
func (a *attributes) addr(kind int, ip netip.Addr) {
	if ip.IsValid() {
		a.put(kind, ip.AsSlice())
	}
}

func familyOf(ip netip.Addr) uint8 {
	if ip.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// smallTable is what the header says of a table: those above 255 are in an attribute only.
func smallTable(table uint32) uint8 {
	if table < 256 {
		return uint8(table)
	}
	return unix.RT_TABLE_UNSPEC
}

// Attributes and flags of linux/rtnetlink.h that the unix package lacks.
const (
	rtaVia          = 18
	rtaPref         = 20
	rtaExpires      = 23
	rtaTTLPropagate = 26
	rtaxLock        = 1
	rtaxCongestion  = 16
)

// routeMessage is r as struct rtmsg and its attributes. number finds an interface's index, and vrf a VRF's table.
func routeMessage(r routing.Route, number func(string) (int, error), vrf func(string) (uint32, error)) ([]byte, error) {
	table := r.Table
	if r.VRF != "" {
		var err error
		if table, err = vrf(r.VRF); err != nil {
			return nil, err
		}
	}
	dest := r.Dest.Masked()
	var flags uint32
	if r.Hop.OnLink {
		flags = unix.RTNH_F_ONLINK
	}
	from := 0
	if r.From.IsValid() {
		from = r.From.Bits()
	}
	head := []byte{familyOf(dest.Addr()), uint8(dest.Bits()), uint8(from), r.TOS, smallTable(table), r.Protocol, r.Scope, r.Type}
	a := attributes(binary.NativeEndian.AppendUint32(head, flags))
	if dest.Bits() > 0 {
		a.addr(unix.RTA_DST, dest.Addr())
	}
	if from > 0 {
		a.addr(unix.RTA_SRC, r.From.Masked().Addr())
	}
	a.u32(unix.RTA_TABLE, table)
	a.addr(unix.RTA_PREFSRC, r.Source)
	if r.MetricSet {
		a.u32(unix.RTA_PRIORITY, r.Metric)
	}
	if err := a.hop(r.Hop, dest.Addr(), number, true); err != nil {
		return nil, err
	}
	if err := a.multipath(routing.List(r.Hops), dest.Addr(), number); err != nil {
		return nil, err
	}
	if m := metricAttributes(r); len(m) > 0 {
		a.put(unix.RTA_METRICS, m)
	}
	if r.Expires > 0 {
		a.u32(rtaExpires, r.Expires)
	}
	if r.Preference > 0 {
		a.u8(rtaPref, uint8(r.Preference-1))
	}
	if r.Propagate != routing.PropagateUnset {
		a.u8(rtaTTLPropagate, map[routing.Propagate]uint8{routing.PropagateOn: 1}[r.Propagate])
	}
	return a, nil
}

// hop puts where packets go. Of a multipath route the interface stands elsewhere.
func (a *attributes) hop(h routing.NextHop, dest netip.Addr, number func(string) (int, error), link bool) error {
	switch {
	case !h.Via.IsValid():
	case h.Via.Is4() == dest.Is4():
		a.addr(unix.RTA_GATEWAY, h.Via)
	default:
		a.put(rtaVia, append(binary.NativeEndian.AppendUint16(nil, uint16(familyOf(h.Via))), h.Via.AsSlice()...))
	}
	if link && h.Link != "" {
		index, err := number(h.Link)
		if err != nil {
			return err
		}
		if index > 0 {
			a.u32(unix.RTA_OIF, uint32(index))
		}
	}
	if h.Realms > 0 {
		a.u32(unix.RTA_FLOW, h.Realms)
	}
	return a.encap(h.Encap)
}

// multipath puts the next hops, each a struct rtnexthop and its attributes.
func (a *attributes) multipath(hops []routing.NextHop, dest netip.Addr, number func(string) (int, error)) error {
	var all []byte
	for _, h := range hops {
		var own attributes
		if err := own.hop(h, dest, number, false); err != nil {
			return err
		}
		index := 0
		if h.Link != "" {
			var err error
			if index, err = number(h.Link); err != nil {
				return err
			}
		}
		flags := uint8(0)
		if h.OnLink {
			flags = unix.RTNH_F_ONLINK
		}
		all = binary.NativeEndian.AppendUint16(all, uint16(unix.SizeofRtNexthop+len(own)))
		all = append(all, flags, uint8(max(h.Weight, 1)-1))
		all = binary.NativeEndian.AppendUint32(all, uint32(index))
		all = append(all, own...)
	}
	if len(all) > 0 {
		a.put(unix.RTA_MULTIPATH, all)
	}
	return nil
}

func metricAttributes(r routing.Route) []byte {
	var a attributes
	locked := r.Metrics.Locked
	if r.CongestionLocked {
		locked |= 1 << rtaxCongestion
	}
	if locked > 0 {
		a.u32(rtaxLock, locked)
	}
	for code, v := range r.Metrics.Values {
		if r.Metrics.Set&(1<<code) != 0 {
			a.u32(code, v)
		}
	}
	if r.Congestion != "" {
		a.text(rtaxCongestion, r.Congestion)
	}
	return a
}

// Attributes of the kinds of encapsulation: linux/lwtunnel.h, linux/mpls_iptunnel.h, linux/ila.h.
const (
	encapID     = 1
	encapDst    = 2
	encapSrc    = 3
	encapTTL    = 4
	encapTOS    = 5
	encapFlags  = 6
	mplsDst     = 1
	ilaLocator  = 1
	mplsLabelAt = 12
	mplsBottom  = 1 << 8
)

// encap puts an encapsulation, if there is one.
func (a *attributes) encap(e routing.Encap) error {
	var own attributes
	switch e.Kind {
	case routing.EncapNone:
		return nil
	case routing.EncapMPLS:
		labels := strings.Split(e.Labels, "/")
		var stack []byte
		for i, s := range labels {
			label, err := strconv.ParseUint(s, 10, 20)
			if err != nil {
				return fmt.Errorf("mpls label: %w", err)
			}
			entry := uint32(label) << mplsLabelAt
			if i == len(labels)-1 {
				entry |= mplsBottom
			}
			stack = binary.BigEndian.AppendUint32(stack, entry)
		}
		own.put(mplsDst, stack)
	case routing.EncapILA:
		own.put(ilaLocator, binary.BigEndian.AppendUint64(nil, e.Locator))
	default:
		own.put(encapID, binary.BigEndian.AppendUint64(nil, e.ID))
		own.addr(encapDst, e.Dst)
		own.addr(encapSrc, e.Src)
		own.u8(encapTOS, e.TOS)
		if e.TTL > 0 {
			own.u8(encapTTL, e.TTL)
		}
		if e.Flags > 0 {
			own.put(encapFlags, binary.BigEndian.AppendUint16(nil, e.Flags))
		}
	}
	a.u16(unix.RTA_ENCAP_TYPE, uint16(e.Kind))
	a.put(unix.RTA_ENCAP|unix.NLA_F_NESTED, own)
	return nil
}
