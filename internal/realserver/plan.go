// Package realserver prepares a machine to be a real server behind a director: for direct routing it has the virtual addresses
// without answering for them or announcing them by ARP, behind a tunnel it unpacks what the director sends as well.
package realserver

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"vigil/internal/netio"
)

// Wanted is what a real server is to have.
type Wanted struct {
	Addresses []netip.Addr // the virtual ones
	Tunnel    Tunnel
	GUEPort   uint16 // of GUE
}

// place is the interface that an address is to be on: lo, or the one that packets for it come out of. The kernel drops what comes out
// of an interface without an address wherever it checks the way back.
func (w Wanted) place(a netip.Addr) string { return w.Tunnel.exit(a) }

// tunnels are the interfaces that packets for the addresses come out of.
func (w Wanted) tunnels() []string {
	names := map[string]bool{}
	for _, a := range w.Addresses {
		if w.Tunnel != NoTunnel {
			names[w.place(a)] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// settings are the sysctls, by their path below /proc/sys. The address is nobody's business but the director's: it must not
// be answered for (arp_ignore 1: only for addresses of the interface that is asked) nor be named as the sender of a question
// (arp_announce 2: always the best address of the interface). IPv6 does neither. What comes out of a tunnel has a client as its
// sender, to whom the way back is another: rp_filter 2 asks only for some way back, whatever the value of all.
func (w Wanted) settings() map[string]string {
	out := map[string]string{}
	if slices.ContainsFunc(w.Addresses, netip.Addr.Is4) {
		out["net/ipv4/conf/all/arp_ignore"] = "1"
		out["net/ipv4/conf/all/arp_announce"] = "2"
	}
	for _, name := range w.tunnels() {
		if name == ipip4 || name == gre4 {
			out["net/ipv4/conf/"+name+"/rp_filter"] = "2"
		}
	}
	return out
}

// prefix is an address as it is put on an interface: of no network.
func prefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// found is what apply has come upon and changed.
type found struct {
	Settings  map[string]string `json:"settings"`  // as they were
	Addresses []placed          `json:"addresses"` // applied and not undone
	Tunnels   []string          `json:"tunnels"`   // that were not up
	Ports     []netio.GUEPort   `json:"ports"`     // that were not unpacked
}

// placed is an address on an interface. One that was there before is left there.
type placed struct {
	Address   netip.Addr `json:"address"`
	Interface string     `json:"interface"`
	Before    bool       `json:"before"`
}

// has reports whether an address was applied on an interface and not undone since.
func (f *found) has(a netip.Addr, ifname string) bool {
	return slices.ContainsFunc(f.Addresses, func(p placed) bool { return p.Address == a && p.Interface == ifname })
}

// take forgets an address and returns where it was.
func (f *found) take(a netip.Addr) (where []placed) {
	f.Addresses = slices.DeleteFunc(f.Addresses, func(p placed) bool {
		if p.Address == a {
			where = append(where, p)
		}
		return p.Address == a
	})
	return where
}

// complaint says what of a setting is not as wanted.
func complaint(path, is, want string) string {
	return fmt.Sprintf("/proc/sys/%s is %s, must be %s", path, is, want)
}
