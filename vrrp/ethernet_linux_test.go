package vrrp

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"vigil/internal/netio"
	"vigil/internal/routing"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// ethernet is a simulated Ethernet. Adverts cross it as the bytes of real packets, in no time.
type ethernet struct {
	mu     sync.Mutex
	hosts  []*host
	record func(from *host, packet []byte) // is called with every packet; nil = nobody looks
}

// host is a simulated machine with interfaces: the Network of one Runner.
type host struct {
	lan *ethernet

	mu         sync.Mutex
	links      []netio.Link
	addrs      []netio.Address
	routes     []routing.Route
	rules      []routing.Rule
	unreadable error // of MissingRoutes
	watchers   []*hostWatch
	conns      []*hostConn
	log        []string                            // what was done to the kernel, in order
	refuse     func(op string, a netip.Addr) error // may fail or delay an operation
	quiet      map[netip.Addr]bool                 // what it does not answer for
	deaf       error                               // of Quiet
	held       func(read func())                   // has Poll read, and may hold up its thread before and after
	onQuiet    func() error                        // may fail or delay Quiet
	mute       bool                                // nothing can be sent
	carrier    map[string]bool                     // what drivers say; those of others do not answer
	asked      []string
	looked     int                   // interfaces that were looked up
	late       bool                  // packets stay in the sockets until they are polled
	shut       map[addressOn]bool    // what is not accepted
	flushed    chan lan.FilterLoss   // what others do to the firewall
	unused     func(netip.Addr) bool // says of an IPv6 address that it is not used yet; nil: all are

	noLink    func(lan.VirtualLink) error // may fail a virtual link
	lacks     error                       // of virtual links that are made
	lastIndex int                         // of the virtual links
	settings  lan.Settings
}

// hostWatch is one Watch.
type hostWatch struct {
	queue  []netio.Event
	signal chan struct{}
}

type hostConn struct {
	host      *host
	on        lan.Segment
	deliver   func(lan.Received)
	vrids     []uint8
	admission lan.Admission
	closed    bool
	waiting   [][]byte // packets that the reader has not got to
}

// newHost adds a machine with one interface eth0, which has the address.
func (n *ethernet) newHost(addr string) *host {
	h := &host{lan: n, shut: make(map[addressOn]bool), flushed: make(chan lan.FilterLoss)}
	h.links = []netio.Link{{Index: 2, Name: "eth0", Up: true, MTU: 1500, Ether: true, MAC: "\x02\x00\x00\x00\x00\x01"}}
	h.addrs = []netio.Address{{Index: 2, Prefix: netip.MustParsePrefix(addr)}}
	n.mu.Lock()
	n.hosts = append(n.hosts, h)
	n.mu.Unlock()
	return h
}

