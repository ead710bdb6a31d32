package testlan

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/vishvananda/netlink"
)

// Lab is one isolated network. It is not safe for concurrent construction; running commands and captures is.
type Lab struct {
	scratch *Scratch
	wires   *Host // the namespace that holds every bridge and the bridge side of every cable

	mu        sync.Mutex
	hosts     []*Host
	processes []*Process
	captures  []*Capture
	cables    []*Cable
}

// New makes an empty lab, after removing what killed runs left behind. Close it.
func New() (*Lab, error) {
	if err := Sweep(); err != nil {
		return nil, err
	}
	scratch, err := NewScratch(scratchPrefix)
	if err != nil {
		return nil, err
	}
	l := &Lab{scratch: scratch}
	wires, err := newHost(l, "wires")
	if err != nil {
		return nil, errors.Join(err, scratch.Remove())
	}
	l.wires = wires
	return l, nil
}

// Dir is a directory for the files of the lab's programs. It ends with the lab.
func (l *Lab) Dir() string { return l.scratch.Path }

// Host makes a host: a namespace with its loopback up and nothing plugged in.
func (l *Lab) Host(name string) (*Host, error) {
	h, err := newHost(l, name)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.hosts = append(l.hosts, h)
	l.mu.Unlock()
	return h, nil
}

// Segment is one broadcast domain.
type Segment struct {
	lab    *Lab
	bridge *netlink.Bridge
}

// Segment makes a switch without spanning tree and without multicast snooping. The name must fit an interface name.
func (l *Lab) Segment(name string) (*Segment, error) {
	off := false
	b := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs(), MulticastSnooping: &off}
	b.Name = name
	if err := l.wires.handle.LinkAdd(b); err != nil {
		return nil, fmt.Errorf("add bridge %s: %w", name, err)
	}
	if err := l.wires.handle.LinkSetUp(b); err != nil {
		return nil, fmt.Errorf("set bridge %s up: %w", name, err)
	}
	return &Segment{lab: l, bridge: b}, nil
}

// Close stops the programs and recorders and removes namespaces and files. It may be called more than once.
func (l *Lab) Close() error {
	l.mu.Lock()
	processes, captures, hosts := l.processes, l.captures, l.hosts
	l.processes, l.captures, l.hosts = nil, nil, nil
	wires := l.wires
	l.wires = nil
	l.mu.Unlock()
	for _, p := range processes {
		p.Kill()
	}
	for _, c := range captures {
		c.Close()
	}
	for _, h := range hosts {
		h.close()
	}
	if wires == nil {
		return nil
	}
	wires.close()
	return l.scratch.Remove()
}

// macFor gives the cable number n (from 1) a locally administered address that reads like its number.
func macFor(n int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0, 0, 0, byte(n >> 8), byte(n)}
}
