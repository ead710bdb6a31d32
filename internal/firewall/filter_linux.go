package firewall

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"golang.org/x/sys/unix"
)

// FilterOptions is how the tables of a Filter look. They have the form that keepalived gives its own.
type FilterOptions struct {
	Table    string // name of the tables, one of each family; "" when nobody is to need them any more
	Priority int32  // of the base chains
	Counters bool   // every rule counts
	ByIndex  bool   // link-local addresses go with the index of their interface, not with its name
	Input    string // name of the chain, and so on; "" = the usual one
	Output   string
	Sets     FilterSets
}

// FilterSets are names of the sets and maps of a Filter; "" = the usual one.
type FilterSets struct {
	Addresses4, Addresses6, LinkLocal string // vips, vips, vips_link_local
	VMAC4, VMAC6, Discovery           string // vmac_map, vmac_map, neighbor-discovery
}

// Denied is an address of this machine that nobody shall reach or send from.
type Denied struct {
	Addr netip.Addr
	Link string // that it is on: link-local addresses are denied there, all others as long as they are on any link
}

// Filter is what VRRP needs of the firewall, beside a hand-over: addresses that are not answered for (no_accept), and virtual MAC addresses
// from which no membership reports and router solicitations leave, for they would tell the switches that the address is
// here. What is reported goes out from the interface below instead.
//
// The tables are made with what comes first, or by Prepare, and deleted by Close. Elements come and go by themselves; the rules
// are made when the first of their kind comes. What somebody else has removed Tend finds out, and the next change. Methods may be called
// from any goroutine, in the network namespace that is meant.
type Filter struct {
	mu      sync.Mutex
	opts    FilterOptions
	vmacs   map[int]filterVMAC // by index of the link
	denied  map[Denied]bool
	ending  bool // the tables go with the last of their elements
	ready   bool // the rules for what is denied are to be there before anything is
	indexOf func(link string) (int, error)
	conn    *nftables.Conn // nil while there is no table
	shape   filterShape
	tables  [2]filterTable // IPv4 and IPv6

	generations generations
	seen        uint32 // in which generation everything was there
}

// filterShape is which rules there are.
type filterShape struct{ vmac, denied bool }

// NewFilter returns a Filter without tables. indexOf finds an interface.
func NewFilter(indexOf func(link string) (int, error)) *Filter {
	return &Filter{opts: FilterOptions{Table: "keepalived", Priority: -1}, vmacs: make(map[int]filterVMAC), denied: make(map[Denied]bool),
		indexOf: indexOf}
}

// Configure makes the tables look otherwise, if there are any. Without a name they stay as they are, as long as there is
// something in them.
func (f *Filter) Configure(o FilterOptions) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ending = o.Table == ""; f.ending {
		f.ready = false
		if f.wants() == (filterShape{}) {
			return f.drop()
		}
		return nil
	}
	if o == f.opts {
		return nil
	}
	err := f.drop()
	f.opts = o
	return errors.Join(err, f.build())
}

// Sweep deletes the tables that a process has left which was killed, unless they are ours by now.
func (f *Filter) Sweep() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn != nil {
		return nil
	}
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	f.conn = conn
	return f.drop()
}

// filterVMAC is a link with a virtual MAC address.
type filterVMAC struct {
	parent int
	local  netip.Addr // the link-local address of the parent that it has too; invalid = none
}

// SetVMAC says that the link with an index has a virtual MAC address, what its parent is, and which link-local address of
// the parent it has too: that one is not advertised at the virtual MAC address.
func (f *Filter) SetVMAC(index, parent int, local netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, old := filterVMAC{parent, local}, f.vmacs[index]
	f.vmacs[index] = v
	switch old {
	case v:
		return nil
	case filterVMAC{}:
		return f.noted(f.change(func(t *filterTable) []filterElement { return t.ofVMAC(index, v) }, (*nftables.Conn).SetAddElements),
			func() { delete(f.vmacs, index) })
	}
	return f.noted(f.build(), func() { f.vmacs[index] = old })
}

// noted returns the error of a change. With one it forgets what has not come about, so that the next attempt is no
// repetition, and what else is in the tables stays there.
func (f *Filter) noted(err error, forget func()) error {
	if err == nil {
		return nil
	}
	if forget(); f.conn == nil {
		return errors.Join(err, f.build())
	}
	return err
}

// DropVMAC undoes SetVMAC.
func (f *Filter) DropVMAC(index int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.vmacs[index]
	if !ok {
		return nil
	}
	delete(f.vmacs, index)
	return f.change(func(t *filterTable) []filterElement { return t.ofVMAC(index, v) }, (*nftables.Conn).SetDeleteElements)
}

// Deny has packets to and from the address dropped, but for neighbour discovery.
func (f *Filter) Deny(d Denied) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied[d] {
		return nil
	}
	elsewhere := f.deniedAs(d.normal())
	if f.denied[d] = true; elsewhere {
		return nil
	}
	return f.noted(f.changeDenied(d, (*nftables.Conn).SetAddElements), func() { delete(f.denied, d) })
}

// Allow undoes Deny.
func (f *Filter) Allow(d Denied) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.denied[d] {
		return nil
	}
	if delete(f.denied, d); f.deniedAs(d.normal()) {
		return nil
	}
	return f.changeDenied(d, (*nftables.Conn).SetDeleteElements)
}

// deniedAs reports whether something is denied by the element that d, which is normal, has in the tables.
func (f *Filter) deniedAs(d Denied) bool {
	for o := range f.denied {
		if o.normal() == d {
			return true
		}
	}
	return false
}

