// Package announce keeps addresses on interfaces of this machine for as long as they are wanted there. A routing daemon that exports
// the addresses of such an interface, a dummy as a rule, then tells other routers of them, and takes them back: the announcements of
// anycast, without a word of a routing protocol in this program.
//
// Who wants an address, and why, is told by Keeper.Set and Keeper.Want; it knows nothing of virtual servers.
package announce
