package daemon

import (
	"context"
	"maps"
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
	// askDecided is how often it is looked whether the checks of a virtual server have decided, of which that is not known yet.
	askDecided = time.Second
	// clearLimit is how long a reload waits until addresses are gone that are announced no more.
	clearLimit = 2 * time.Second
	// withdrawLimit is how long it may take to withdraw all of them.
	withdrawLimit = 5 * time.Second
)

// announcements say which addresses of virtual servers with announce_on are to be on their interfaces: those that one virtual server
// with its quorum has. The first announcement waits until all checks have decided: with a part of the servers mh and sh give other ones
// to connections than the directors do that have all. Their methods may be called from any goroutine.
type announcements struct {
	keeper *announce.Keeper

	mu      sync.Mutex
	servers map[confparse.VirtualServerID]*announced
	users   map[announce.Place][]confparse.VirtualServerID
	present map[announce.Place]bool // those of users that were to be there once
}

// announced is a virtual server with announce_on.
type announced struct {
	places  []announce.Place
	since   time.Time // it has been one
	decided bool      // its checks have, once
	known   bool      // whether it has its quorum, which is up
	up      bool
}

// undecided reports whether it may be that it has its quorum with all of its servers, or will have soon.
func (s *announced) undecided() bool { return !s.decided && (s.up || !s.known) }

func newAnnouncements(k *announce.Keeper) *announcements {
	return &announcements{keeper: k, present: make(map[announce.Place]bool)}
}

// prospect is where announcements see how virtual servers are.
type prospect struct {
	// decided is healthcheck.Manager.Decided.
	decided func(since map[confparse.VirtualServerID]time.Time) (decided, empty []confparse.VirtualServerID)
	// settle waits until the table is as what the checks have said.
	settle func(context.Context) error
	pools  func() []ipvs.PoolStatus
}

// run keeps the addresses where they are to be until ctx ends.
func (a *announcements) run(ctx context.Context, p prospect) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		every := time.NewTicker(askDecided)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				a.ask(asking, p)
			case <-asking.Done():
				return
			}
		}
	}()
	return a.keeper.Run(ctx)
}

// ask finds out which checks have decided since, and what has come of it.
func (a *announcements) ask(ctx context.Context, p prospect) {
	a.mu.Lock()
	open := make(map[confparse.VirtualServerID]time.Time)
	for id, s := range a.servers {
		if !s.decided {
			open[id] = s.since
		}
	}
	a.mu.Unlock()
	if len(open) == 0 {
		return
	}
	decided, empty := p.decided(open)
	a.mu.Lock()
	empty = slices.DeleteFunc(empty, func(id confparse.VirtualServerID) bool { return a.servers[id] == nil || a.servers[id].known })
	a.mu.Unlock()
	if len(decided)+len(empty) > 0 && p.settle(ctx) == nil {
		a.learn(decided, empty, p.pools)
	}
}

// learn takes that the checks of some virtual servers have decided, and that others have no servers: those that come later are waited for.
func (a *announcements) learn(decided, empty []confparse.VirtualServerID, pools func() []ipvs.PoolStatus) {
	a.mu.Lock()
	defer a.mu.Unlock()
	up := make(map[confparse.VirtualServerID]bool)
	for _, p := range pools() { // here, so that take is told of what comes after it
		up[p.VirtualServer] = p.QuorumUp
	}
	for _, id := range slices.Concat(decided, empty) {
		s := a.servers[id]
		quorum, exists := up[id]
		if s == nil || s.decided || !exists {
			continue
		}
		s.decided, s.known, s.up = slices.Contains(decided, id), true, quorum
		a.tell(s)
	}
}

// take takes what has happened to a virtual server. That one has its quorum from the start, or has not, is no news before its checks have
// decided.
func (a *announcements) take(e ipvs.Event) {
	gained := e.Kind == ipvs.QuorumGained
	if !gained && e.Kind != ipvs.QuorumLost {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.servers[e.VirtualServer]; s != nil && (s.decided || !e.Initial) {
		s.known, s.up = true, gained
		a.tell(s)
	}
}

// tell has the keeper look after what has become of the places of a virtual server. a.mu is held.
func (a *announcements) tell(s *announced) {
	changes := make(map[announce.Place]announce.Want, len(s.places))
	for _, p := range s.places {
		changes[p] = a.want(p)
	}
	a.keeper.Want(changes)
}

// want is what a place is to be. What was there once comes back with the first virtual server that has its quorum. a.mu is held.
func (a *announcements) want(p announce.Place) announce.Want {
	up, undecided := false, false
	for _, id := range a.users[p] {
		s := a.servers[id]
		up, undecided = up || s.decided && s.up, undecided || s.undecided()
	}
	switch {
	case up && (!undecided || a.present[p]):
		a.present[p] = true
		return announce.Present
	case undecided:
		return announce.Unknown
	}
	return announce.Absent
}

// prospect is how the virtual servers are that run.
func (s *services) prospect(r *runningServices) prospect {
	return prospect{decided: r.checks.Decided, pools: r.table.Pools, settle: func(ctx context.Context) error {
		s.mu.Lock() // after which what is checked is also what the table is to be
		r.table.Report(changesOfHealth(r.checks.Take()))
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(ctx, askDecided)
		defer cancel()
		return r.table.Sync(ctx)
	}}
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

// set makes the virtual servers of spec those that are announced, and reports whether there is anything to do.
func (a *announcements) set(spec ipvs.Spec) (any bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.servers
	a.servers = make(map[confparse.VirtualServerID]*announced)
	a.users = make(map[announce.Place][]confparse.VirtualServerID)
	for i := range spec.VirtualServers {
		vs := &spec.VirtualServers[i]
		if vs.Announce == "" {
			continue
		}
		s := before[vs.ID]
		if s == nil {
			s = &announced{since: time.Now()}
		}
		s.places = nil
		a.servers[vs.ID] = s
		for addr := range vs.Addresses() {
			p := announce.Place{Interface: vs.Announce, Addr: addr}
			if users := a.users[p]; !slices.Contains(users, vs.ID) {
				a.users[p] = append(users, vs.ID)
				s.places = append(s.places, p)
			}
		}
	}
	maps.DeleteFunc(a.present, func(p announce.Place, _ bool) bool { return a.users[p] == nil })
	places := make(map[announce.Place]announce.Want, len(a.users))
	for p := range a.users {
		places[p] = a.want(p)
	}
	a.keeper.Set(places)
	return !a.keeper.Idle()
}

// failure is what keeps addresses from being as they are to be, as the status has it; nil: nothing.
func (a *announcements) failure() *status.IPVSFailure {
	f := a.keeper.Failure()
	if f == nil {
		return nil
	}
	return &status.IPVSFailure{Service: "announce_on", Error: f.Error, Attempts: f.Attempts, Since: f.Since, Retry: f.Retry}
}
