// Package realserver prepares a machine to be a real server behind a director: for direct routing it has the virtual addresses
// without answering or announcing them by ARP, behind a tunnel it unpacks what the director sends as well.
package realserver

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Wanted is what a real server is to have.
type Wanted struct {
	Addresses []netip.Addr // the virtual ones
	Tunnel    bool         // packets come in IPIP, or IPv6 in IPv6
}

// The kernel's own interfaces for packets that were sent to it in a tunnel, whoever sent them.
const (
	tunnel4 = "tunl0"
	tunnel6 = "ip6tnl0"
)

// modules have the tunnel interfaces.
var modules = map[string]string{tunnel4: "ipip", tunnel6: "ip6_tunnel"}

// tunnels are the interfaces that packets for the addresses come out of.
func (w Wanted) tunnels() []string {
	names := map[string]bool{}
	for _, a := range w.Addresses {
		if !w.Tunnel {
			break
		}
		if a.Is4() {
			names[tunnel4] = true
		} else {
			names[tunnel6] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// settings are the sysctls, by their path below /proc/sys. An address on lo is nobody's business but the director's: it must not
// be answered for (arp_ignore 1: only for addresses of the interface that is asked) nor be named as the sender of a question
// (arp_announce 2: always the best address of the interface). IPv6 does neither. What comes out of a tunnel has a client as its
// sender, to whom the way back is another: rp_filter 2 asks only for some way back, whatever the value of all.
func (w Wanted) settings() map[string]string {
	out := map[string]string{}
	if slices.ContainsFunc(w.Addresses, netip.Addr.Is4) {
		out["net/ipv4/conf/all/arp_ignore"] = "1"
		out["net/ipv4/conf/all/arp_announce"] = "2"
	}
	if slices.Contains(w.tunnels(), tunnel4) {
		out["net/ipv4/conf/"+tunnel4+"/rp_filter"] = "2"
	}
	return out
}

// prefix is an address as it is on lo: of no network.
func prefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// found is what apply has changed: the settings as they were, the addresses that it added and the interfaces that it set up.
type found struct {
	Settings  map[string]string `json:"settings"`
	Addresses []netip.Addr      `json:"addresses"`
	Tunnels   []string          `json:"tunnels"`
	Kept      []netip.Addr      `json:"kept"` // there before, and left at undo
}

// has reports whether an address was applied and not undone since.
func (f *found) has(a netip.Addr) bool {
	return slices.Contains(f.Addresses, a) || slices.Contains(f.Kept, a)
}

// remove forgets an address and reports whether it was added.
func (f *found) remove(a netip.Addr) (added bool) {
	added = slices.Contains(f.Addresses, a)
	is := func(b netip.Addr) bool { return b == a }
	f.Addresses, f.Kept = slices.DeleteFunc(f.Addresses, is), slices.DeleteFunc(f.Kept, is)
	return added
}

func (f *found) empty() bool { return len(f.Addresses) == 0 && len(f.Kept) == 0 }

// complaint says what of a setting is not as wanted.
func complaint(path, is, want string) string {
	return fmt.Sprintf("/proc/sys/%s is %s, must be %s", path, is, want)
}
