package daemon

import (
	"slices"
	"sync"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/ipvs"
)

// followed is a virtual server that virtual routers follow: those of one name, which are up while all of them have their
// quorum.
type followedServer struct {
	Name    string // as track_virtual_server has it
	Servers []confparse.VirtualServerID
}

func (f followedServer) id() track.ID { return track.ID{Kind: track.VirtualServer, Name: f.Name} }

// followedOf lists what the instances and groups of c follow.
func followedOf(c *confparse.Config) []followedServer {
	var names []string
	for _, in := range c.Instances {
		for _, t := range in.Tracking.Servers {
			names = append(names, t.Name)
		}
	}
	for _, g := range c.SyncGroups {
		for _, t := range g.Tracking.Servers {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	var list []followedServer
	for _, name := range slices.Compact(names) {
		f := followedServer{Name: name}
		for _, vs := range c.VirtualServers {
			if vs.ID.TrackName() == name {
				f.Servers = append(f.Servers, vs.ID)
			}
		}
		list = append(list, f)
	}
	return list
}

// quorums tells whether the virtual servers that are followed have their quorum. Its methods may be called from any
// goroutine.
type quorums struct {
	tell   func(track.ID, int)
	forget func(track.ID)

	mu       sync.Mutex
	followed []followedServer
	up       map[confparse.VirtualServerID]bool // as far as it is known
}

// set makes list what is followed, of which pools says how things are. What is not in it yet will be told.
func (q *quorums) set(list []followedServer, pools []ipvs.PoolStatus) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, old := range q.followed {
		if !slices.ContainsFunc(list, func(f followedServer) bool { return f.Name == old.Name }) {
			q.forget(old.id())
		}
	}
	q.followed = list
	before := q.up
	q.up = make(map[confparse.VirtualServerID]bool)
	if len(list) == 0 {
		return
	}
	known := make(map[confparse.VirtualServerID]bool, len(pools))
	for _, p := range pools {
		known[p.VirtualServer] = p.QuorumUp
	}
	for _, f := range list {
		for _, id := range f.Servers {
			if up, ok := known[id]; ok {
				q.up[id] = up
			} else if up, ok := before[id]; ok {
				q.up[id] = up
			}
		}
		q.say(f)
	}
}

// take takes what has happened to a virtual server.
func (q *quorums) take(e ipvs.Event) {
	if e.Kind != ipvs.QuorumGained && e.Kind != ipvs.QuorumLost {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range q.followed {
		if slices.Contains(f.Servers, e.VirtualServer) {
			q.up[e.VirtualServer] = e.Kind == ipvs.QuorumGained
			q.say(f)
		}
	}
}

// say tells of f, unless nothing is known of any of it. mu is held.
func (q *quorums) say(f followedServer) {
	value, known := track.Up, false
	for _, id := range f.Servers {
		up, ok := q.up[id]
		known = known || ok
		if ok && !up {
			value = track.Down
		}
	}
	if known {
		q.tell(f.id(), value)
	}
}
