package lan

import (
	"errors"
	"os"
	"sync"

	"vigil/internal/netio"
)

// virtualLinks are what the Kernel has made for virtual links, to undo it with the last one that needs it.
type virtualLinks struct {
	mu       sync.Mutex // held while a link is made or removed
	links    map[string]madeLink
	parents  map[int]*parentSettings // by index
	rpFilter *uint32                 // of all interfaces, before it was set to 0
	lowered  bool                    // it is
	raised   func() error            // puts back what each interface got instead
	users    int                     // links that need that
}

type madeLink struct {
	index, parent int
	arp           bool // it needs the settings of the parent
	before        bool // it was there before and is not ours
}

// parentSettings are settings of the interface below virtual links, as they were before. A parent would answer who has the
// addresses of the links on it, with its own MAC address, unless arp_ignore is 1 and arp_filter too; and it would ask from
// those addresses when what is sent from them goes its way, from which whoever is asked learns the same, unless arp_announce
// is 2.
type parentSettings struct {
	name   string
	set    bool // they all are
	users  int
	before map[string]uint32
}

// parentWanted are the settings that a parent gets.
var parentWanted = []struct {
	netio.Setting
	value uint32
}{{netio.ARPIgnore, 1}, {netio.ARPFilter, 1}, {netio.ARPAnnounce, 2}}

// adopt sees to the settings beside the link that it needs, and remembers what they were: by the link's own alias, if an
// earlier process has left it. It may be called again, for what could not be set.
func (s *virtualLinks) adopt(k *Kernel, link, parent netio.Link, arp bool) error {
	if s.links == nil {
		s.links, s.parents = make(map[string]madeLink), make(map[int]*parentSettings)
	}
	_, left, _ := readMark(link.Alias)
	made, known := s.links[link.Name]
	if known && made.index == link.Index && made.parent == parent.Index && made.arp == arp {
		return s.tune(k, parent, arp, left)
	}
	var errs []error
	if known {
		errs = append(errs, s.release(k, made))
	}
	if known && made.index != link.Index {
		errs = append(errs, k.Do(func() error { return k.filter.DropVMAC(made.index) }))
	}
	s.links[link.Name] = madeLink{index: link.Index, parent: parent.Index, arp: arp, before: !ownMark(link.Alias)}
	if arp {
		p := s.parents[parent.Index]
		if p == nil {
			p = &parentSettings{name: parent.Name, before: left}
			if p.before == nil {
				p.before = make(map[string]uint32)
			}
			s.parents[parent.Index] = p
		}
		p.users++
		s.users++
	}
	return errors.Join(append(errs, s.tune(k, parent, arp, left))...)
}

// tune changes the settings of the parent and of all interfaces, unless that has been done.
func (s *virtualLinks) tune(k *Kernel, parent netio.Link, arp bool, left map[string]uint32) error {
	if !arp {
		return nil
	}
	return errors.Join(s.parents[parent.Index].change(k, parent), s.lowerRPFilter(k, left))
}

// change gives the parent its settings and remembers what they were.
func (p *parentSettings) change(k *Kernel, parent netio.Link) error {
	if p.set {
		return nil
	}
	var errs []error
	for _, wanted := range parentWanted {
		if _, ok := p.before[wanted.String()]; !ok {
			value, err := k.Setting(parent.Name, wanted.Setting)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			p.before[wanted.String()] = value
		}
		errs = append(errs, k.Set(parent, wanted.Setting, wanted.value))
	}
	err := errors.Join(errs...)
	p.set = err == nil
	return err
}

// allRPFilter is the word of a mark for rp_filter of all interfaces.
const allRPFilter = "all_rp_filter"

// lowerRPFilter sets rp_filter of all interfaces to 0, of which and the link's own the greater counts, and gives its value
// to each of the others.
func (s *virtualLinks) lowerRPFilter(k *Kernel, left map[string]uint32) error {
	if s.lowered {
		return nil
	}
	value, err := k.AllRPFilter()
	if err != nil {
		return ignoreMissing(err)
	}
	if s.rpFilter == nil {
		before := value
		if v, ok := left[allRPFilter]; ok {
			before = v
		}
		s.rpFilter = &before
	}
	if value > 0 {
		undo, err := k.RaiseRPFilter(value)
		if err == nil {
			err = k.SetAllRPFilter(0)
		}
		if err != nil { // an interface without a filter that it had is worse than a virtual link with one
			return errors.Join(err, undo())
		}
		s.raised = undo
	}
	s.lowered = true
	return nil
}

// alias is what the link is to be marked with.
func (s *virtualLinks) alias(link netio.Link) string {
	made, ok := s.links[link.Name]
	if !ok || made.before {
		if ownMark(link.Alias) {
			return mark(nil)
		}
		return link.Alias
	}
	before := make(map[string]uint32)
	if p := s.parents[made.parent]; p != nil && made.arp {
		for name, value := range p.before {
			before[name] = value
		}
		if s.rpFilter != nil && *s.rpFilter > 0 {
			before[allRPFilter] = *s.rpFilter
		}
	}
	return mark(before)
}

// forget undoes what the link needed beside itself.
func (s *virtualLinks) forget(k *Kernel, name string) error {
	made, ok := s.links[name]
	if !ok {
		return nil
	}
	delete(s.links, name)
	k.quiet.rules.Uncover(name)
	return errors.Join(s.release(k, made), k.Do(func() error { return k.filter.DropVMAC(made.index) }))
}

func (s *virtualLinks) release(k *Kernel, made madeLink) error {
	if !made.arp {
		return nil
	}
	var errs []error
	if p := s.parents[made.parent]; p != nil {
		if p.users--; p.users == 0 {
			delete(s.parents, made.parent)
			errs = append(errs, p.restore(k, made.parent))
		}
	}
	if s.users--; s.users == 0 && s.rpFilter != nil {
		value := *s.rpFilter
		s.rpFilter, s.lowered = nil, false
		if is, err := k.AllRPFilter(); err == nil && is == 0 && value > 0 {
			errs = append(errs, k.SetAllRPFilter(value))
		}
		if s.raised != nil {
			errs = append(errs, s.raised())
			s.raised = nil
		}
	}
	return errors.Join(errs...)
}

// restore puts the settings back, unless somebody has changed them meanwhile.
func (p *parentSettings) restore(k *Kernel, index int) error {
	parent, err := k.LinkOf(index)
	if err != nil {
		return nil // it is gone, and they with it
	}
	var errs []error
	for _, wanted := range parentWanted {
		before, ok := p.before[wanted.String()]
		if is, err := k.Setting(parent.Name, wanted.Setting); ok && err == nil && is == wanted.value {
			errs = append(errs, ignoreMissing(k.Set(parent, wanted.Setting, before)))
		}
	}
	return errors.Join(errs...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
