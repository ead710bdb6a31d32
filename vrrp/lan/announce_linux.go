package lan

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/mdlayher/packet"

	"vigil/internal/netio"
)

// announceTimeout bounds how long one announcement may wait for room in the interface's queue.
const announceTimeout = time.Second

// announcer sends announcements from sockets that are opened when first needed, one for each interface and protocol.
// Interfaces do not wait for each other.
type announcer struct {
	mu      sync.Mutex
	senders map[senderKey]*sender
	closed  bool
}

type senderKey struct {
	link      string
	etherType int
}

type sender struct {
	mu    sync.Mutex
	index int          // of the interface when the socket was opened
	conn  *packet.Conn // nil while there is none
}

// Announce implements Network.
func (k *Kernel) Announce(link netio.Link, addr netip.Addr) error {
	if link.NoARP || !link.Ether || len(link.MAC) != macLen {
		return nil
	}
	mac := net.HardwareAddr(link.MAC)
	key, to := senderKey{link.Name, etherTypeARP}, etherBroadcast
	var frame []byte
	var err error
	if addr.Is4() {
		frame, err = gratuitousARP(mac, addr)
	} else {
		key.etherType, to = etherTypeIPv6, etherAllNodes
		frame, err = neighbourAdvert(mac, addr, k.forwards(link.Name))
	}
	if err != nil {
		return err
	}
	s, err := k.announcer.sender(key)
	if err == nil {
		err = s.send(k.Do, key, link, frame, to)
	}
	if err != nil {
		return fmt.Errorf("announce %s on %s: %w", addr, link.Name, err)
	}
	return nil
}

func (a *announcer) sender(key senderKey) (*sender, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, net.ErrClosed
	}
	s := a.senders[key]
	if s == nil {
		if a.senders == nil {
			a.senders = make(map[senderKey]*sender)
		}
		s = new(sender)
		a.senders[key] = s
	}
	return s, nil
}

func (a *announcer) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, s := range a.senders {
		s.mu.Lock()
		s.drop()
		s.mu.Unlock()
	}
}

// send transmits one frame. What the interface went through since the last one is no reason to fail: a socket whose
// interface was down meanwhile carries that error until somebody reads it (packet(7), ENETDOWN), which the first write
// does; and one whose interface was replaced by another of the same name is dead. So what fails is tried once more, and
// then once on a new socket. Closing the old one takes the kernel milliseconds, so that is the last resort.
func (s *sender) send(do func(func() error) error, key senderKey, link netio.Link, frame []byte, to net.HardwareAddr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != link.Index {
		s.drop()
	}
	var err error
	for attempt := range 3 {
		if s.conn == nil {
			if err := s.open(do, key, link); err != nil {
				return err
			}
		}
		if err = s.write(frame, to); err == nil {
			return nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err // the interface's queue is full, and is it for a new socket too
		}
		if attempt > 0 {
			s.drop()
		}
	}
	return err
}

func (s *sender) write(frame []byte, to net.HardwareAddr) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(announceTimeout)); err != nil {
		return err
	}
	_, err := s.conn.WriteTo(frame, &packet.Addr{HardwareAddr: to})
	return err
}

func (s *sender) open(do func(func() error) error, key senderKey, link netio.Link) error {
	filter, err := filterNothing()
	if err != nil {
		return err
	}
	ifi := &net.Interface{Index: link.Index, Name: link.Name, HardwareAddr: net.HardwareAddr(link.MAC)}
	err = do(func() (err error) {
		s.conn, err = packet.Listen(ifi, packet.Raw, key.etherType, &packet.Config{Filter: filter})
		return err
	})
	if err != nil {
		s.conn = nil
		return lacking("CAP_NET_RAW", err)
	}
	s.index = link.Index
	return nil
}

func (s *sender) drop() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// forwards reports whether the interface forwards IPv6, which makes us a router to its neighbours (RFC 4861 §4.4). It
// is read each time, for an operator may change it at any time.
func (k *Kernel) forwards(link string) bool {
	var value []byte
	err := k.Do(func() (err error) {
		value, err = os.ReadFile("/proc/sys/net/ipv6/conf/" + link + "/forwarding")
		return err
	})
	return err == nil && !bytes.Equal(bytes.TrimSpace(value), []byte("0"))
}
