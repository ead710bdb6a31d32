package vrrp

import (
	"sync"

	"vigil/vrrp/election"
)

// places remembers the index of the interface on which each virtual address was installed: its name may be another one by
// the time the address is to go. It may be used from any goroutine, also while a reconciler hangs.
type places struct {
	mu    sync.Mutex
	index map[election.Address]int
}

func newPlaces() *places { return &places{index: make(map[election.Address]int)} }

func (p *places) set(a election.Address, index int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index[a] = index
}

// of returns 0 for an address that is not known to be installed.
func (p *places) of(a election.Address) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.index[a]
}

func (p *places) forget(a election.Address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.index, a)
}
