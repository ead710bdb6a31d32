package netio

import "net/netip"

// Event is a change of links, addresses, routes or rules, as Watch reports it.
type Event interface{ event() }

// LinkChanged reports an interface that is new or has other attributes. A renamed interface is first reported as
// LinkGone under its old name; its addresses stay what they are, they belong to the index.
type LinkChanged struct{ Link Link }

// LinkGone reports a name that no longer exists. Unless it is a renaming, the addresses have been reported gone before.
// An interface that is created again has another index.
type LinkGone struct{ Link Link }

// AddressChanged reports an address that is new or has other attributes.
type AddressChanged struct{ Address Address }

// AddressGone reports an address that is no longer there.
type AddressGone struct{ Address Address }

// IPv6On reports that IPv6 has begun on an interface: it was switched on (disable_ipv6), or the MTU has become large enough
// for it.
type IPv6On struct{ Index int }

// RouteGone reports that a route of ours, with the number Protocol, has gone or that somebody's route to the same
// destination has been put in another's place. Which one it was, or whether there is another, MissingRoutes tells.
type RouteGone struct{ Dest netip.Prefix }

// RuleGone reports that a policy rule of that preference has gone.
type RuleGone struct {
	Preference uint32
	IPv6       bool
}

// Synced says that everything reported so far is the kernel's whole state. Cause is nil the first time; later it is
// why the watch had to read everything again (the differences have been reported before it).
type Synced struct{ Cause error }

func (LinkChanged) event()    {}
func (LinkGone) event()       {}
func (AddressChanged) event() {}
func (AddressGone) event()    {}
func (IPv6On) event()         {}
func (RouteGone) event()      {}
func (RuleGone) event()       {}
func (Synced) event()         {}
