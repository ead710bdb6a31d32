package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/connsync"
	"vigil/internal/netio"
	"vigil/internal/status"
	"vigil/internal/track"
	"vigil/ipvs"
)

// resyncStopLimit is how long it may take until nothing is asked and told any more.
const resyncStopLimit = 3 * time.Second

// listenLimit is how long the kernel's backup daemon is waited for before it is asked all the same: virtual routers wait for the answer.
const listenLimit = 2 * time.Second

// resync has a director that returns learn the connections of the one that has served meanwhile, and its virtual routers leave that
// one alone until then. The kernel's backup daemon reads the answers, so it has to run before anything is asked. Its
// fields are guarded by the mutex of syncing.
type resync struct {
	surroundings
	exchange *connsync.Exchange
	keeper   *ipvs.SyncKeeper
	begin    chan uint64 // one slot: the number of a question that is asked when the kernel listens

	instance confparse.InstanceName // that decides who asks whom; "" = none
	spec     connsync.Spec
	waitedBy track.ID // what is down while virtual routers wait
	number   uint64   // of the last question
	links    map[string]netio.Link
	synced   bool // they are all there are
	tasks    struct{ exchange, follow *task }
}

// openConnections opens the kernel's lists and groups, or what stands for them.
func (s surroundings) openConnections() (connsync.Network, error) {
	if s.opts.Connections != nil {
		return s.opts.Connections()
	}
	return connsync.OpenKernel(s.opts.ipvsNamespace)
}

// newResync starts one. It tells of outcomes, that the kernel listens to the answer of a question, and of links.
func newResync(s surroundings, keeper *ipvs.SyncKeeper, buffer confparse.BufferSize, done func(connsync.Outcome), listening func(number uint64),
	returned func(netio.Event)) (*resync, error) {
	network, err := s.openConnections()
	if err != nil {
		return nil, err
	}
	r := &resync{surroundings: s, keeper: keeper, begin: make(chan uint64, 1), links: make(map[string]netio.Link)}
	r.exchange = connsync.New(connsync.Options{Network: network, Done: done, Log: s.log.With(componentKey, "ipvs"), Metrics: s.metrics,
		Services: func(ctx context.Context) (*connsync.Services, error) {
			kernel, err := s.openIPVS(ctx, buffer, nil)
			if err != nil {
				return nil, err
			}
			defer kernel.Close()
			table, err := kernel.Read(ctx, nil)
			return connsync.NewServices(serversOf(table)), err
		}})
	r.tasks.exchange = startTask(r.exchange.String(), s.ended, func(ctx context.Context) error {
		defer network.Close()
		return r.exchange.Run(ctx)
	})
	r.tasks.follow = startTask("link of "+r.exchange.String(), s.ended, func(ctx context.Context) error { return r.follow(ctx, listening, returned) })
	return r, nil
}

// follow asks when the kernel listens, and tells of links, until ctx ends.
func (r *resync) follow(ctx context.Context, listening func(number uint64), returned func(netio.Event)) error {
	events := make(chan netio.Event, 64)
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.opts.ipvsNamespace == "" { // of links elsewhere nothing is known
		watching.Go(func() { r.watchLinks(ctx, events) })
	}
	for {
		select {
		case number := <-r.begin:
			limited, enough := context.WithTimeout(ctx, listenLimit)
			_ = r.keeper.Sync(limited) // also when the kernel refuses to listen: that has been said
			enough()
			listening(number)
		case ev := <-events:
			returned(ev)
		case <-ctx.Done():
			return nil
		}
	}
}

// watchLinks sends what becomes of links, as far as that can be known.
func (r *resync) watchLinks(ctx context.Context, events chan<- netio.Event) {
	network, err := r.openNetwork(confparse.BufferSize{}, confparse.BufferSize{})
	if err == nil {
		err = errors.Join(network.Watch(ctx, events), network.Close())
	}
	if ctx.Err() == nil {
		r.log.Warn("a cable of lvs_sync_daemon that comes back is not noticed", slog.Any("err", err))
	}
}

// configure replaces where others are asked, and reports whether that is another place.
func (r *resync) configure(s ipvs.SyncSpec) bool {
	spec := connsyncSpec(s)
	if spec == r.spec && s.Instance == r.instance {
		return false
	}
	r.cease()
	r.instance, r.spec, r.waitedBy = s.Instance, spec, track.ID{}
	if spec.Exists() && spec.Wait > 0 {
		r.waitedBy = track.SynchronizationID(spec.Interface)
	}
	r.exchange.Configure(spec)
	return spec.Exists()
}

