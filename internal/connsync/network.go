package connsync

import (
	"io"
	"net/netip"
	"time"
)

// Spec is where directors tell each other of connections. The zero value: nowhere.
type Spec struct {
	Interface string
	Group     netip.AddrPort // of the kernel's messages; signals go to the next port
	ID        uint8          // syncid
	TTL       uint8
	MaxLen    int           // of a message, bytes; 0 = what fits the interface
	Wait      time.Duration // sync_wait: how long nobody may answer
}

// Exists reports whether there is anywhere to ask.
func (s Spec) Exists() bool { return s.Interface != "" }

// Network is the kernel seam of an Exchange.
type Network interface {
	// Listing opens the list of the kernel's connections, as /proc/net/ip_vs_conn is written.
	Listing() (io.ReadCloser, error)
	// Listen joins the group. deliver is called with every signal from the interface, one at a time.
	Listen(s Spec, deliver func(Signal)) (Conn, error)
	// Close releases the network. What is open stays so.
	Close() error
}

// Conn is a joined group. Its methods may be called from any goroutine, but for Tell.
type Conn interface {
	// Tell sends a message to the kernels of the group.
	Tell(message []byte) error
	// Signal sends one to the other directors.
	Signal(Signal) error
	// Unread tells what the own kernel has yet to read of what others have told it.
	Unread() (Unread, error)
	// Room is the most bytes that a message may have.
	Room() int
	// Close ends it, and with it the calls of deliver.
	Close() error
}

// Unread is the state of the socket at which the own kernel's backup daemon listens. The zero value: there is none.
type Unread struct {
	Known bool
	Bytes uint64 // that wait
	Lost  uint64 // messages that found no room, since it listens
}
