package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/announce"
	"vigil/internal/namespace"
	"vigil/internal/status"
	"vigil/ipvs"
)

const (
	// announceState ends the name of the file that remembers where announce_on may have put addresses.
	announceState = "-announced.json"
	// askDecided is how often it is looked whether the checks have decided of which virtual server nothing is known yet.
	askDecided = time.Second
	// clearLimit is how long a reload waits until addresses are gone that are announced no more.
	clearLimit = 2 * time.Second
	// withdrawLimit is how long it may take to withdraw all of them.
	withdrawLimit = 5 * time.Second
)

// announcements say which addresses of virtual servers with announce_on are to be on their interfaces: those that one virtual server
// with its quorum has. A virtual server's first announcement waits until all of its checks have decided: with a part of the servers mh
// and sh give other ones to connections than the directors that have all. Their methods may be called from any goroutine.
type announcements struct {
	keeper *announce.Keeper

	mu      sync.Mutex
	servers map[confparse.VirtualServerID][]announce.Place
	users   map[announce.Place][]confparse.VirtualServerID
	quorum  map[confparse.VirtualServerID]bool // of servers, as far as it is known
}

func newAnnouncements(k *announce.Keeper) *announcements { return &announcements{keeper: k} }

// run keeps the addresses where they are to be until ctx ends. decided is asked, again and again, whether those have their quorum of
// which that is not known yet.
func (a *announcements) run(ctx context.Context, decided func(map[confparse.VirtualServerID]bool) map[confparse.VirtualServerID]bool) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		every := time.NewTicker(askDecided)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				if open := a.unknown(); len(open) > 0 {
					a.learn(decided(open))
				}
			case <-asking.Done():
				return
			}
		}
	}()
	return a.keeper.Run(ctx)
}

// unknown are the virtual servers of which it is not known whether they have their quorum.
func (a *announcements) unknown() map[confparse.VirtualServerID]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	open := make(map[confparse.VirtualServerID]bool)
	for id := range a.servers {
		if _, known := a.quorum[id]; !known {
			open[id] = true
		}
	}
	return open
}

// learn takes whether virtual servers have their quorum of which that is not known yet.
func (a *announcements) learn(quorum map[confparse.VirtualServerID]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, up := range quorum {
		if _, known := a.quorum[id]; !known {
			a.decide(id, up)
		}
	}
}

// decide takes whether a virtual server has its quorum. a.mu is held.
func (a *announcements) decide(id confparse.VirtualServerID, up bool) {
	places, ok := a.servers[id]
	if !ok {
		return
	}
	a.quorum[id] = up
	changes := make(map[announce.Place]announce.Want, len(places))
	for _, p := range places {
		changes[p] = a.want(p)
	}
	a.keeper.Want(changes)
}

// decided returns, of the virtual servers asked for, whether those have their quorum of which the table is programmed and all checks have
// decided.
func (r *runningServices) decided(open map[confparse.VirtualServerID]bool) map[confparse.VirtualServerID]bool {
	select {
	case <-r.table.Ready():
	default:
		return nil
	}
	settled := make(map[confparse.VirtualServerID]bool)
	for _, vs := range r.checks.Status().VirtualServers {
		settled[vs.ID] = open[vs.ID] && !slices.ContainsFunc(vs.RealServers, func(rs healthcheck.RealServerStatus) bool {
			return slices.ContainsFunc(rs.Checks, func(c healthcheck.CheckStatus) bool { return !c.Decided })
		})
	}
	known := make(map[confparse.VirtualServerID]bool)
	for _, p := range r.table.Pools() {
		if settled[p.VirtualServer] {
			known[p.VirtualServer] = p.QuorumUp
		}
	}
	return known
}

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
// there before pools, which is called once, says how they are; of others learn will be told.
func (a *announcements) set(spec ipvs.Spec, pools func() []ipvs.PoolStatus) (any bool) {
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
	for _, p := range pools() { // here, so that take is told of what comes after it
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

// take takes what has happened to a virtual server. That one has its quorum is no news as long as its checks have not decided.
func (a *announcements) take(e ipvs.Event) {
	if e.Kind != ipvs.QuorumGained && e.Kind != ipvs.QuorumLost {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.quorum[e.VirtualServer]; known {
		a.decide(e.VirtualServer, e.Kind == ipvs.QuorumGained)
	}
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