// hold has virtual routers leave a living master alone.
func (r *resync) hold() {
	if r.waitedBy != (track.ID{}) {
		r.tracked.Set(r.waitedBy, track.Down)
	}
}

// release ends that.
func (r *resync) release() {
	if r.waitedBy != (track.ID{}) {
		r.tracked.Set(r.waitedBy, track.Up)
	}
}

// ask has the connections of the others asked for, and virtual routers wait until they have come.
func (r *resync) ask() {
	if !r.spec.Exists() {
		return
	}
	r.hold()
	r.number++
	select {
	case <-r.begin:
	default:
	}
	r.begin <- r.number
}

// cease ends the last question, and that anyone waits for its answer.
func (r *resync) cease() {
	r.number++ // also of one that is about to be asked
	select {
	case <-r.begin:
	default:
	}
	r.exchange.Cease()
	r.release()
}

// done takes what has come of the last question.
func (r *resync) done(o connsync.Outcome) {
	if o.Number != r.number {
		return
	}
	r.release()
	took := slog.Duration("took", o.Took.Round(time.Millisecond))
	switch {
	case !r.spec.Exists():
	case o.Deaf:
		r.log.Warn("the kernel does not listen to what other directors tell of connections", took)
	case !o.Answered && o.Begun:
		r.log.Warn("the other director has not told all its connections", slog.Int("lost_messages", o.Lost), took)
	case !o.Answered:
		r.log.Info(fmt.Sprintf("nobody on %s has told its connections within %v", r.spec.Interface, r.spec.Wait), took)
	default:
		r.log.Info("the other director has told all its connections", slog.Int("connections", o.Connections), slog.Int("lost_messages", o.Lost), took)
	}
}

// status is what has become of questions and answers.
func (r *resync) status() *status.Resync {
	s := r.exchange.Status()
	return &status.Resync{Asking: s.Asking, Telling: s.Telling, Failing: s.Failing, Answered: s.Answered, Unanswered: s.Unheard, Learned: s.Learned,
		LostMessages: s.Lost, LastSeconds: status.Seconds(s.LastTook), Answers: s.Told, Told: s.Connected, Untold: s.Unknown}
}

// linkReturned takes an event of the links, and reports whether the interface is up that was not, or was not there.
func (r *resync) linkReturned(ev netio.Event) bool {
	var now netio.Link
	switch ev := ev.(type) {
	case netio.Synced:
		r.synced = true
	case netio.LinkGone:
		delete(r.links, ev.Link.Name)
	case netio.LinkChanged:
		now = ev.Link
	}
	if now.Name == "" {
		return false
	}
	before, known := r.links[now.Name]
	r.links[now.Name] = now
	if now.Name != r.spec.Interface || !known && !r.synced {
		return false
	}
	if !known || before.Index != now.Index {
		r.exchange.Rejoin()
	}
	return now.Up && (!known || !before.Up || before.Index != now.Index)
}

// unheldWait is how long an answer is waited for when nobody else waits for it.
const unheldWait = 5 * time.Second

// connsyncSpec is where those of a SyncSpec are asked. The group and the port are what the kernel's are without a word about them.
func connsyncSpec(s ipvs.SyncSpec) connsync.Spec {
	if !s.Exists() {
		return connsync.Spec{}
	}
	d := &s.Daemon
	return connsync.Spec{Interface: d.Interface, Group: netip.AddrPortFrom(d.Group, d.Port), ID: uint8(d.ID), TTL: d.TTL, MaxLen: int(d.MaxLen), Wait: cmp.Or(s.Wait, unheldWait)}
}

// serversOf lists the servers of the kernel's table.
func serversOf(table ipvs.Table) (list []connsync.Server) {
	for key, service := range table {
		for dest, attrs := range service.Dests {
			one := connsync.Server{Protocol: uint8(key.Protocol), Virtual: netip.AddrPortFrom(key.Addr, key.Port), Mark: key.Fwmark, Address: dest,
				Forwarding: connsync.Forwarding(attrs.Forwarding)}
			if service.Attrs.Flags&ipvs.Persistent != 0 {
				one.Persistent = service.Attrs.Timeout
			}
			list = append(list, one)
		}
	}
	return list
}

// stop ends it.
func (r *resync) stop() error {
	if r == nil {
		return nil
	}
	return stopTasks(stopping{r.tasks.follow, resyncStopLimit}, stopping{r.tasks.exchange, resyncStopLimit})
}
