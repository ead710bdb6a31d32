package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// macvlanModes and ipvlanModes are the words of ip-link(8).
var (
	macvlanModes = map[netlink.MacvlanMode]string{
		netlink.MACVLAN_MODE_PRIVATE: "private", netlink.MACVLAN_MODE_VEPA: "vepa", netlink.MACVLAN_MODE_BRIDGE: "bridge",
		netlink.MACVLAN_MODE_PASSTHRU: "passthru", netlink.MACVLAN_MODE_SOURCE: "source",
	}
	ipvlanModes = map[netlink.IPVlanFlag]string{
		netlink.IPVLAN_FLAG_BRIDGE: "bridge", netlink.IPVLAN_FLAG_PRIVATE: "private", netlink.IPVLAN_FLAG_VEPA: "vepa",
	}
)

// AddLink makes a macvlan or an ipvlan (in L2 mode): Kind, Name, Mode, Parent, MAC, MTU, Master, Group and Alias of l, of
// which the zero values leave the kernel its own. It is down, and will not give itself IPv6 addresses. The error wraps
// fs.ErrExist when there is an interface of that name.
func (h *Handle) AddLink(l Link) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = l.Name, l.Parent, net.HardwareAddr(l.MAC)
	attrs.MTU, attrs.Group = l.MTU, l.Group
	var link netlink.Link
	switch l.Kind {
	case "macvlan":
		link = &netlink.Macvlan{LinkAttrs: attrs, Mode: keyOfWord(macvlanModes, l.Mode)}
	case "ipvlan":
		attrs.HardwareAddr = nil
		link = &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2, Flag: keyOfWord(ipvlanModes, l.Mode)}
	default:
		return fmt.Errorf("add interface %s: unknown kind %q", l.Name, l.Kind)
	}
	err := h.exchange(func(nl *netlink.Handle) error {
		if err := nl.LinkAdd(link); err != nil {
			return err
		}
		made, err := nl.LinkByName(l.Name)
		if err != nil {
			return err
		}
		err = ignoreNoIPv6(nl.LinkSetIP6AddrGenMode(made, addrGenNone))
		if l.Master > 0 {
			err = errors.Join(err, nl.LinkSetMasterByIndex(made, l.Master))
		}
		if l.Alias != "" {
			err = errors.Join(err, nl.LinkSetAlias(made, l.Alias))
		}
		if err != nil {
			err = errors.Join(err, nl.LinkDel(made))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("add interface %s: %w", l.Name, err)
	}
	return nil
}

// addrGenNone is IN6_ADDR_GEN_MODE_NONE of linux/if_link.h.
const addrGenNone = 1

// ignoreNoIPv6 drops the errors of a kernel without IPv6.
func ignoreNoIPv6(err error) error {
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

func keyOfWord[K comparable](words map[K]string, word string) (key K) {
	for k, w := range words {
		if w == word {
			key = k
		}
	}
	return key
}

// TuneLink gives a virtual interface the MTU, the Group and the Alias of l, and keeps it from giving itself IPv6 addresses.
// What is so already is not touched.
func (h *Handle) TuneLink(l Link) error {
	device := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: l.Index, Name: l.Name}}
	err := h.exchange(func(nl *netlink.Handle) error {
		is, err := nl.LinkByIndex(l.Index)
		if err != nil {
			return err
		}
		err = ignoreNoIPv6(nl.LinkSetIP6AddrGenMode(device, addrGenNone))
		if a := is.Attrs(); l.MTU > 0 && a.MTU != l.MTU {
			err = errors.Join(err, nl.LinkSetMTU(device, l.MTU))
		}
		if is.Attrs().Alias != l.Alias {
			err = errors.Join(err, nl.LinkSetAlias(device, l.Alias))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("change interface %s: %w", l.Name, err)
	}
	return nil
}

// DelLink removes a virtual interface. One that is not there is a success.
func (h *Handle) DelLink(index int) error {
	device := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}
	err := h.exchange(func(nl *netlink.Handle) error { return nl.LinkDel(device) })
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete interface %d: %w", index, err)
	}
	return nil
}

// AddLinkLocal gives an interface the link-local address of another one, to send from: without duplicate address
// detection, never chosen by itself, and without our mark. One that is there is a success.
func (h *Handle) AddLinkLocal(index int, ip netip.Addr) error {
	a := addressTo(Address{Index: index, Prefix: netip.PrefixFrom(ip, 128)})
	a.IPNet, a.Protocol = ipNet(netip.PrefixFrom(ip, linkLocalBits)), 0
	err := h.exchange(func(nl *netlink.Handle) error { return nl.AddrAdd(nil, a) })
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add link-local address: %w", err)
	}
	return nil
}

// linkLocalBits is the length of the prefix of link-local addresses (RFC 4291 §2.5.6).
const linkLocalBits = 64
