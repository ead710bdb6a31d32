package netio

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link is a network interface at one moment.
type Link struct {
	Index int
	Name  string
	Up    bool   // IFF_UP and IFF_RUNNING: administratively up, with carrier
	NoARP bool   // IFF_NOARP: has no neighbours to tell about addresses
	MTU   int    // bytes
	MAC   string // the link-layer address as raw bytes; a string so that Link is comparable
	Ether bool   // 48-bit MAC addresses, Ethernet framing

	Kind   string // of a virtual interface, as ip-link(8) names it: macvlan, ipvlan, vrf…; "" for a device
	Mode   string // of a macvlan or ipvlan: private, bridge, vepa…
	Parent int    // index of the interface that it is on; 0 = none
	Master int    // index of the bridge, bond or VRF that it belongs to; 0 = none
	Group  uint32 // link group
	Alias  string // free text
}

// Links returns every interface, in the kernel's order.
func (h *Handle) Links() ([]Link, error) {
	var all []netlink.Link
	err := h.exchange(func(nl *netlink.Handle) (err error) {
		all, err = nl.LinkList()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	links := make([]Link, 0, len(all))
	for _, l := range all {
		links = append(links, linkFrom(l))
	}
	return links, nil
}

// Link returns the interface with that name. The error is ErrNoLink when there is none.
func (h *Handle) Link(name string) (Link, error) {
	link, err := h.find(func(nl *netlink.Handle) (netlink.Link, error) { return nl.LinkByName(name) })
	// The library also finds interfaces by alternative name; ours are the names the watch reports.
	if err == nil && link.Name != name {
		err = ErrNoLink
	}
	if err != nil {
		return Link{}, fmt.Errorf("look up interface %s: %w", name, err)
	}
	return link, nil
}

// LinkOf returns the interface with that index. The error is ErrNoLink when there is none.
func (h *Handle) LinkOf(index int) (Link, error) {
	link, err := h.find(func(nl *netlink.Handle) (netlink.Link, error) { return nl.LinkByIndex(index) })
	if err != nil {
		return Link{}, fmt.Errorf("look up interface %d: %w", index, err)
	}
	return link, nil
}

// find returns an interface that the library looks up.
func (h *Handle) find(lookUp func(*netlink.Handle) (netlink.Link, error)) (Link, error) {
	var l netlink.Link
	err := h.exchange(func(nl *netlink.Handle) (err error) {
		l, err = lookUp(nl)
		return err
	})
	var missing netlink.LinkNotFoundError
	switch {
	case errors.As(err, &missing), errors.Is(err, unix.ENODEV):
		return Link{}, ErrNoLink
	case err != nil:
		return Link{}, err
	}
	return linkFrom(l), nil
}

func linkFrom(link netlink.Link) Link {
	const up = unix.IFF_UP | unix.IFF_RUNNING
	a := link.Attrs()
	l := Link{
		Index:  a.Index,
		Name:   a.Name,
		Up:     a.RawFlags&up == up,
		NoARP:  a.RawFlags&unix.IFF_NOARP != 0,
		MTU:    a.MTU,
		MAC:    string(a.HardwareAddr),
		Ether:  a.EncapType == "ether",
		Parent: a.ParentIndex,
		Master: a.MasterIndex,
		Group:  a.Group,
		Alias:  a.Alias,
	}
	if kind := link.Type(); kind != "device" {
		l.Kind = kind
	}
	switch v := link.(type) {
	case *netlink.Macvlan:
		l.Mode = macvlanModes[v.Mode]
	case *netlink.IPVlan:
		l.Mode = ipvlanModes[v.Flag]
	}
	return l
}

// SetUp makes an interface take part in the network, or not. That it is so already is a success.
func (h *Handle) SetUp(index int, up bool) error {
	link := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}
	err := h.exchange(func(nl *netlink.Handle) error {
		if up {
			return nl.LinkSetUp(link)
		}
		return nl.LinkSetDown(link)
	})
	if err != nil {
		return fmt.Errorf("set interface %d up %v: %w", index, up, err)
	}
	return nil
}
