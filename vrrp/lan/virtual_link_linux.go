package lan

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"vigil/internal/netio"
)

// LinkKind is what a virtual link is.
type LinkKind uint8

// The kinds of virtual links.
const (
	NoLink  LinkKind = iota
	Macvlan          // with a MAC address of its own, private
	IPVLAN           // with the MAC address of its parent, in L2 mode
)

func (k LinkKind) String() string { return [...]string{"", "macvlan", "ipvlan"}[k] }

// VirtualLink is an interface that is made for a virtual router.
type VirtualLink struct {
	Kind   LinkKind
	Parent string
	Name   string
	Prefix string // of the name; nothing here depends on it
	MAC    [6]byte
	Mode   string       // of an ipvlan: bridge, private or vepa
	Addr   netip.Prefix // of an ipvlan; invalid = none
	Group  string       // link group; "" = that of the parent

	IPv4, IPv6 bool // what it carries
	LinkLocal  bool // it has the link-local address of its parent
}

var (
	// ErrNotEthernet is the error of a macvlan on an interface that is not Ethernet.
	ErrNotEthernet = errors.New("vmacs are only supported on Ethernet type interfaces")
	// ErrNameTaken is the error of a virtual link whose name another interface has.
	ErrNameTaken = errors.New("interface exists and is another one")
)

// Is reports whether an interface is v: on the parent with that index, and what it should be.
func (v VirtualLink) Is(l netio.Link, parent int) bool {
	if l.Parent != parent || l.Kind != v.Kind.String() {
		return false
	}
	if v.Kind == Macvlan {
		return l.Mode == "private" && l.MAC == string(v.MAC[:])
	}
	return l.Mode == v.Mode
}

// upWait is how long MakeLink waits for a new interface to come up, which the kernel does a moment after it was told.
const upWait = time.Second

// MakeLink implements Network.
func (k *Kernel) MakeLink(v VirtualLink) (link netio.Link, found bool, err error) {
	k.virtual.mu.Lock()
	defer k.virtual.mu.Unlock()
	parent, err := k.Link(v.Parent)
	if err != nil {
		return netio.Link{}, false, err
	}
	if v.Kind == Macvlan && !parent.Ether {
		return netio.Link{}, false, ErrNotEthernet
	}
	link, found, err = k.findOrAdd(v, parent)
	if err != nil {
		return netio.Link{}, false, err
	}
	if err := k.prepareLink(v, &link, parent); err != nil {
		return link, found, fmt.Errorf("prepare %s: %w", v.Name, err)
	}
	return link, found, nil
}

// findOrAdd returns the interface that is v. One that an earlier process has left and that is something else goes.
func (k *Kernel) findOrAdd(v VirtualLink, parent netio.Link) (link netio.Link, found bool, err error) {
	link, err = k.Link(v.Name)
	switch {
	case err == nil && v.Is(link, parent.Index):
		return link, true, nil
	case err == nil && !ownMark(link.Alias):
		return link, false, fmt.Errorf("%s: %w", v.Name, ErrNameTaken)
	case err == nil:
		if err := k.DelLink(link.Index); err != nil {
			return link, false, err
		}
	case !errors.Is(err, netio.ErrNoLink):
		return link, false, err
	}
	wanted := netio.Link{Kind: v.Kind.String(), Name: v.Name, Mode: v.Mode, Parent: parent.Index, MTU: parent.MTU,
		Group: parent.Group, Alias: mark(nil)}
	if v.Kind == Macvlan {
		wanted.MAC, wanted.Mode = string(v.MAC[:]), "private"
	}
	if v.Group != "" {
		if wanted.Group, err = linkGroup(v.Group); err != nil {
			return link, false, err
		}
	}
	if master, err := k.LinkOf(parent.Master); parent.Master > 0 && err == nil && master.Kind == "vrf" {
		wanted.Master = master.Index
	}
	if err := k.AddLink(wanted); err != nil {
		return link, false, err
	}
	link, err = k.Link(v.Name)
	return link, false, err
}

