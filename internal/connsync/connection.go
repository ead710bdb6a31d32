package connsync

import "net/netip"

// Connection is an IPVS connection, or a template of persistence, as the kernel lists it.
type Connection struct {
	Protocol uint8 // IPPROTO_*; 0 of a template that goes with a firewall mark
	Client   netip.AddrPort
	Virtual  netip.AddrPort // of a template that goes with a firewall mark: see Mark
	Server   netip.AddrPort
	State    uint16 // of the protocol, or of templates
	Template bool   // no connection, but which server the next one of this client goes to
	Expires  uint32 // seconds that are left to it without a packet
	Engine   string // of persistence, such as sip; "" = none
	Data     []byte // what the engine recognizes the client by
}

// Mark returns the firewall mark that a template goes with, 0 if with an address. The kernel has it in the place of the address,
// of either family in the first 32 bits.
func (c *Connection) Mark() uint32 {
	if !c.Template || c.Protocol != 0 {
		return 0
	}
	b := c.Virtual.Addr().AsSlice()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// active reports whether the kernel counts it among the active connections of its server (ipvsadm's ActiveConn).
func (c *Connection) active() bool {
	switch c.Protocol {
	case protocolTCP:
		return c.State == tcpEstablished
	case protocolSCTP:
		return c.State == sctpEstablished
	}
	return false
}

// Protocols of connections, and the states in which they are active.
const (
	protocolTCP  = 6
	protocolUDP  = 17
	protocolSCTP = 132

	tcpEstablished  = 1
	sctpEstablished = 8
)

// states are the names by which the kernel lists the states of a protocol; a state is the place of its name.
var states = map[uint8][]string{
	protocolTCP: {"NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "SYNACK"},
	protocolUDP: {"UDP"},
	protocolSCTP: {"NONE", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT", "COOKIE", "C-ECHOED", "ESTABLISHED", "S-SENT", "S-RECEIVED", "S-ACK-SENT",
		"REJECTED", "CLOSED"},
}

// templateStates are those of templates.
var templateStates = []string{"NONE", "ASSURED"}
