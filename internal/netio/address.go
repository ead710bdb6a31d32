package netio

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vigil/internal/routing"
)

// Address is an address on an interface at one moment.
type Address struct {
	Index      int // of the interface
	Prefix     netip.Prefix
	Scope      uint8                  // rtnetlink scope: 0 global, 253 link, 254 host
	Label      string                 // IPv4 only
	Broadcast  netip.Addr             // IPv4 only; invalid = none
	Peer       netip.Prefix           // of a point-to-point address; invalid = none
	Protocol   uint8                  // who added it: Protocol for us, 0 when nobody said
	Tentative  bool                   // IPv6: not usable before duplicate address detection has passed
	Options    routing.AddressOptions // to be added with; not told by the kernel
	Deprecated bool                   // IPv6: not chosen as source (preferred lifetime 0)
}

// Addresses returns the addresses of every interface, in the kernel's order, which within an interface is the order
// in which the kernel itself prefers them.
func (h *Handle) Addresses() ([]Address, error) {
	var all []netlink.Addr
	err := h.exchange(func(nl *netlink.Handle) (err error) {
		all, err = nl.AddrList(nil, netlink.FAMILY_ALL)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	addrs := make([]Address, 0, len(all))
	for _, a := range all {
		if addr, ok := addressFrom(a); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs, nil
}

// AddAddress puts a on the interface a.Index, marked with Protocol. Nothing is added to what is written: no broadcast
// address unless there is one; and unless Options say otherwise IPv6 is without duplicate address detection, and an IPv6 host
// address never becomes the source of the machine's own connections. An address that is there already is a success.
func (h *Handle) AddAddress(a Address) error {
	err := h.exchange(func(nl *netlink.Handle) error { return nl.AddrAdd(nil, addressTo(a)) })
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add address: %w", err)
	}
	return nil
}

// Receives reports whether the host takes packets for an IPv6 address that come in on an interface. It does not take them yet when
// AddAddress has returned: the kernel puts the address into use from a queue that waits for its lock.
func (h *Handle) Receives(index int, ip netip.Addr) (bool, error) {
	var routes []netlink.Route
	err := h.exchange(func(nl *netlink.Handle) (err error) {
		routes, err = nl.RouteGetWithOptions(ip.AsSlice(), &netlink.RouteGetOptions{IifIndex: index})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look up %s: %w", ip, err)
	}
	return len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL, nil
}

// DelAddress removes a from the interface a.Index, and nothing else: the other addresses of its subnet stay. An address,
// or an interface, that is not there is a success.
func (h *Handle) DelAddress(a Address) error {
	del := addressTo(a)
	del.Label = "" // the kernel would insist on it; the address is the address whatever its label
	remove := func() error {
		return h.exchange(func(nl *netlink.Handle) error { return nl.AddrDel(nil, del) })
	}
	var err error
	if hasSecondaries(a.Prefix) {
		err = h.promoting(a.Index, remove)
	} else {
		err = remove()
	}
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete address: %w", err)
	}
	return nil
}

// Privileged returns nil if the kernel lets us change addresses, for which it wants CAP_NET_ADMIN. It tries to delete one
// from an interface that cannot exist: permission is the first thing to be checked. It is that of the calling thread.
func (h *Handle) Privileged() error {
	nowhere := addressTo(Address{Index: math.MaxInt32, Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 32)})
	err := h.exchanges.use(h.openExchange, func(nl *netlink.Handle) error { return nl.AddrDel(nil, nowhere) })
	if err == nil || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return fmt.Errorf("change addresses: %w", err)
}

// addressTo translates to the library's type, whose zero values mean other things than "none".
func addressTo(a Address) *netlink.Addr {
	addr := &netlink.Addr{
		IPNet:     ipNet(a.Prefix),
		LinkIndex: a.Index,
		Scope:     int(a.Scope),
		Label:     a.Label,
		Protocol:  Protocol,
	}
	if a.Peer.IsValid() {
		addr.Peer = ipNet(a.Peer)
	}
	if a.Prefix.Addr().Is4() {
		addr.Broadcast = net.IPv4zero // "none"; a nil would make the library invent one
		if a.Broadcast.Is4() {
			addr.Broadcast = a.Broadcast.AsSlice()
		}
	} else if !a.Options.Detect {
		addr.Flags = unix.IFA_F_NODAD
	}
	addr.Flags |= int(a.Options.Flags)
	if a.Options.Preferred || a.Prefix.Addr().Is6() && a.Prefix.IsSingleIP() {
		// Valid forever. The lifetimes are sent only when one of them is above 0.
		forever := uint32(math.MaxUint32)
		addr.ValidLft, addr.PreferedLft = int(forever), int(a.Options.Lifetime)
	}
	return addr
}

func addressFrom(a netlink.Addr) (Address, bool) {
	prefix, ok := prefixOf(a.IPNet)
	if !ok {
		return Address{}, false
	}
	addr := Address{
		Index:      a.LinkIndex,
		Prefix:     prefix,
		Scope:      uint8(a.Scope),
		Label:      a.Label,
		Protocol:   uint8(a.Protocol),
		Tentative:  a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 && a.Flags&unix.IFA_F_OPTIMISTIC == 0,
		Deprecated: a.Flags&unix.IFA_F_DEPRECATED != 0,
	}
	if b, ok := netip.AddrFromSlice(a.Broadcast); ok {
		addr.Broadcast = b.Unmap()
	}
	if peer, ok := prefixOf(a.Peer); ok {
		addr.Peer = peer
	}
	return addr, true
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(n.IP)
	if !ok {
		return netip.Prefix{}, false
	}
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(ip, bits), true
}
