package firewall

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// FilterLoss is what others have removed from the tables of a Filter.
type FilterLoss struct {
	Denied []Denied // they are denied no more, until somebody says so again
	Rules  bool     // rules, or what they need for virtual MAC addresses, which have been put back
}

// Tend looks whether others have removed something, as whoever loads a firewall anew removes everything, and puts back what is
// nobody's business but the Filter's. It costs one short question as long as nobody has changed any table of nftables. What could not
// be made before is tried again.
func (f *Filter) Tend() (loss FilterLoss, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wants() == (filterShape{}) {
		return FilterLoss{}, nil
	}
	if f.conn == nil {
		return FilterLoss{}, f.build()
	}
	now, err := f.generations.read()
	if err != nil || now == f.seen {
		return FilterLoss{}, err
	}
	for i := range f.tables {
		if err := f.tables[i].compare(f, &loss); err != nil {
			return FilterLoss{}, fmt.Errorf("look at nftables table %s: %w", f.opts.Table, err)
		}
	}
	if !loss.Rules && len(loss.Denied) == 0 {
		f.seen = now
		return FilterLoss{}, nil
	}
	for _, d := range loss.Denied {
		delete(f.denied, d)
	}
	return loss, f.build()
}

// Denies reports whether an address is denied, as far as is known.
func (f *Filter) Denies(d Denied) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.denied[d]
}

// compare adds to loss what the kernel's table lacks. Without all of its rules nothing in it counts.
func (t *filterTable) compare(f *Filter, loss *FilterLoss) error {
	intact, err := t.hasRules()
	if err != nil {
		return err
	}
	there := elements{conn: t.conn, sets: make(map[*nftables.Set]map[string]bool)}
	acts := func(list []filterElement) (bool, error) {
		if !intact {
			return len(list) == 0, nil
		}
		return there.all(list)
	}
	loss.Rules = loss.Rules || !intact
	for index, v := range f.vmacs {
		ok, err := acts(t.ofVMAC(index, v))
		if err != nil {
			return err
		}
		loss.Rules = loss.Rules || !ok
	}
	for d := range f.denied {
		list, err := f.elementsOf(t, d.normal())
		if err != nil {
			continue // its interface is gone, and the address with it
		}
		ok, err := acts(list)
		if err != nil {
			return err
		}
		if !ok {
			loss.Denied = append(loss.Denied, d)
		}
	}
	return nil
}

// elements are those that the kernel has, by set and key. Each set is read when it is first asked for; it is there, for rules use it.
type elements struct {
	conn *nftables.Conn
	sets map[*nftables.Set]map[string]bool
}

func (e elements) all(list []filterElement) (bool, error) {
	for _, one := range list {
		keys := e.sets[one.set]
		if keys == nil {
			present, err := e.conn.GetSetElements(one.set)
			if err != nil {
				return false, err
			}
			keys = make(map[string]bool, len(present))
			for _, k := range present {
				keys[string(k.Key)] = true
			}
			e.sets[one.set] = keys
		}
		if !keys[string(one.Key)] {
			return false, nil
		}
	}
	return true, nil
}

// hasRules reports whether the chains have as many rules as they were made with.
func (t *filterTable) hasRules() (bool, error) {
	for name, want := range t.rules {
		rules, err := t.conn.GetRules(t.Table, &nftables.Chain{Table: t.Table, Name: name})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return false, err
		}
		if len(rules) < want {
			return false, nil
		}
	}
	return true, nil
}
