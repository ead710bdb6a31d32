package announce

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"vigil/internal/netio"
)

// machine is a Network in memory. Its watcher is told of everything in order, of what the Keeper itself does as well.
type machine struct {
	mu      sync.Mutex
	links   map[string]netio.Link
	addrs   []netio.Address
	queue   []netio.Event
	news    chan struct{} // has room for one
	refused error         // of changes
	shut    error         // of opening it
	blind   error         // of listing
	deaf    error         // of watching
	broken  chan error    // ends a watch
	added   int           // times that an address was asked for
	closed  int
}

func newMachine(links ...string) *machine {
	m := &machine{links: make(map[string]netio.Link), news: make(chan struct{}, 1), broken: make(chan error, 1)}
	for i, name := range links {
		m.links[name] = netio.Link{Index: i + 1, Name: name, Up: true}
	}
	return m
}

func (m *machine) open() (Network, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m, m.shut
}

// fails has it be opened, and watched, with these errors.
func (m *machine) fails(open, watch error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut, m.deaf = open, watch
}

func (m *machine) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed++
	return nil
}

// say queues events; m.mu is held.
func (m *machine) say(events ...netio.Event) {
	m.queue = append(m.queue, events...)
	select {
	case m.news <- struct{}{}:
	default:
	}
}

func (m *machine) Watch(ctx context.Context, events chan<- netio.Event) error {
	m.mu.Lock()
	if m.deaf != nil {
		defer m.mu.Unlock()
		return m.deaf
	}
	m.queue = nil
	for _, l := range m.links {
		m.say(netio.LinkChanged{Link: l})
	}
	for _, a := range m.addrs {
		m.say(netio.AddressChanged{Address: a})
	}
	m.say(netio.Synced{})
	m.mu.Unlock()
	for {
		m.mu.Lock()
		now := m.queue
		m.queue = nil
		m.mu.Unlock()
		for _, ev := range now {
			select {
			case events <- ev:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-m.news:
		case err := <-m.broken:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *machine) Addresses() ([]netio.Address, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.addrs), m.blind
}

func (m *machine) AddAddress(a netio.Address) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.added++
	if m.refused != nil {
		return m.refused
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(m.links)), func(l netio.Link) bool { return l.Index == a.Index }) {
		return syscall.ENODEV
	}
	if !slices.Contains(m.addrs, a) {
		m.addrs = append(m.addrs, a)
		m.say(netio.AddressChanged{Address: a})
	}
	return nil
}

func (m *machine) DelAddress(a netio.Address) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused != nil {
		return m.refused
	}
	m.drop(a)
	return nil
}

// drop removes an address; m.mu is held.
func (m *machine) drop(a netio.Address) {
	if i := slices.Index(m.addrs, a); i >= 0 {
		m.addrs = slices.Delete(m.addrs, i, i+1)
		m.say(netio.AddressGone{Address: a})
	}
}

// take has somebody else remove an address, and give has them add one.
func (m *machine) take(p Place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(p.address(m.links[p.Interface].Index))
}

func (m *machine) give(name, prefix string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := netio.Address{Index: m.links[name].Index, Prefix: netip.MustParsePrefix(prefix)}
	m.addrs = append(m.addrs, a)
	m.say(netio.AddressChanged{Address: a})
}

// set makes, changes or, with index 0, removes an interface. With the last, or another index, its addresses go.
func (m *machine) set(name string, index int, up bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.links[name]; ok && old.Index != index {
		for _, a := range slices.Clone(m.addrs) {
			if a.Index == old.Index {
				m.drop(a)
			}
		}
		delete(m.links, name)
		m.say(netio.LinkGone{Link: old})
	}
	if index != 0 {
		m.links[name] = netio.Link{Index: index, Name: name, Up: up}
		m.say(netio.LinkChanged{Link: m.links[name]})
	}
}

// there are the addresses, as "ADDRESS/LENGTH on INTERFACE", sorted.
func (m *machine) there() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []string{}
	for name, l := range m.links {
		for _, a := range m.addrs {
			if a.Index == l.Index {
				list = append(list, fmt.Sprintf("%s on %s", a.Prefix, name))
			}
		}
	}
	slices.Sort(list)
	return list
}

// refuse has the kernel refuse changes, or no longer.
func (m *machine) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = err
}