func (h *host) Watch(ctx context.Context, events chan<- netio.Event) error {
	w := &hostWatch{signal: make(chan struct{}, 1)}
	h.mu.Lock()
	for _, l := range h.links {
		w.queue = append(w.queue, netio.LinkChanged{Link: l})
	}
	for _, a := range h.addrs {
		w.queue = append(w.queue, netio.AddressChanged{Address: a})
	}
	w.queue = append(w.queue, netio.Synced{})
	h.watchers = append(h.watchers, w)
	h.mu.Unlock()
	for {
		h.mu.Lock()
		queue := w.queue
		w.queue = nil
		h.mu.Unlock()
		for _, ev := range queue {
			select {
			case events <- ev:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if len(queue) > 0 {
			continue
		}
		select {
		case <-w.signal:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell queues events for the watchers; h.mu is held.
func (h *host) tell(events ...netio.Event) {
	for _, w := range h.watchers {
		w.queue = append(w.queue, events...)
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
}

func (h *host) Link(name string) (netio.Link, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looked++
	for _, l := range h.links {
		if l.Name == name {
			return l, nil
		}
	}
	return netio.Link{}, netio.ErrNoLink
}

// Carrier says what the driver would.
func (h *host) Carrier(name, method string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, name+" "+method)
	up, knows := h.carrier[name]
	if !knows {
		return false, errors.ErrUnsupported
	}
	return up, nil
}

func (h *host) Addresses() ([]netio.Address, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.addrs), nil
}

func (h *host) AddAddress(a netio.Address) error {
	if err := h.ask("add", a.Prefix.Addr()); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.address(a) < 0 {
		a.Protocol = netio.Protocol
		h.addrs = append(h.addrs, a)
		h.tell(netio.AddressChanged{Address: a})
	}
	return nil
}

func (h *host) DelAddress(a netio.Address) error {
	if err := h.ask("del", a.Prefix.Addr()); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := h.address(a); i >= 0 {
		h.tell(netio.AddressGone{Address: h.addrs[i]})
		h.addrs = slices.Delete(h.addrs, i, i+1)
	}
	return nil
}

func (h *host) Receives(_ int, ip netip.Addr) (bool, error) {
	return h.unused == nil || !h.unused(ip), nil
}

func (h *host) KeepSecondaries(string, bool) error { return nil }

func (h *host) PrepareNoAccept() { _ = h.ask("prepare to shut", netip.Addr{}) }

func (h *host) Announce(link netio.Link, addr netip.Addr) error { return h.ask("garp", addr) }

func (h *host) PreparePassOn(previous netip.Addr, within time.Duration) {
	_ = h.ask("prepare to pass on to", previous)
}

func (h *host) PrepareQuiet() {}

func (h *host) Quiet(addrs []netip.Addr, d time.Duration) error {
	if h.onQuiet != nil && d > 0 {
		return h.onQuiet()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.quiet == nil {
		h.quiet = make(map[netip.Addr]bool)
	}
	for _, a := range addrs {
		h.quiet[a] = d > 0
	}
	return h.deaf
}

func (h *host) PassOn(m lan.Move) error { return h.ask("pass on to", m.Previous) }

// MakeLink makes a macvlan as the kernel does: it is up when its parent is.
func (h *host) MakeLink(v lan.VirtualLink) (netio.Link, bool, error) {
	parent, err := h.Link(v.Parent)
	if err != nil {
		return netio.Link{}, false, err
	}
	h.mu.Lock()
	h.log = append(h.log, "make "+v.Name)
	refuse := h.noLink
	h.mu.Unlock()
	if refuse != nil {
		if err := refuse(v); err != nil {
			return netio.Link{}, false, err
		}
	}
	if l, err := h.Link(v.Name); err == nil {
		return l, true, h.lacks
	}
	h.mu.Lock()
	h.lastIndex++
	index := 100 + h.lastIndex
	h.mu.Unlock()
	l := netio.Link{Index: index, Name: v.Name, Up: parent.Up, MTU: parent.MTU, Ether: true, MAC: string(v.MAC[:]),
		Kind: "macvlan", Mode: "private", Parent: parent.Index}
	h.setLink(l)
	return l, false, h.lacks
}

func (h *host) RemoveLink(name string) error {
	h.mu.Lock()
	h.log = append(h.log, "remove "+name)
	h.mu.Unlock()
	if _, err := h.Link(name); err == nil {
		h.destroyLink(name)
	}
	return nil
}

func (h *host) NoAccept(addr netip.Addr, link string) error {
	if err := h.ask("shut", addr); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut[addressOn{link, addr}] = true
	return nil
}

func (h *host) Accept(addr netip.Addr, link string) error {
	if err := h.ask("open", addr); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.shut, addressOn{link, addr})
	return nil
}

func (h *host) NotAccepted(addr netip.Addr, link string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.shut[addressOn{link, addr}]
}

func (h *host) WatchFilter(ctx context.Context, losses chan<- lan.FilterLoss) {
	for {
		select {
		case l := <-h.flushed:
			select {
			case losses <- l:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (h *host) Configure(s lan.Settings) error {
	h.mu.Lock()
	h.settings = s
	refuse := h.refuse
	h.mu.Unlock()
	if refuse != nil {
		return refuse("configure", netip.Addr{})
	}
	return nil
}

// ask logs an operation and asks refuse, without holding the lock.
func (h *host) ask(op string, a netip.Addr) error {
	h.mu.Lock()
	refuse := h.refuse
	h.log = append(h.log, op+" "+a.String())
	h.mu.Unlock()
	if refuse != nil {
		return refuse(op, a)
	}
	return nil
}

func (h *host) address(a netio.Address) int {
	return slices.IndexFunc(h.addrs, func(b netio.Address) bool { return a.Index == b.Index && a.Prefix == b.Prefix })
}

func (h *host) Listen(on lan.Segment, deliver func(lan.Received)) (lan.Conn, error) {
	if err := h.ask("listen", on.Group); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &hostConn{host: h, on: on, deliver: deliver}
	h.conns = append(h.conns, c)
	return c, nil
}

var errHostDown = errors.New("network is down")

func (c *hostConn) Send(a wire.Advert, ip wire.IPHeader) error {
	c.host.mu.Lock()
	up := !c.closed && !c.host.mute && c.host.carries(c.on)
	c.host.mu.Unlock()
	if !up {
		return errHostDown
	}
	packet := a.AppendIPv4(nil, ip)
	c.host.lan.mu.Lock()
	hosts := slices.Clone(c.host.lan.hosts)
	if c.host.lan.record != nil {
		c.host.lan.record(c.host, packet)
	}
	c.host.lan.mu.Unlock()
	for _, h := range hosts {
		if h != c.host {
			h.hear(packet, ip.Destination, a.VRID)
		}
	}
	return nil
}

// carries reports whether a link is up that adverts of the segment could take; h.mu is held.
func (h *host) carries(on lan.Segment) bool {
	return slices.ContainsFunc(h.links, func(l netio.Link) bool { return l.Up && (on.Link.Name == "" || l.Index == on.Link.Index) })
}

// hear gives a packet to the sockets that the kernel would give it to.
func (h *host) hear(packet []byte, to netip.Addr, vrid uint8) {
	h.mu.Lock()
	defer h.mu.Unlock()
	local := slices.ContainsFunc(h.addrs, func(a netio.Address) bool { return a.Prefix.Addr() == to })
	for _, c := range h.conns {
		fits := c.on.Group == to || !c.on.Group.IsValid() && local && (!c.on.Source.IsValid() || c.on.Source == to)
		fits = fits && (packet[9] == wire.ProtocolAH) == c.on.AH
		if h.carries(c.on) && fits && (c.admission.Others || slices.Contains(c.vrids, vrid)) {
			if h.late {
				c.waiting = append(c.waiting, packet)
				continue
			}
			c.deliver(lan.DecodeIPv4(packet))
		}
	}
}

func (c *hostConn) Admit(a lan.Admission) error {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	c.vrids, c.admission = slices.Clone(a.VRIDs), a
	return nil
}

// Poll delivers what the reader has not got to: nothing, unless the machine is late.
func (c *hostConn) Poll() bool {
	read := func() {
		c.host.mu.Lock()
		defer c.host.mu.Unlock()
		for _, p := range c.waiting {
			c.deliver(lan.DecodeIPv4(p))
		}
		c.waiting = nil
	}
	c.host.mu.Lock()
	held := c.host.held
	c.host.mu.Unlock()
	if held == nil {
		read()
	} else {
		held(read)
	}
	return true
}

func (c *hostConn) Close() error {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	c.closed = true
	c.host.conns = slices.DeleteFunc(c.host.conns, func(o *hostConn) bool { return o == c })
	return nil
}

// setLink changes an interface, or adds it.
func (h *host) setLink(l netio.Link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links = slices.DeleteFunc(h.links, func(o netio.Link) bool { return o.Name == l.Name })
	h.links = append(h.links, l)
	h.tell(netio.LinkChanged{Link: l})
}

// cable plugs eth0 in or out.
func (h *host) cable(t *testing.T, in bool) {
	t.Helper()
	l, err := h.Link("eth0")
	if err != nil {
		t.Fatal(err)
	}
	l.Up = in
	h.setLink(l)
}

// destroyLink removes an interface and its addresses.
func (h *host) destroyLink(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.links, func(l netio.Link) bool { return l.Name == name })
	link := h.links[i]
	h.addrs = slices.DeleteFunc(h.addrs, func(a netio.Address) bool {
		if a.Index == link.Index {
			h.tell(netio.AddressGone{Address: a})
		}
		return a.Index == link.Index
	})
	h.links = slices.Delete(h.links, i, i+1)
	h.tell(netio.LinkGone{Link: link})
}

// has reports whether the machine has the address.
func (h *host) has(addr string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.addrs, func(a netio.Address) bool { return a.Prefix.Addr() == netip.MustParseAddr(addr) })
}

// taken returns and forgets the log.
func (h *host) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	log := h.log
	h.log = nil
	return log
}

var (
	_ lan.Network = (*host)(nil)
	_ lan.Conn    = (*hostConn)(nil)
)

// netioAddress returns the address of the machine with that text.
func netioAddress(h *host, addr string) netio.Address {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.addrs {
		if a.Prefix.Addr() == netip.MustParseAddr(addr) {
			return a
		}
	}
	return netio.Address{}
}
