package vrrp

import (
	"sync"

	"vigil/internal/netio"
)

// linkBook has the number and the MAC address of each interface, as the watch has told them, for the reconcilers. To ask the
// kernel means to wait for its lock over all interfaces (RTNL), which others may hold for a long time: a take-over needs it
// once, to add its addresses, and not once more for each look before and after.
type linkBook struct {
	mu    sync.RWMutex
	links map[string]netio.Link
}

func newLinkBook() *linkBook { return &linkBook{links: make(map[string]netio.Link)} }

func (b *linkBook) set(l netio.Link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.links[l.Name] = l
}

func (b *linkBook) drop(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.links, name)
}

// find returns an interface as it was told last. It may have gone, or have become another one, a moment ago.
func (b *linkBook) find(name string) (netio.Link, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	l, ok := b.links[name]
	return l, ok
}
