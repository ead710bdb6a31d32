package netio

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tcpListen is the state of a socket that waits for connections (include/net/tcp_states.h).
const tcpListen = 10

// TCPPeers returns the other ends of this host's TCP connections to addresses of its own, also of those that are ending. It is to be
// called in the network namespace that is meant.
func TCPPeers(to []netip.Addr) (peers []netip.AddrPort, err error) {
	own, kinds := make(map[netip.Addr]bool), []uint8{unix.AF_INET6} // in which a socket for both families has those of IPv4, too
	for _, a := range to {
		if own[a.Unmap()] = true; a.Unmap().Is4() {
			kinds = []uint8{unix.AF_INET6, unix.AF_INET}
		}
	}
	for _, kind := range kinds {
		sockets, err := netlink.SocketDiagTCP(kind)
		if err != nil {
			return nil, fmt.Errorf("list TCP connections: %w", err)
		}
		for _, s := range sockets {
			local, _ := netip.AddrFromSlice(s.ID.Source)
			peer, _ := netip.AddrFromSlice(s.ID.Destination)
			if s.State != tcpListen && own[local.Unmap()] {
				peers = append(peers, netip.AddrPortFrom(peer.Unmap(), s.ID.DestinationPort))
			}
		}
	}
	return peers, nil
}