// prepareLink makes everything about the interface as it must be, and it up.
func (k *Kernel) prepareLink(v VirtualLink, link *netio.Link, parent netio.Link) error {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	if v.Kind == Macvlan {
		note(k.virtual.adopt(k, *link, parent, v.IPv4))
		note(k.Set(*link, netio.ARPIgnore, 1))
		if v.IPv4 {
			note(k.Set(*link, netio.AcceptLocal, 1))
			note(k.Set(*link, netio.RPFilter, 0))
			note(k.Set(*link, netio.PromoteSecondaries, 1))
		}
	}
	note(k.EnableIPv6(link.Name, v.IPv6))
	tuned := *link
	tuned.MTU, tuned.Alias = parent.MTU, k.virtual.alias(*link)
	note(k.TuneLink(tuned))
	var local netip.Addr
	if v.LinkLocal {
		var err error
		local, err = k.linkLocal(parent)
		note(err)
	}
	if v.Kind == Macvlan { // before it is up, or a first report would get away
		note(k.Do(func() error { return k.filter.SetVMAC(link.Index, parent.Index, local) }))
		if len(parent.MAC) == 6 {
			k.quiet.rules.Cover(link.Name, [6]byte([]byte(parent.MAC)))
		}
	}
	told := true
	if !link.Up {
		err := k.SetUp(link.Index, true)
		note(err)
		told = err == nil
	}
	if local.IsValid() {
		note(k.setLinkLocal(link.Index, local))
	}
	if v.Addr.IsValid() {
		note(k.AddAddress(netio.Address{Index: link.Index, Prefix: v.Addr}))
	}
	if parent.Up && told {
		for deadline := time.Now().Add(upWait); !link.Up && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if l, err := k.Link(link.Name); err == nil {
				*link = l
			}
		}
	}
	return errors.Join(errs...)
}

// linkGroups is where ip-link(8) has the names of link groups.
const linkGroups = "/etc/iproute2/group"

// linkGroup reads a link group, a number or one of the names.
func linkGroup(s string) (uint32, error) {
	if n, err := strconv.ParseUint(s, 0, 32); err == nil {
		return uint32(n), nil
	}
	for _, file := range []string{linkGroups, "/usr/share/iproute2/group"} {
		if text, err := os.ReadFile(file); err == nil {
			if n, ok := numberOfName(string(text), s); ok {
				return n, nil
			}
		}
	}
	return 0, fmt.Errorf("unknown link group %q", s)
}

// linkLocal returns the link-local address of an interface.
func (k *Kernel) linkLocal(l netio.Link) (netip.Addr, error) {
	all, err := k.Addresses()
	return linkLocalOf(all, l), err
}

// setLinkLocal gives a virtual link the link-local address of its parent, and takes away those that were it before.
func (k *Kernel) setLinkLocal(index int, local netip.Addr) error {
	all, err := k.Addresses()
	if err != nil {
		return err
	}
	there := false
	for _, a := range all {
		ip := a.Prefix.Addr()
		switch {
		case a.Index != index || !ip.IsLinkLocalUnicast() || !ip.Is6() || a.Protocol == netio.Protocol:
		case ip == local:
			there = true
		case a.Prefix.Bits() < 128:
			err = errors.Join(err, k.DelAddress(netio.Address{Index: index, Prefix: a.Prefix}))
		}
	}
	if !there {
		err = errors.Join(err, k.AddLinkLocal(index, local))
	}
	return err
}

// linkLocalOf returns the first link-local address of an interface or, without one, the one that its MAC address gives
// (RFC 4291 appendix A).
func linkLocalOf(all []netio.Address, l netio.Link) netip.Addr {
	for _, a := range all {
		if ip := a.Prefix.Addr(); a.Index == l.Index && ip.Is6() && ip.IsLinkLocalUnicast() && !a.Tentative &&
			a.Protocol != netio.Protocol {
			return ip
		}
	}
	if len(l.MAC) != macLen {
		return netip.Addr{}
	}
	m := l.MAC
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

// RemoveLink implements Network.
func (k *Kernel) RemoveLink(name string) error {
	k.virtual.mu.Lock()
	defer k.virtual.mu.Unlock()
	link, err := k.Link(name)
	if err != nil && !errors.Is(err, netio.ErrNoLink) {
		return err
	}
	if err == nil && Abandoned(link.Alias) { // what is below it is as its process has left it
		if parent, err := k.LinkOf(link.Parent); err == nil {
			_, before, _ := readMark(link.Alias)
			_ = k.virtual.adopt(k, link, parent, len(before) > 0)
		}
	}
	var failed error
	if err == nil && ownMark(link.Alias) { // before its rules, or the groups that it leaves would be reported from it
		failed = k.DelLink(link.Index)
	}
	return errors.Join(failed, k.virtual.forget(k, name))
}
