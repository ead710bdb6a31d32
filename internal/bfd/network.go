package bfd

import (
	"io"
	"net/netip"
)

// Network is what a Runner needs of the kernel. OpenNetwork returns the real one.
type Network interface {
	// Listen opens a port. deliver is called, never twice at a time, with each datagram, whose payload is only lent.
	Listen(p Port, deliver func(Datagram)) (Listener, error)
	// Dial opens what sends for a session, from a port of its own.
	Dial(SessionSpec) (Conn, error)
}

// Port is where sessions are listened for.
type Port struct {
	Six      bool // IPv6
	Multihop bool
}

// The ports of RFC 5881 §4 and RFC 5883 §5.
const (
	singleHopPort = 3784
	multihopPort  = 4784
)

func (p Port) number() uint16 {
	if p.Multihop {
		return multihopPort
	}
	return singleHopPort
}

// network is the name of the package net.
func (p Port) network() string {
	if p.Six {
		return "udp6"
	}
	return "udp4"
}

func (s SessionSpec) port() Port { return Port{Six: s.Neighbor.Is6(), Multihop: s.Multihop} }

// Listener is an open port.
type Listener interface {
	// Pending reports that something has arrived that has not been delivered.
	Pending() bool
	io.Closer // waits for deliver to return
}

// Conn sends for one session. Send never waits.
type Conn interface {
	Send(payload []byte, to netip.Addr) error
	io.Closer
}
