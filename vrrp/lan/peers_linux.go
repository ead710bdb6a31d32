package lan

import (
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPeers bounds the sockets for single peers: more than any configuration has, less than a process may open.
const maxPeers = 1024

// peers are the sockets to unicast peers, each of which gets one when the common socket has no room for it. What is sent
// to a peer that is down waits in the kernel, for seconds, until its neighbour entry fails, and counts against the buffer
// of the socket. With only one for all, peers that are down would keep the adverts from those that are up, who would take
// over.
type peers struct {
	on      Segment
	do      func(func() error) error // enters the network namespace
	senders map[netip.Addr]sendOnly
}

// sendOnly is a socket that nobody reads from.
type sendOnly struct {
	file *os.File
	sys  syscall.RawConn
}

// open opens the socket for a peer; false when it cannot be had.
func (p *peers) open(f family, peer netip.Addr) (s sendOnly, ok bool) {
	if len(p.senders) >= maxPeers { // of configurations that are no more
		p.close()
	}
	err := p.do(func() (err error) {
		s.file, s.sys, err = openRaw(f, p.on)
		return err
	})
	if err != nil {
		return sendOnly{}, false
	}
	// The filter lets nothing in as it is; this is for what came before it was there.
	_ = control(s.sys, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0) })
	if p.senders == nil {
		p.senders = make(map[netip.Addr]sendOnly)
	}
	p.senders[peer] = s
	return s, true
}

func (p *peers) close() {
	for _, s := range p.senders {
		_ = s.file.Close()
	}
	p.senders = nil
}
