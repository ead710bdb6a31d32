package vrrp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

const (
	// linkAgainFirst and linkAgainMax are the first and the longest pause before a virtual link that cannot be made, or that
	// somebody has removed, is made again.
	linkAgainFirst = time.Second
	linkAgainMax   = time.Minute
)

// virtualLinks keeps the interfaces that virtual routers need. They exist as long as one of their routers does, whatever its
// state, and are made again when they vanish. Making and removing is done by a goroutine of its own, one after the other.
// The rest belongs to Run.
type virtualLinks struct {
	runner *Runner
	kept   map[string]*keptLink // by name
	// unsuited are the instances that do without a VMAC, for their interface cannot have one.
	unsuited map[confparse.InstanceName]bool
	againAt  election.Instant
	results  chan linkMade
	work     linkWork
	done     chan struct{} // closed when the goroutine has ended
	started  bool
}

// keptLink is one virtual link.
type keptLink struct {
	want    lan.VirtualLink
	users   map[election.Handle]*virtualRouter // those that drain too
	pending int                                // orders to make it that were not answered
	waits   bool                               // for another one to go that has its place
	failed  string                             // why it could not be made at last, which was logged
	madeAt  election.Instant                   // when it was there at last
	pause   time.Duration
	at      election.Instant // when it is to be made again
}

// linkMade is the outcome of an order to make a link.
type linkMade struct {
	name  string
	link  netio.Link
	found bool
	err   error
}

// linkWork is what the goroutine has to do.
type linkWork struct {
	mu     sync.Mutex
	orders []linkOrder
	closed bool
	signal chan struct{} // holds one token while there may be something to do
	err    error         // of removals
}

// linkOrder is a link to make, or a name to remove.
type linkOrder struct {
	make   lan.VirtualLink
	remove string
}

func newVirtualLinks(r *Runner) *virtualLinks {
	return &virtualLinks{runner: r, kept: make(map[string]*keptLink),
		unsuited: make(map[confparse.InstanceName]bool), againAt: election.Never, results: make(chan linkMade),
		work: linkWork{signal: make(chan struct{}, 1)}, done: make(chan struct{})}
}

func (v *virtualLinks) order(o linkOrder) {
	if !v.started {
		v.started = true
		go v.run()
	}
	v.work.mu.Lock()
	defer v.work.mu.Unlock()
	v.work.orders = append(v.work.orders, o)
	v.work.wake()
}

func (w *linkWork) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

func (w *linkWork) next() (o linkOrder, some, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.orders) == 0 {
		return o, false, w.closed
	}
	o, w.orders = w.orders[0], w.orders[1:]
	return o, true, false
}

func (v *virtualLinks) run() {
	defer close(v.done)
	network := v.runner.network
	for {
		switch o, some, ended := v.work.next(); {
		case ended:
			return
		case !some:
			<-v.work.signal
		case o.remove != "":
			v.work.err = errors.Join(v.work.err, network.RemoveLink(o.remove))
		default:
			m := linkMade{name: o.make.Name}
			m.link, m.found, m.err = network.MakeLink(o.make)
			select {
			case v.results <- m:
			case <-v.runner.quit:
			}
		}
	}
}

// need makes the router a user of exactly the links of its spec.
func (v *virtualLinks) need(in *virtualRouter) {
	wanted := make(map[string]bool)
	for _, l := range in.spec.VirtualLinks() {
		wanted[l.Name] = true
		k := v.kept[l.Name]
		if k == nil {
			k = &keptLink{users: make(map[election.Handle]*virtualRouter), at: election.Never}
			v.kept[l.Name] = k
		}
		k.users[in.handle] = in
		v.refresh(k, lanLink(&l))
	}
	for _, name := range slices.Sorted(maps.Keys(v.kept)) {
		if k := v.kept[name]; k.users[in.handle] != nil && !wanted[name] {
			v.drop(name, in.handle)
		}
	}
	v.goOn()
}

// refresh makes the link as its users want it, if that is not what it is.
func (v *virtualLinks) refresh(k *keptLink, want lan.VirtualLink) {
	for _, in := range k.users {
		for _, l := range in.spec.VirtualLinks() {
			if l.Name == want.Name {
				want.IPv4, want.IPv6, want.LinkLocal = want.IPv4 || l.IPv4, want.IPv6 || l.IPv6, want.LinkLocal || l.LinkLocal
			}
		}
	}
	if k.want != want {
		k.want = want
		if k.waits = v.displaced(k); !k.waits {
			v.make(k)
		}
	}
}

// displaced reports whether another link with the same MAC address, which the kernel has once on a parent, is still there for
// routers that are about to go, as when a reload gives it another name.
func (v *virtualLinks) displaced(k *keptLink) bool {
	if k.madeAt > 0 || k.want.Kind != lan.Macvlan {
		return false
	}
	for _, o := range v.kept {
		if o != k && o.want.Kind == k.want.Kind && o.want.Parent == k.want.Parent && o.want.MAC == k.want.MAC && !v.needed(o) {
			return true
		}
	}
	return false
}

// goOn makes the links that need not wait any more.
func (v *virtualLinks) goOn() {
	for _, name := range slices.Sorted(maps.Keys(v.kept)) {
		if k := v.kept[name]; k.waits && !v.displaced(k) {
			k.waits = false
			v.make(k)
		}
	}
}

// needed reports whether one of the users of a link is not about to go.
func (v *virtualLinks) needed(k *keptLink) bool {
	for h := range k.users {
		if m, ok := v.runner.engine.StatusOf(h); ok && !m.Resigning {
			return true
		}
	}
	return false
}