// normal is d as the tables have it.
func (d Denied) normal() Denied {
	if !d.Addr.IsLinkLocalUnicast() || d.Addr.Is4() {
		d.Link = ""
	}
	return d
}

// Close deletes the tables.
func (f *Filter) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.vmacs)
	clear(f.denied)
	f.ready = false
	f.generations.close()
	return f.drop()
}

func (f *Filter) changeDenied(d Denied, how setChange) error {
	d = d.normal()
	link, err := f.linkOf(d)
	if err != nil {
		return fmt.Errorf("deny %s: %w", d.Addr, err)
	}
	return f.change(func(t *filterTable) []filterElement { return t.ofDenied(d, link) }, how)
}

// linkOf is the index of the interface that d, which is normal, is on, where that counts.
func (f *Filter) linkOf(d Denied) (int, error) {
	if d.Link == "" || !f.opts.ByIndex {
		return 0, nil
	}
	return f.indexOf(d.Link)
}

// elementsOf is what d, which is normal, has in a table.
func (f *Filter) elementsOf(t *filterTable, d Denied) ([]filterElement, error) {
	link, err := f.linkOf(d)
	return t.ofDenied(d, link), err
}

// setChange adds elements to a set or removes them.
type setChange = func(*nftables.Conn, *nftables.Set, []nftables.SetElement) error

// filterElement is an element and the set it belongs to.
type filterElement struct {
	set *nftables.Set
	nftables.SetElement
}

// change carries out a change of elements, or makes the tables if their rules are to be others, or are not there.
func (f *Filter) change(elements func(*filterTable) []filterElement, how setChange) error {
	wanted := f.wants()
	if f.ending && wanted == (filterShape{}) {
		return f.drop()
	}
	if f.conn == nil || wanted.vmac && !f.shape.vmac || wanted.denied && !f.shape.denied {
		return f.build()
	}
	var errs []error
	for i := range f.tables {
		for _, e := range elements(&f.tables[i]) {
			errs = append(errs, how(f.conn, e.set, []nftables.SetElement{e.SetElement}))
		}
	}
	err := errors.Join(append(errs, f.conn.Flush())...)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EEXIST) {
		return f.build() // somebody else has changed them
	}
	return err
}

func (f *Filter) wants() filterShape {
	return filterShape{vmac: len(f.vmacs) > 0, denied: len(f.denied) > 0 || f.ready}
}

// Prepare makes the rules for what is denied, so that Deny has only an element to add. Its error is the one that Deny would have.
func (f *Filter) Prepare() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ready || f.ending {
		return nil
	}
	f.ready = true
	if f.conn != nil && f.shape.denied {
		return nil
	}
	return f.noted(f.build(), func() { f.ready = false })
}

// build makes the tables anew with all that is in them, in one transaction. Without anything there are none.
func (f *Filter) build() error {
	f.shape = filterShape{}
	wanted := f.wants()
	if wanted == (filterShape{}) {
		return f.drop()
	}
	if f.conn == nil {
		conn, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return fmt.Errorf("open nftables: %w", err)
		}
		f.conn = conn
	}
	var errs []error
	for i, kind := range []*family{ipv4, ipv6} {
		table := &nftables.Table{Family: kind.proto, Name: f.opts.Table}
		f.conn.AddTable(table)
		f.conn.DelTable(table)
		f.conn.AddTable(table)
		t := filterTable{Table: table, conn: f.conn, family: kind, opts: f.opts, sets: uint32(i+1) * setsOfATable, rules: make(map[string]int)}
		errs = append(errs, t.make(wanted), f.fill(&t))
		f.tables[i] = t
	}
	if err := errors.Join(append(errs, f.conn.Flush())...); err != nil {
		return errors.Join(fmt.Errorf("make nftables table %s: %w", f.opts.Table, err), f.drop())
	}
	f.shape = wanted
	return nil
}

// fill adds everything to a table that is being made.
func (f *Filter) fill(t *filterTable) error {
	bySet := make(map[*nftables.Set][]nftables.SetElement)
	note := func(list []filterElement) {
		for _, e := range list {
			bySet[e.set] = append(bySet[e.set], e.SetElement)
		}
	}
	for _, index := range slices.Sorted(maps.Keys(f.vmacs)) {
		note(t.ofVMAC(index, f.vmacs[index]))
	}
	var denied []Denied
	for d := range f.denied {
		denied = append(denied, d.normal())
	}
	slices.SortFunc(denied, func(a, b Denied) int { return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Link, b.Link)) })
	for _, d := range slices.Compact(denied) {
		if elements, err := f.elementsOf(t, d); err == nil { // or its interface is gone, and the address with it
			note(elements)
		}
	}
	var errs []error
	for set, elements := range bySet {
		for some := range slices.Chunk(elements, transaction) {
			errs = append(errs, t.conn.SetAddElements(set, some))
		}
	}
	return errors.Join(errs...)
}

// drop deletes the tables. They may not be there.
func (f *Filter) drop() error {
	if f.conn == nil {
		return nil
	}
	conn := f.conn
	f.conn, f.shape = nil, filterShape{}
	for _, kind := range []*family{ipv4, ipv6} {
		table := &nftables.Table{Family: kind.proto, Name: f.opts.Table}
		conn.AddTable(table)
		conn.DelTable(table)
	}
	return errors.Join(conn.Flush(), conn.CloseLasting())
}

func indexBytes(index int) []byte { return binaryutil.NativeEndian.PutUint32(uint32(index)) }
