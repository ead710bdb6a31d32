package vrrp

import (
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// Change is one transition of a virtual router (Group is "") or of a sync group (Instance is ""), or something else that
// is told of a virtual router, by its Kind.
type Change struct {
	Kind     election.NotifyKind
	Instance confparse.InstanceName
	Group    confparse.GroupName
	From, To election.State
	Priority uint8          // effective, of an instance
	Initial  bool           // the first state
	Removed  bool           // To is Init because a reload has removed it
	Cause    election.Cause // of an instance
	Told     election.Audience
	Time     time.Time // of the decision
}

// changeOf is the Change that a tells of, of a virtual router of that name or of the sync group that it names, decided at a
// moment.
func changeOf(a election.Notify, name confparse.InstanceName, at time.Time) Change {
	return Change{Kind: a.Kind, Instance: name, Group: a.Group, From: a.From, To: a.To, Priority: a.Priority, Initial: a.Initial,
		Removed: a.Removed, Cause: a.Cause, Told: a.Told, Time: at}
}

// Changes are the transitions that one reader has not taken yet. None is lost. Those of one object come in the order in
// which they happened, when the resources have followed; those of the members of a sync group too, and its own after them.
type Changes struct {
	mu     sync.Mutex
	list   []Change
	signal chan struct{} // holds one token while list may be not empty
}

func newChanges() *Changes { return &Changes{signal: make(chan struct{}, 1)} }

// Changed receives when Take has something to return.
func (c *Changes) Changed() <-chan struct{} { return c.signal }

// Take returns what has come since the last call, oldest first.
func (c *Changes) Take() []Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

func (c *Changes) put(ch Change) {
	c.mu.Lock()
	c.list = append(c.list, ch)
	c.mu.Unlock()
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

// changes brings transitions to all readers. Each begins when the Engine has decided it and ends when its resources have
// followed, which for different virtual routers takes different times.
type changes struct {
	mu      sync.Mutex
	readers []*Changes
	early   []*Changes // that are told when the Engine has decided
	pending []*change  // begun and not ended, oldest first
}

// change is a transition on its way.
type change struct {
	Change
	waits     int       // for how many others; the order of a virtual router's own counts as one
	followers []*change // that wait for this one
}

// follow adds a reader.
func (c *changes) follow() *Changes {
	c.mu.Lock()
	defer c.mu.Unlock()
	reader := newChanges()
	c.readers = append(c.readers, reader)
	return reader
}

// followEarly adds a reader of decided alone.
func (c *changes) followEarly() *Changes {
	c.mu.Lock()
	defer c.mu.Unlock()
	reader := newChanges()
	c.early = append(c.early, reader)
	return reader
}

// unfollow removes a reader.
func (c *changes) unfollow(reader *Changes) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is := func(o *Changes) bool { return o == reader }
	c.readers, c.early = slices.DeleteFunc(c.readers, is), slices.DeleteFunc(c.early, is)
}

// decided tells the early readers that a virtual router has another state, whose resources are still to follow.
func (c *changes) decided(ch Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, reader := range c.early {
		reader.put(ch)
	}
}

// begin notes the transition of a virtual router, which comes when end has been called and those that its fellows, the members
// of its sync group, have begun before have come: who reads of a group reads the order in which it moved.
func (c *changes) begin(ch Change, fellows []confparse.InstanceName) *change {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &change{Change: ch, waits: 1}
	for _, o := range c.pending {
		if o.Instance != "" && slices.Contains(fellows, o.Instance) {
			p.waits++
			o.followers = append(o.followers, p)
		}
	}
	c.pending = append(c.pending, p)
	return p
}

// group notes the transition of a sync group, which comes when those of the members that have begun have ended.
func (c *changes) group(ch Change, members []confparse.InstanceName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &change{Change: ch, waits: 1}
	for _, o := range c.pending {
		if o.Group == ch.Group && ch.Group != "" && o.Instance == "" || o.Instance != "" && slices.Contains(members, o.Instance) {
			p.waits++
			o.followers = append(o.followers, p)
		}
	}
	c.pending = append(c.pending, p)
	c.release(p)
}

// end says that the resources of a virtual router have followed its transition.
func (c *changes) end(p *change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(p)
}

// release takes one reason to wait from p and brings it to the readers when that was the last.
func (c *changes) release(p *change) {
	if p.waits--; p.waits > 0 {
		return
	}
	c.pending = slices.DeleteFunc(c.pending, func(o *change) bool { return o == p })
	for _, reader := range c.readers {
		reader.put(p.Change)
	}
	for _, f := range p.followers {
		c.release(f)
	}
}
