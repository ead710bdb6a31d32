package daemon

import (
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/announce"
	"vigil/internal/namespace"
	"vigil/internal/status"
	"vigil/ipvs"
)

const (
	// announceState ends the name of the file that remembers where announce_on may have put addresses.
	announceState = "-announced.json"
	// withdrawLimit is how long it may take to withdraw all of them.
	withdrawLimit = 5 * time.Second
)

// announcements say which addresses of virtual servers with announce_on are to be on their interfaces: those that one virtual server
// with its quorum has. Their methods may be called from any goroutine.
type announcements struct {
	keeper *announce.Keeper

	mu      sync.Mutex
	servers map[confparse.VirtualServerID][]announce.Place
	users   map[announce.Place][]confparse.VirtualServerID
	quorum  map[confparse.VirtualServerID]bool // of servers, as far as it is known
}

func newAnnouncements(k *announce.Keeper) *announcements { return &announcements{keeper: k} }

// openNetworkOfIPVS opens the network of the namespace in which virtual servers are.
func (s surroundings) openNetworkOfIPVS() (n announce.Network, err error) {
	if s.opts.ipvsNamespace == "" {
		return s.openNetwork(confparse.BufferSize{}, confparse.BufferSize{})
	}
	ns, err := namespace.At(s.opts.ipvsNamespace)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	err = ns.Do(func() (err error) {
		n, err = s.openNetwork(confparse.BufferSize{}, confparse.BufferSize{})
		return err
	})
	return n, err
}

// set makes the virtual servers of spec those that are announced, and reports whether there is anything to do. Of those that have been
// there before pools says how they are; of others take will be told.
func (a *announcements) set(spec ipvs.Spec, pools []ipvs.PoolStatus) (any bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.quorum
	a.servers = make(map[confparse.VirtualServerID][]announce.Place)
	a.users = make(map[announce.Place][]confparse.VirtualServerID)
	a.quorum = make(map[confparse.VirtualServerID]bool)
	for i := range spec.VirtualServers {
		vs := &spec.VirtualServers[i]
		if vs.Announce == "" {
			continue
		}
		a.servers[vs.ID] = nil
		for addr := range vs.Addresses() {
			p := announce.Place{Interface: vs.Announce, Addr: addr}
			if users := a.users[p]; !slices.Contains(users, vs.ID) {
				a.users[p] = append(users, vs.ID)
				a.servers[vs.ID] = append(a.servers[vs.ID], p)
			}
		}
	}
	for _, p := range pools {
		if _, ok := a.servers[p.VirtualServer]; ok {
			a.quorum[p.VirtualServer] = p.QuorumUp
		}
	}
	for id, up := range known {
		if _, ok := a.servers[id]; ok {
			a.quorum[id] = up
		}
	}
	places := make(map[announce.Place]announce.Want, len(a.users))
	for p := range a.users {
		places[p] = a.want(p)
	}
	a.keeper.Set(places)
	return !a.keeper.Idle()
}

// take takes what has happened to a virtual server.
func (a *announcements) take(e ipvs.Event) {
	if e.Kind != ipvs.QuorumGained && e.Kind != ipvs.QuorumLost {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	places, ok := a.servers[e.VirtualServer]
	if !ok {
		return
	}
	a.quorum[e.VirtualServer] = e.Kind == ipvs.QuorumGained
	changes := make(map[announce.Place]announce.Want, len(places))
	for _, p := range places {
		changes[p] = a.want(p)
	}
	a.keeper.Want(changes)
}

// want is what a place is to be. a.mu is held.
func (a *announcements) want(p announce.Place) announce.Want {
	want := announce.Absent
	for _, id := range a.users[p] {
		switch up, known := a.quorum[id]; {
		case up:
			return announce.Present
		case !known:
			want = announce.Unknown
		}
	}
	return want
}

// failure is what keeps addresses from being as they are to be, as the status has it; nil: nothing.
func (a *announcements) failure() *status.IPVSFailure {
	f := a.keeper.Failure()
	if f == nil {
		return nil
	}
	return &status.IPVSFailure{Service: "announce_on", Error: f.Error, Attempts: f.Attempts, Since: f.Since, Retry: f.Retry}
}
