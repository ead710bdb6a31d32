package bfd

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// session is one that runs.
type session struct {
	spec     SessionSpec
	handle   handle
	core     *Session
	conn     Conn // nil while it cannot be opened
	trouble  string
	since    time.Time // of the state
	leaving  bool      // no longer wanted; its neighbour is being told
	counters Counters

	index    int // in the queue
	deadline Instant

	patientUntil Instant // how long it waits for what has arrived although its detection time is over; 0: it does not
	looks        int     // since it does
}

// waits reports whether a session whose detection time is over waits for packets that have arrived, if there are any pending.
func (s *session) waits(now Instant, pending func() bool) bool {
	if s.core.expiry() > now || !pending() {
		return false
	}
	if s.patientUntil == 0 {
		s.patientUntil, s.looks = now.Add(patience), 0
	}
	s.looks++
	return now < s.patientUntil || s.looks <= patienceLooks
}

// Counters count since the session began.
type Counters struct {
	Sent, Received uint64 // packets that could be sent, and that counted
	SendErrors     uint64
	Ups, Downs     uint64 // changes to and from Up
}

// send sends a packet. That it cannot be sent is logged when it begins; the neighbour will notice the rest.
func (s *session) send(r *Runner, p Packet) {
	if s.conn == nil {
		return
	}
	var room [packetLength]byte
	if err := s.conn.Send(p.Append(room[:0]), s.spec.Neighbor); err != nil {
		s.counters.SendErrors++
		r.logTrouble(s, "cannot send", err)
		return
	}
	s.trouble = ""
	s.counters.Sent++
}

// port is where some of the sessions are listened for.
type port struct {
	listener Listener // nil while it cannot be opened
	trouble  string
}

// apply makes spec the sessions that are run.
func (r *Runner) apply(spec Spec) {
	old := make(map[string]*session)
	for _, s := range r.sessions {
		if !s.leaving {
			old[s.spec.Name] = s
		}
	}
	wanted := make([]*session, 0, len(spec.Sessions))
	for _, w := range spec.Sessions {
		if s := old[w.Name]; s != nil && s.spec.path() == w.path() {
			delete(old, w.Name)
			wanted = append(wanted, s)
		}
	}
	for _, s := range r.sessions { // those that are still in old, in order
		if !s.leaving && !slices.Contains(wanted, s) {
			r.leave(s)
		}
	}
	kept := wanted
	wanted = wanted[:0:0]
	for _, w := range spec.Sessions {
		i := slices.IndexFunc(kept, func(s *session) bool { return s.spec.Name == w.Name })
		if i < 0 {
			wanted = append(wanted, r.begin(w))
		} else {
			r.reconfigure(kept[i], w)
			wanted = append(wanted, kept[i])
		}
	}
	r.mu.Lock()
	for _, s := range r.sessions {
		if s.leaving && r.byHandle[s.handle] != nil {
			wanted = append(wanted, s)
		}
	}
	r.sessions = wanted
	r.mu.Unlock()
	r.index()
	r.reopen()
}

// begin starts a session. One on its way out with the same neighbour has said its word: two voices would confuse it.
func (r *Runner) begin(w SessionSpec) *session {
	for _, s := range slices.Clone(r.sessions) {
		if s.leaving && s.spec.Neighbor == w.Neighbor && s.spec.Multihop == w.Multihop {
			r.remove(s)
		}
	}
	r.last++
	s := &session{spec: w, handle: r.last, core: NewSession(r.now(), r.discriminator(), w.Timing), since: time.Now()}
	s.deadline = s.core.Deadline()
	heap.Push(&r.queue, s)
	r.mu.Lock()
	r.byHandle[s.handle] = s
	r.mu.Unlock()
	r.dial(s)
	r.changes.put(Change{Name: w.Name, Time: s.since})
	return s
}

// discriminator returns one that no session has (RFC 5880 §6.8.1), and that cannot be guessed.
func (r *Runner) discriminator() uint32 {
	for {
		d := rand.Uint32()
		taken := slices.ContainsFunc(r.sessions, func(s *session) bool { return s.core.local == d })
		for _, s := range r.byHandle {
			taken = taken || s.core.local == d
		}
		if d != 0 && !taken {
			return d
		}
	}
}

