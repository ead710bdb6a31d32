package daemon

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/status"
	"vigil/internal/wholefile"
)

// drainsState ends the name of the file that remembers what operators have drained.
const drainsState = "-drains.json"

// drained is what an operator has drained: a server at a port, or at all of them, of one virtual server or of all.
type drained struct {
	Addr   netip.Addr `json:"address"`
	Port   uint16     `json:"port,omitempty"`           // 0: every port
	Of     string     `json:"virtual_server,omitempty"` // as track_virtual_server has it; "": every one
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	Since  time.Time  `json:"since"`
}

// server is how an operator calls it.
func (d drained) server() string {
	if d.Port == 0 {
		return d.Addr.String()
	}
	return netip.AddrPortFrom(d.Addr, d.Port).String()
}

func (d drained) String() string {
	if d.Of == "" {
		return d.server()
	}
	return d.server() + " of " + d.Of
}

// status is the drain without the servers that it is about.
func (d drained) status() status.Drain {
	return status.Drain{Server: d.server(), VirtualServer: d.Of, By: d.By, Reason: d.Reason, Since: d.Since}
}

// covers reports whether a real server is drained by it.
func (d drained) covers(id confparse.RealServerID) bool {
	return id.Addr == d.Addr && (d.Port == 0 || id.Port == d.Port) && (d.Of == "" || id.VS.TrackName() == d.Of)
}

// same reports whether both are about the same.
func (d drained) same(o drained) bool { return d.Addr == o.Addr && d.Port == o.Port && d.Of == o.Of }

// drainedOf reads how an operator calls servers.
func drainedOf(server, of string) (d drained, err error) {
	d.Of = of
	if at, portErr := netip.ParseAddrPort(server); portErr == nil {
		d.Addr, d.Port = at.Addr().Unmap(), at.Port()
	} else if d.Addr, err = netip.ParseAddr(server); err != nil {
		return drained{}, fmt.Errorf("%q is no server: write its address, or ADDRESS:PORT ([ADDRESS]:PORT for IPv6)", server)
	}
	d.Addr = d.Addr.Unmap()
	return d, nil
}

// drains are all that operators have drained. Its methods may be called from any goroutine.
type drains struct {
	mu   sync.Mutex
	path string // "": not remembered
	list []drained
}

// load reads what an earlier process remembers.
func (d *drains) load(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path = path; path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &d.list); err != nil {
		d.list = nil
		return fmt.Errorf("read %s: %w", path, err)
	}
	d.list = slices.DeleteFunc(d.list, func(one drained) bool { return !one.Addr.IsValid() })
	return nil
}

// all are all of them, in order.
func (d *drains) all() []drained {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

// covers returns what tells of a real server whether it is drained now.
func (d *drains) covers() func(confparse.RealServerID) bool {
	list := d.all()
	return func(id confparse.RealServerID) bool {
		return slices.ContainsFunc(list, func(one drained) bool { return one.covers(id) })
	}
}

// drainsPath is the file of the drains.
func (d *daemon) drainsPath() string { return d.services.statePath(drainsState) }

// put adds one, in the place of one about the same, and remembers it; with an error nothing has changed.
func (d *drains) put(one drained) error {
	return d.change(func(list []drained) []drained { return append(without(list, one), one) })
}

// remove ends the one that is about the same, and returns it.
func (d *drains) remove(one drained) (was drained, err error) {
	list := d.all()
	i := slices.IndexFunc(list, one.same)
	if i < 0 {
		return drained{}, fmt.Errorf("%s is not drained; vigil drains lists what is", one)
	}
	return list[i], d.change(func(list []drained) []drained { return without(list, one) })
}

func without(list []drained, one drained) []drained {
	return slices.DeleteFunc(list, one.same)
}

func (d *drains) change(f func([]drained) []drained) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := f(slices.Clone(d.list))
	slices.SortFunc(next, func(a, b drained) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Of, b.Of))
	})
	if err := remember(d.path, next); err != nil {
		return fmt.Errorf("what is drained cannot be remembered: %w", err)
	}
	d.list = next
	return nil
}

func remember(path string, list []drained) error {
	if path == "" {
		return nil
	}
	if len(list) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	b, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(b, '\n'), 0o600)
}
