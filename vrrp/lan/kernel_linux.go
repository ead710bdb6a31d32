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

	"vigil/confparse"
	"vigil/internal/netio"
)

// announceTimeout bounds how long one announcement may wait for room in the interface's queue.
const announceTimeout = time.Second

// Kernel is the real Network: that of the network namespace it was opened in.
type Kernel struct {
	*netio.Handle
	handover handover

	mu      sync.Mutex
	senders map[senderKey]sender
}

// senderKey tells sockets for announcements apart. They are opened when first needed.
type senderKey struct {
	link      string
	etherType int
}

type sender struct {
	index int // of the interface when the socket was opened
	conn  *packet.Conn
}

// OpenKernel returns the Network of the namespace of the calling thread. It needs CAP_NET_ADMIN and CAP_NET_RAW; the
// lack of them shows in the methods' errors.
func OpenKernel() (*Kernel, error) {
	h, err := netio.Open()
	if err != nil {
		return nil, err
	}
	k := &Kernel{Handle: h, senders: make(map[senderKey]sender)}
	k.handover.prepare(k.Do)
	return k, nil
}

// Close releases the sockets, what is left of a hand-over, and the namespace. The Runner must have ended.
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, s := range k.senders {
		_ = s.conn.Close()
		delete(k.senders, key)
	}
	return errors.Join(k.handover.close(), k.Handle.Close())
}

// Listen implements Network.
func (k *Kernel) Listen(on Segment, deliver func(Received)) (conn Conn, err error) {
	listen := func() (Conn, error) { return listen4(on, deliver) }
	if on.Family == confparse.IPv6 {
		listen = func() (Conn, error) { return listen6(on, deliver) }
	}
	err = k.Do(func() (err error) {
		conn, err = listen()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s socket on %s: %w", on.Family, on.Link.Name, err)
	}
	return conn, nil
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
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.transmit(key, link, frame, to); err != nil {
		return fmt.Errorf("announce %s on %s: %w", addr, link.Name, err)
	}
	return nil
}

// transmit sends a frame from the socket for key. A socket dies with its interface; the interface may come back under
// the same name, so a socket of an earlier one is replaced.
func (k *Kernel) transmit(key senderKey, link netio.Link, frame []byte, to net.HardwareAddr) error {
	s, ok := k.senders[key]
	if ok && s.index != link.Index {
		_ = s.conn.Close()
		ok = false
	}
	if !ok {
		var err error
		if s, err = k.open(key, link); err != nil {
			delete(k.senders, key)
			return err
		}
		k.senders[key] = s
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(announceTimeout)); err != nil {
		return err
	}
	_, err := s.conn.WriteTo(frame, &packet.Addr{HardwareAddr: to})
	if err != nil {
		_ = s.conn.Close() // reopened next time, whatever was wrong with it
		delete(k.senders, key)
	}
	return err
}

func (k *Kernel) open(key senderKey, link netio.Link) (sender, error) {
	filter, err := filterNothing()
	if err != nil {
		return sender{}, err
	}
	s := sender{index: link.Index}
	ifi := &net.Interface{Index: link.Index, Name: link.Name, HardwareAddr: net.HardwareAddr(link.MAC)}
	err = k.Do(func() (err error) {
		s.conn, err = packet.Listen(ifi, packet.Raw, key.etherType, &packet.Config{Filter: filter})
		return err
	})
	return s, err
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

var _ Network = (*Kernel)(nil)