// reconfigure gives a session other settings. It lives on.
func (r *Runner) reconfigure(s *session, w SessionSpec) {
	redial := s.spec.TTL != w.TTL
	r.mu.Lock()
	s.spec = w
	r.mu.Unlock()
	if redial {
		r.hangUp(s)
		r.dial(s)
	}
	r.step(s, Retimed{w.Timing})
}

// leave takes a session down that is no longer wanted. Nobody here is told: who followed it does not any more.
func (r *Runner) leave(s *session) {
	r.logGone(s)
	r.disable(s)
}

// remove forgets a session.
func (r *Runner) remove(s *session) {
	r.hangUp(s)
	r.mu.Lock()
	delete(r.byHandle, s.handle)
	r.sessions = slices.DeleteFunc(slices.Clone(r.sessions), func(o *session) bool { return o == s })
	r.mu.Unlock()
	if s.index >= 0 {
		heap.Remove(&r.queue, s.index)
	}
	r.index()
}

// index makes the sessions findable for the readers.
func (r *Runner) index() {
	t := newTable()
	for _, s := range r.sessions {
		t.add(s.handle, s.core.local, s.spec, s.leaving)
	}
	r.table.Store(t)
}

// reopen opens what is needed and not open, and closes ports that are no longer needed.
func (r *Runner) reopen() {
	r.reopenAt = Never
	needed := make(map[Port]bool)
	for _, s := range r.sessions {
		needed[s.spec.port()] = true
		if s.conn == nil {
			r.dial(s)
		}
	}
	for p, open := range r.ports {
		if !needed[p] {
			r.closePort(open)
			r.mu.Lock()
			delete(r.ports, p)
			r.mu.Unlock()
		}
	}
	for p := range needed {
		r.listen(p)
	}
}

// listen opens a port if it is not open.
func (r *Runner) listen(p Port) {
	open := r.ports[p]
	if open == nil {
		open = &port{}
		r.mu.Lock()
		r.ports[p] = open
		r.mu.Unlock()
	}
	if open.listener != nil {
		return
	}
	l, err := r.network.Listen(p, r.deliver)
	r.mu.Lock()
	defer r.mu.Unlock()
	open.listener = l
	if err == nil {
		open.trouble = ""
		return
	}
	if open.trouble != err.Error() {
		open.trouble = err.Error()
		r.log.Error("BFD cannot be listened for: "+open.trouble, "port", p.number())
	}
	r.reopenAt = r.now().Add(reopenDelay)
}

// dial opens the socket of a session.
func (r *Runner) dial(s *session) {
	c, err := r.network.Dial(s.spec)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.logTrouble(s, "cannot open its socket", err)
		r.reopenAt = r.now().Add(reopenDelay)
		return
	}
	s.conn, s.trouble = c, ""
}

func (r *Runner) hangUp(s *session) {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is lost with it
	}
	r.mu.Lock()
	s.conn = nil
	r.mu.Unlock()
}

// closePort closes a port and takes what its reader still delivers.
func (r *Runner) closePort(p *port) {
	if p.listener == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		_ = p.listener.Close() // nothing is lost with it
		close(closed)
	}()
	var late []arrival
	for {
		select {
		case a := <-r.packets:
			late = append(late, a)
			continue
		case <-closed:
		}
		for _, a := range late {
			r.receive(a)
		}
		return
	}
}

// deadlines is the sessions by when they want to be woken.
type deadlines []*session

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].deadline < d[j].deadline }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	s := x.(*session)
	s.index = len(*d)
	*d = append(*d, s)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	s := (*d)[len(*d)-1]
	*d, s.index = (*d)[:len(*d)-1], -1
	return s
}

func (d deadlines) first() Instant {
	if len(d) == 0 {
		return Never
	}
	return d[0].deadline
}

// move gives a session another deadline.
func (d *deadlines) move(s *session, to Instant) {
	if s.index < 0 || s.deadline == to {
		return
	}
	s.deadline = to
	heap.Fix(d, s.index)
}
