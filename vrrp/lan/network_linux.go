package lan

import (
	"context"
	"net/netip"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/routing"
	"vigil/vrrp/wire"
)

// Network is the kernel as the Runner needs it. OpenKernel returns the real one; a simulated LAN takes its place in
// tests. Except for Watch, every method returns in bounded time. All methods may be called from several goroutines.
type Network interface {
	// Watch sends the state of links and addresses, netio.Synced, and then every change, until ctx ends.
	Watch(ctx context.Context, events chan<- netio.Event) error
	// Listen opens the socket for the virtual routers of one Segment. Packets are given to deliver, from a goroutine
	// that Conn.Close ends and from within Poll, never two at a time; deliver must not block.
	Listen(on Segment, deliver func(Received)) (Conn, error)
	// Link returns the interface with that name, as it is now. The error is netio.ErrNoLink when there is none.
	Link(name string) (netio.Link, error)
	// Carrier asks the driver of an interface whether its link works: with method MII, ETHTOOL or IOCTL, or with the first of
	// the three that the driver understands.
	Carrier(name, method string) (bool, error)
	// Addresses returns the addresses of all interfaces, as they are now.
	Addresses() ([]netio.Address, error)
	// AddAddress and DelAddress change one address; what is already so is a success.
	AddAddress(netio.Address) error
	DelAddress(netio.Address) error
	// Receives reports whether the host takes packets for an IPv6 address that come in on the interface with the index, as it
	// does some time after the address was added.
	Receives(index int, ip netip.Addr) (bool, error)
	// KeepSecondaries has the other addresses of a subnet stay when the first one is removed from a link, or no longer.
	KeepSecondaries(link string, on bool) error
	// AddRoute and AddRule put something into the kernel's tables, DelRoute and DelRule take it out; what is already so is a
	// success. MissingRoutes and MissingRules return those of the list that are not there.
	AddRoute(routing.Route) error
	DelRoute(routing.Route) error
	MissingRoutes([]routing.Route) ([]routing.Route, error)
	AddRule(routing.Rule) error
	DelRule(routing.Rule) error
	MissingRules([]routing.Rule) ([]routing.Rule, error)
	// Announce broadcasts one gratuitous ARP (IPv4) or unsolicited neighbour advertisement (IPv6) for addr. It does
	// nothing on an interface without link-layer addresses.
	Announce(link netio.Link, addr netip.Addr) error
	// Quiet has the machine no longer tell neighbours that it has the addresses, neither when they ask (ARP, neighbour
	// solicitations) nor by asking from them. It goes on to receive what is sent to them. That ends by itself after d, and
	// soon when d is 0, for which nobody waits. PrepareQuiet does beforehand what takes time, and does not wait for it.
	Quiet(addrs []netip.Addr, d time.Duration) error
	PrepareQuiet()
	// PassOn lets TCP connections under way at a hand-over go on at the previous master. PreparePassOn does beforehand
	// what takes time, without waiting for it, and undoes it when nothing follows within the time given.
	PassOn(Move) error
	PreparePassOn(previous netip.Addr, within time.Duration)
	// MakeLink makes an interface for a virtual router, or finds it, gives it and its parent the settings that it needs, and
	// waits a moment for it to be up. It may be called again at any time, and changes what differs. found says that there
	// was one. With an error there may be an interface all the same, which lacks something. The error wraps
	// netio.ErrNoLink without a parent, ErrNotEthernet, or ErrNameTaken.
	MakeLink(VirtualLink) (link netio.Link, found bool, err error)
	// RemoveLink undoes MakeLink. A link that somebody else has made stays.
	RemoveLink(name string) error
	// NoAccept has the host neither accept what is sent to an address nor send from it, but for neighbour discovery. link
	// tells link-local addresses apart. Accept undoes it. PrepareNoAccept does beforehand what takes time.
	NoAccept(addr netip.Addr, link string) error
	Accept(addr netip.Addr, link string) error
	PrepareNoAccept()
	// NotAccepted reports whether NoAccept of the address is in force, as far as WatchFilter has found out, and does not ask the
	// kernel. WatchFilter sends what others have removed of NoAccept and of what virtual links need of the firewall, until ctx ends.
	// The latter it has put back.
	NotAccepted(addr netip.Addr, link string) bool
	WatchFilter(ctx context.Context, losses chan<- FilterLoss)
	// RemoveLeft removes what a process that was killed may have left and nobody knows any more: routes and rules that carry
	// our number and are none of those, which it returns as text, and NoAccept of addresses, if there is none yet of ours.
	RemoveLeft(routes []routing.Route, rules []routing.Rule) ([]string, error)
	// Configure makes what concerns the host as a whole as it is to be.
	Configure(Settings) error
}

// Segment is what virtual routers that share a socket have in common. VRIDs tell them apart.
type Segment struct {
	Link   netio.Link // the zero value = any; with Source that of a VRF
	Source netip.Addr // unicast, without a link of its own: the address that adverts leave from and arrive at
	Family confparse.Family
	Group  netip.Addr // multicast; invalid for the unicast routers of the link
	AH     bool       // for packets with an authentication header, and for no others; IPv4 only
}

// Admission is what a Conn delivers, and how much of it may wait.
type Admission struct {
	VRIDs  []uint8
	Others bool // the first packet of each other VRID too
	Buffer int  // bytes that the kernel keeps for us; 0: its default
}

// Conn is the socket of one Segment.
type Conn interface {
	// Send transmits one advert with the header given. It never blocks: a full queue is an error.
	Send(wire.Advert, wire.IPHeader) error
	// Admit replaces what is delivered; at first it is nothing.
	Admit(Admission) error
	// Poll delivers, before it returns, some of what has been received and not yet delivered, the oldest first, and reports
	// whether that was all. It does not wait for more.
	Poll() (all bool)
	// Close leaves the group and waits until deliver has returned for the last time.
	Close() error
}

// Received is a packet that a Conn admits.
type Received struct {
	Header wire.IPHeader
	Advert wire.Advert     // only VRID and Version are set when Reason is not DropNone
	Reason wire.DropReason // of ParseIPv4 and ParseAdvert
	Queued time.Duration   // since it came, when it is delivered; 0 where that is not known
}
