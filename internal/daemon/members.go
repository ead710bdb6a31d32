package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigil/confparse"
	"vigil/internal/members"
	"vigil/internal/status"
)

const (
	// membersState ends the name of the file that remembers the members.
	membersState     = "-members.json"
	membersStopLimit = 5 * time.Second
	// learnLimit is how long a reload waits for name servers to say who the members of a new name are, so that a virtual server whose
	// servers are to come from it is not without any in between.
	learnLimit = 2 * time.Second
)

// membersSpec is where members come from that virtual servers have (real_servers_from).
type membersSpec struct{ Sources []confparse.Source }

func membersSpecOf(c *confparse.Config) membersSpec {
	list := c.Sources()
	slices.SortFunc(list, func(a, b confparse.Source) int { return cmp.Compare(sourceText(a), sourceText(b)) })
	return membersSpec{list}
}

// sourceText is a source as a plan tells of it: one name may be asked for addresses of either family.
func sourceText(s confparse.Source) string {
	switch {
	case s.File != "":
		return s.String()
	case s.IPv4 && s.IPv6:
		return s.String() + " (A, AAAA)"
	case s.IPv6:
		return s.String() + " (AAAA)"
	}
	return s.String() + " (A)"
}

// memberLists are the lists of sources at one moment.
type memberLists map[confparse.Source][]confparse.Member

func (l memberLists) of(s confparse.Source) []confparse.Member { return l[s] }

// following is the part that follows where members come from. It starts with the first source. What it finds becomes a desired state in
// the daemon, which alone knows the configuration.
type following struct {
	surroundings
	watcher func() *members.Watcher
	uses    atomic.Pointer[[]memberUse]

	task *task // owned by the daemon's goroutine
}

// memberUse is a virtual server with a source.
type memberUse struct {
	server  string
	from    confparse.Source
	members int
}

func newFollowing(s surroundings) *following {
	f := &following{surroundings: s}
	f.watcher = sync.OnceValue(func() *members.Watcher { // by then it is known what the pid files are called
		o := s.opts.Members
		o.Logger, o.StatePath = s.log.With(componentKey, "members"), s.statePath(membersState)
		return members.New(o)
	})
	s.metrics.MustRegister(memberMetrics{f})
	return f
}

func (f *following) String() string { return "members" }

func (f *following) diff(old, new Desired) (steps []Step) {
	d := diffLists(old.Members.Sources, new.Members.Sources, func(s confparse.Source) confparse.Source { return s },
		func(a, b confparse.Source) bool { return true })
	for _, s := range d.added {
		steps = append(steps, step(Add, "real_servers_from %s", sourceText(s)))
	}
	for _, s := range d.removed {
		steps = append(steps, step(Remove, "real_servers_from %s", sourceText(s)))
	}
	return steps
}

func (f *following) prepare(_ context.Context, next Desired) (prepared, error) {
	if f.task == nil && len(next.Members.Sources) == 0 {
		return prepared{}, nil
	}
	return prepared{commit: func(context.Context) error {
		f.watcher().Follow(next.Members.Sources)
		if f.task == nil {
			f.task = startTask(f.String(), f.ended, f.watcher().Run)
		}
		return nil
	}}, nil
}

func (f *following) stop() error { return stopTasks(stopping{f.task, membersStopLimit}) }

func (f *following) unready() string { return "" }

func (f *following) status(to *status.Status) {
	uses := f.uses.Load()
	if uses == nil || len(*uses) == 0 {
		return
	}
	to.Members = &status.Members{}
	for _, u := range *uses {
		st, _ := f.watcher().Status(u.from)
		one := status.MemberSource{VirtualServer: u.server, Source: u.from.String(), Members: u.members, Listed: st.Members, Since: st.Since,
			Remembered: st.Remembered}
		if st.Failure != "" {
			one.Failing = &status.MemberFailure{Error: st.Failure, Attempts: st.Attempts, Since: st.Failing, Retry: st.Retry}
		}
		to.Members.Sources = append(to.Members.Sources, one)
	}
}

// changed receives when members may have changed.
func (f *following) changed() <-chan struct{} {
	if !f.opts.Checkers {
		return nil
	}
	return f.watcher().Changed()
}

// taken returns l with the members that its sources have now. Of those that are new it finds out, for a limited time. It may be called
// from any goroutine.
func (f *following) taken(ctx context.Context, l loaded, limit time.Duration) loaded {
	if l.sourced == nil || !f.opts.Checkers {
		return l
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	sources := l.sourced.Sources()
	f.watcher().Learn(ctx, sources)
	l.lists = make(memberLists, len(sources))
	for _, s := range sources {
		l.lists[s] = f.watcher().List(s)
	}
	l.desired, _ = l.desired.Updated(l.sourced.WithMembers(l.lists.of)) // which has all that is left out as unchanged
	return l
}

// use remembers which virtual servers have how many members of what, for who asks.
func (f *following) use(l loaded) {
	if !f.opts.Checkers {
		return
	}
	var all []memberUse
	l.eachSource(func(vs *confparse.VirtualServer, from confparse.Source, list []*confparse.RealServer) {
		all = append(all, memberUse{vs.ID.String(), from, len(list)})
	})
	f.uses.Store(&all)
}

// eachSource calls visit with the members of each source of each virtual server.
func (l loaded) eachSource(visit func(*confparse.VirtualServer, confparse.Source, []*confparse.RealServer)) {
	if l.sourced == nil {
		return
	}
	for _, vs := range l.sourced.VirtualServers {
		for i, list := range vs.Members(l.lists.of) {
			visit(vs, vs.Sources[i].From, list)
		}
	}
}

// tellMembers tells how the members differ that virtual servers get with next.
func (d *daemon) tellMembers(next loaded) {
	type key struct {
		server confparse.VirtualServerID
		from   confparse.Source
	}
	before := make(map[key]map[confparse.RealServerID]int32)
	d.running.eachSource(func(vs *confparse.VirtualServer, from confparse.Source, list []*confparse.RealServer) {
		before[key{vs.ID, from}] = weights(list)
	})
	next.eachSource(func(vs *confparse.VirtualServer, from confparse.Source, list []*confparse.RealServer) {
		had, has := before[key{vs.ID, from}], weights(list)
		var came, went, changed int
		for id, weight := range has {
			if old, stayed := had[id]; !stayed {
				came++
			} else if old != weight {
				changed++
			}
		}
		for id := range had {
			if _, stays := has[id]; !stays {
				went++
			}
		}
		if came+went+changed > 0 || had == nil {
			d.log.Info(fmt.Sprintf("Virtual server %s, members of %s: %d came, %d went, %d changed their weight; now there are %d", vs.ID, from,
				came, went, changed, len(has)), "virtual_server", vs.ID.String())
		}
	})
}

// weights are the weights of servers, by their identity.
func weights(list []*confparse.RealServer) map[confparse.RealServerID]int32 {
	all := make(map[confparse.RealServerID]int32, len(list))
	for _, rs := range list {
		all[rs.ID] = rs.Weight
	}
	return all
}
