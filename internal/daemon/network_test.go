package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vigil/internal/netio"
	"vigil/internal/routing"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// network is a machine with one interface eth0 and nobody else on it.
type network struct {
	lan.Network // nothing else is asked of a machine that hears nobody

	mu     sync.Mutex
	addrs  []netio.Address
	broken chan error // ends Watch
	onDel  func()     // before an address is removed, if not nil
	delErr error      // of removing addresses
	closed bool
}

var eth0 = netio.Link{Index: 2, Name: "eth0", Up: true, MTU: 1500, Ether: true, MAC: "\x02\x00\x00\x00\x00\x01"}

func newNetwork() *network {
	return &network{broken: make(chan error, 1),
		addrs: []netio.Address{{Index: eth0.Index, Prefix: netip.MustParsePrefix("192.0.2.250/24")}}}
}

func (n *network) Watch(ctx context.Context, events chan<- netio.Event) error {
	n.mu.Lock()
	first := n.addrs[0]
	n.mu.Unlock()
	for _, ev := range []netio.Event{netio.LinkChanged{Link: eth0}, netio.AddressChanged{Address: first}, netio.Synced{}} {
		select {
		case events <- ev:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case err := <-n.broken:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *network) Listen(lan.Segment, func(lan.Received)) (lan.Conn, error) { return silence{}, nil }

func (n *network) PrepareQuiet() {}

func (n *network) Receives(int, netip.Addr) (bool, error) { return true, nil }

func (n *network) Quiet([]netip.Addr, time.Duration) error { return nil }

func (n *network) Link(name string) (netio.Link, error) {
	if name != eth0.Name {
		return netio.Link{}, netio.ErrNoLink
	}
	return eth0, nil
}

func (n *network) Addresses() ([]netio.Address, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.addrs), nil
}

func (n *network) AddAddress(a netio.Address) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.remove(a)
	n.addrs = append(n.addrs, a)
	return nil
}

func (n *network) DelAddress(a netio.Address) error {
	n.mu.Lock()
	before := n.onDel
	n.mu.Unlock()
	if before != nil {
		before()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.delErr != nil {
		return n.delErr
	}
	n.remove(a)
	return nil
}

func (n *network) remove(a netio.Address) {
	n.addrs = slices.DeleteFunc(n.addrs, func(b netio.Address) bool { return a.Index == b.Index && a.Prefix == b.Prefix })
}

func (n *network) KeepSecondaries(string, bool) error                     { return nil }
func (n *network) AddRoute(routing.Route) error                           { return nil }
func (n *network) DelRoute(routing.Route) error                           { return nil }
func (n *network) MissingRoutes([]routing.Route) ([]routing.Route, error) { return nil, nil }
func (n *network) AddRule(routing.Rule) error                             { return nil }
func (n *network) DelRule(routing.Rule) error                             { return nil }
func (n *network) MissingRules([]routing.Rule) ([]routing.Rule, error)    { return nil, nil }

func (n *network) PrepareNoAccept()                                   {}
func (n *network) NotAccepted(netip.Addr, string) bool                { return true }
func (n *network) WatchFilter(context.Context, chan<- lan.FilterLoss) {}

func (n *network) RemoveLeft([]routing.Route, []routing.Rule) ([]string, error) { return nil, nil }

func (n *network) Announce(netio.Link, netip.Addr) error { return nil }

func (n *network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	return nil
}

// virtual are the addresses that were put there, sorted.
func (n *network) virtual() []string {
	all, _ := n.Addresses()
	var list []string
	for _, a := range all[1:] {
		list = append(list, a.Prefix.String())
	}
	slices.Sort(list)
	return list
}

// silence is a Conn to nobody.
type silence struct{}

func (silence) Send(wire.Advert, wire.IPHeader) error { return nil }
func (silence) Admit(lan.Admission) error             { return nil }
func (silence) Poll() bool                            { return true }
func (silence) Close() error                          { return nil }

func (n *network) MakeLink(v lan.VirtualLink) (netio.Link, bool, error) {
	return netio.Link{}, false, fmt.Errorf("make %s: %w", v.Name, lan.ErrNotEthernet)
}

func (n *network) RemoveLink(string) error { return nil }

func (n *network) NoAccept(netip.Addr, string) error { return nil }

func (n *network) Accept(netip.Addr, string) error { return nil }

func (n *network) Configure(lan.Settings) error { return nil }