func (v *virtualLinks) make(k *keptLink) {
	k.pending++
	k.at = election.Never
	v.order(linkOrder{make: k.want})
}

// ready reports whether the links of the router have been made, or cannot be.
func (v *virtualLinks) ready(in *virtualRouter) bool {
	return !v.making(in) && !slices.ContainsFunc(in.spec.VirtualLinks(), func(l election.VirtualLink) bool {
		k := v.kept[l.Name]
		return k != nil && k.waits
	})
}

// making reports whether a link of the router is being made for the first time.
func (v *virtualLinks) making(in *virtualRouter) bool {
	return slices.ContainsFunc(in.spec.VirtualLinks(), func(l election.VirtualLink) bool {
		k := v.kept[l.Name]
		return k != nil && k.pending > 0 && k.madeAt == 0 && k.failed == ""
	})
}

// release ends what a router that is no more needed.
func (v *virtualLinks) release(h election.Handle) {
	for _, name := range slices.Sorted(maps.Keys(v.kept)) {
		if _, user := v.kept[name].users[h]; user {
			v.drop(name, h)
		}
	}
}

func (v *virtualLinks) drop(name string, h election.Handle) {
	k := v.kept[name]
	delete(k.users, h)
	if len(k.users) == 0 {
		delete(v.kept, name)
		v.runner.places.unname(name)
		v.order(linkOrder{remove: name})
		v.goOn()
		return
	}
	for _, other := range slices.Sorted(maps.Keys(k.users)) { // what only h wanted of it goes
		for _, l := range k.users[other].spec.VirtualLinks() {
			if l.Name == name {
				v.refresh(k, lanLink(&l))
				return
			}
		}
	}
}

// made takes the outcome of an order. The link is taken as seen: that the watch tells about it may come later.
func (v *virtualLinks) made(m linkMade) {
	r := v.runner
	k := v.kept[m.name]
	if k == nil {
		return
	}
	k.pending--
	log := v.logOf(k)
	there := m.link.Index != 0
	if old, ok := r.view.link(m.name); there && (k.madeAt == 0 || !ok || old.Index != m.link.Index) {
		if m.found {
			log.infof("Found matching interface %s", m.name)
		} else {
			log.infof("Success creating VMAC interface %s", m.name)
		}
	}
	if m.err == nil {
		k.failed, k.pause = "", 0
	} else {
		if text := m.err.Error(); text != k.failed {
			k.failed = text
			if there {
				log.failed("VMAC interface "+m.name+" lacks settings", m.err)
			} else {
				log.failed("Unable to create VMAC interface "+m.name, m.err)
			}
		}
		if !errors.Is(m.err, netio.ErrNoLink) { // a parent that comes says so
			v.schedule(k)
		}
	}
	if !there {
		return
	}
	k.madeAt = max(r.now(), 1)
	r.linkChanged(m.link)
}

func (v *virtualLinks) logOf(k *keptLink) instanceLog {
	for _, h := range slices.Sorted(maps.Keys(k.users)) {
		return k.users[h].log
	}
	return instanceLog{logger: v.runner.log, name: "vrrp"}
}

// schedule has the link made again after a pause that grows.
func (v *virtualLinks) schedule(k *keptLink) {
	k.pause = min(max(linkAgainFirst, 2*k.pause), linkAgainMax)
	k.at = v.runner.now().Add(k.pause)
	v.againAt = min(v.againAt, k.at)
}

// again makes the links whose time has come.
func (v *virtualLinks) again(now election.Instant) {
	v.againAt = election.Never
	for _, name := range slices.Sorted(maps.Keys(v.kept)) {
		k := v.kept[name]
		if k.at <= now {
			v.make(k)
		}
		v.againAt = min(v.againAt, k.at)
	}
}

// lost makes a link again that has gone: at once, unless it was made only just now.
func (v *virtualLinks) lost(name string) {
	k := v.kept[name]
	switch {
	case k == nil:
	case v.runner.now() < k.madeAt.Add(linkAgainFirst):
		v.schedule(k)
	default:
		v.make(k)
	}
}

// parentChanged makes the links on an interface that is new, or otherwise than it was.
func (v *virtualLinks) parentChanged(parent string) {
	for _, name := range slices.Sorted(maps.Keys(v.kept)) {
		if k := v.kept[name]; k.want.Parent == parent && k.pending == 0 && !k.waits {
			v.make(k)
		}
	}
}

// removeAbandoned removes the links that an earlier process has left and nobody needs now.
func (v *virtualLinks) removeAbandoned() {
	for _, name := range slices.Sorted(maps.Keys(v.runner.view.links)) {
		if lan.Abandoned(v.runner.view.links[name].Alias) && v.kept[name] == nil {
			v.runner.log.Info(fmt.Sprintf("removing interface %s left by an earlier process", name))
			v.order(linkOrder{remove: name})
		}
	}
}

// close ends the goroutine, after it has removed all links unless they are to stay. The error is why one could not be.
func (v *virtualLinks) close(stay bool) error {
	if !stay {
		for _, name := range slices.Sorted(maps.Keys(v.kept)) {
			v.order(linkOrder{remove: name})
		}
	}
	if !v.started {
		return nil
	}
	v.work.mu.Lock()
	v.work.closed = true
	v.work.wake()
	v.work.mu.Unlock()
	<-v.done
	return v.work.err
}
