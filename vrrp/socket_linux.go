package vrrp

import (
	"log/slog"
	"net/netip"
	"slices"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// socketKey is what virtual routers have in common that share a socket.
type socketKey struct {
	link   string     // that the socket is bound to: an interface, or a VRF; "" = none
	source netip.Addr // of a router without an interface
	family confparse.Family
	group  netip.Addr // invalid for unicast
	ah     bool
}

// socket is the Conn of one socketKey and the virtual routers on it. It outlives its interface, the Conn does not.
// Conns are opened and closed by goroutines of their own, for the kernel may take its time.
type socket struct {
	key     socketKey
	conn    lan.Conn // nil while there is none
	attempt int      // counts the attempts to open it and the closings: what an earlier attempt brings is not wanted
	opening bool
	failed  bool // the last attempt failed, and that was logged
	broken  bool // it can no longer send
	polled  bool // it is in Runner.polled
	members []*virtualRouter
}

// opened is the outcome of an attempt to open a socket.
type opened struct {
	socket  *socket
	attempt int
	conn    lan.Conn
	err     error
}

// packetIn is a packet on its way from a reader to Run.
type packetIn struct {
	socket *socket
	packet lan.Received
	came   election.Instant
	at     election.Instant // when it was read
}

func (in *virtualRouter) socketKey() socketKey {
	k := socketKey{link: in.spec.AdvertLink(), family: in.spec.Family, ah: in.spec.AuthType == wire.AuthAH}
	if !in.spec.Unicast() {
		k.group = in.spec.Group
	}
	if k.link == "" {
		k.link, k.source = in.spec.VRF, in.spec.Source
	}
	return k
}

// attach puts a virtual router on its socket.
func (r *Runner) attach(in *virtualRouter) {
	k := in.socketKey()
	s := r.sockets[k]
	if s == nil {
		s = &socket{key: k}
		r.sockets[k] = s
	}
	in.socket = s
	s.members = append(s.members, in)
	if s.conn == nil {
		r.open(s)
	} else {
		r.admit(s)
	}
}

// detach takes a virtual router off its socket; the last one closes it.
func (r *Runner) detach(in *virtualRouter) {
	s := in.socket
	if s == nil {
		return
	}
	in.socket = nil
	s.members = without(s.members, in)
	if len(s.members) == 0 {
		r.close(s)
		delete(r.sockets, s.key)
		return
	}
	r.admit(s)
}

// open begins to open the Conn of s if its interface exists, or it needs none.
func (r *Runner) open(s *socket) {
	link, ok := r.view.link(s.key.link)
	if !ok && s.key.link != "" || s.opening {
		return
	}
	deliver := func(p lan.Received) {
		at := r.now()
		in := packetIn{s, p, at.Add(-p.Queued), at}
		for {
			select {
			case r.packets <- in:
				return
			default:
			}
			select { // the latest word counts
			case <-r.packets:
				r.dropped.Add(1)
			default:
			}
		}
	}
	s.opening = true
	s.attempt++
	o := opened{socket: s, attempt: s.attempt}
	on := lan.Segment{Link: link, Source: s.key.source, Family: s.key.family, Group: s.key.group, AH: s.key.ah}
	r.io.Go(func() {
		o.conn, o.err = r.network.Listen(on, deliver)
		select {
		case r.opens <- o:
		case <-r.quit:
			if o.err == nil {
				_ = o.conn.Close()
			}
		}
	})
}

// opened takes the outcome of an attempt. A failure leaves the members without a usable link and is tried again.
func (r *Runner) opened(o opened) {
	s := o.socket
	switch {
	case o.attempt != s.attempt:
		if o.err == nil {
			r.io.Go(func() { _ = o.conn.Close() })
		}
		return
	case o.err != nil:
		if !s.failed {
			r.log.Error("cannot open VRRP socket", slog.String("interface", s.key.link), slog.Any("err", o.err))
		}
		s.failed = true
		r.reopenAt = min(r.reopenAt, r.now().Add(reopenDelay))
	default:
		s.conn, s.failed, s.broken = o.conn, false, false
		r.admit(s)
	}
	s.opening = false
	for _, m := range s.members {
		r.mark(m)
	}
}

// admit tells the Conn which VRIDs its members have, and what they need.
func (r *Runner) admit(s *socket) {
	if s.conn == nil {
		return
	}
	a := lan.Admission{VRIDs: make([]uint8, len(s.members)), Others: r.spec.LogUnknownVRIDs}
	for i, m := range s.members {
		a.VRIDs[i] = m.spec.VRID
		a.Buffer += r.receiveBuffer(&m.spec)
	}
	if err := s.conn.Admit(a); err != nil {
		r.log.Error("cannot filter VRRP packets", slog.String("interface", s.key.link), slog.Any("err", err))
		r.close(s)
		r.reopenAt = min(r.reopenAt, r.now().Add(reopenDelay))
	}
}

// reopen tries to open the sockets that are not open, and replaces those that can no longer send.
func (r *Runner) reopen() {
	r.reopenAt = election.Never
	for _, s := range r.sockets {
		if s.broken {
			s.broken = false
			r.close(s)
		}
		if s.conn == nil {
			r.open(s)
		}
		for _, m := range s.members {
			r.mark(m)
		}
	}
}

// linkAppeared opens the sockets of an interface that is new, or new under its name.
func (r *Runner) linkAppeared(l netio.Link) {
	for _, s := range r.sockets {
		if s.key.link == l.Name {
			r.close(s)
			r.open(s)
		}
	}
}

// linkVanished closes the sockets of an interface.
func (r *Runner) linkVanished(name string) {
	for _, s := range r.sockets {
		if s.key.link == name {
			r.close(s)
		}
	}
}

// close closes the Conn of s, and the one that is being opened for it.
func (r *Runner) close(s *socket) {
	s.attempt++
	s.opening = false
	if conn := s.conn; conn != nil {
		s.conn = nil
		r.io.Go(func() { _ = conn.Close() })
	}
}

// mostPolls is how often a socket is looked at in which there is always something: a flood is not to keep the timers from it.
const mostPolls = 64

// listenBeforeWake reads what has arrived for the virtual routers that are about to conclude that nobody speaks. This
// process may have been stopped for longer than their patience, and woken up by its timer before any of its readers. What
// is concluded is as of now: of a later moment, before which this thread may have been held up again, nothing is known.
func (r *Runner) listenBeforeWake(now election.Instant) {
	r.receiveAll(now)
	for polled := 0; ; {
		r.engine.Silent(now, func(h election.Handle) {
			in := r.instances[h]
			if in != nil && in.socket != nil && in.socket.conn != nil && !in.socket.polled {
				in.socket.polled = true
				r.polled = append(r.polled, in.socket)
			}
		})
		if len(r.polled) == polled {
			break
		}
		for ; polled < len(r.polled); polled++ { // in one may be what makes another router's turn come
			for all, n := false, 0; !all && n < mostPolls; n++ {
				all = r.polled[polled].conn.Poll()
				r.receiveAll(now)
			}
		}
	}
	for _, s := range r.polled {
		s.polled = false
	}
	r.polled = r.polled[:0]
}

// receiveAll handles the packets that the readers have delivered.
func (r *Runner) receiveAll(now election.Instant) {
	for range len(r.packets) {
		select {
		case p := <-r.packets:
			r.receive(p, now)
		default: // a reader has made room
			return
		}
	}
}

// receive gives a packet to the virtual router it is for, at the moment now, or at the later one at which it came: this thread may
// have been held up since now, and what follows from a packet does not begin before it.
func (r *Runner) receive(p packetIn, now election.Instant) {
	now = max(now, p.came)
	in := p.socket.find(p.packet)
	if in == nil {
		r.stranger(p)
		return
	}
	r.touch()
	if in.spec.Debug > 0 {
		in.log.received(p.packet, &in.debugging, now)
	}
	if p.packet.Reason != wire.DropNone {
		r.stepAt(now, in, election.AdvertRejected{Reason: p.packet.Reason, Source: p.packet.Header.Source})
	} else {
		r.stepAt(now, in, election.AdvertReceived{Advert: p.packet.Advert, Source: p.packet.Header.Source, Clock: clockFor(p.packet),
			Waited: now.Sub(p.came)})
	}
	r.metrics.handling.Observe(r.now().Sub(p.at).Seconds())
}

// find returns the router a packet is for, by VRID. Several unicast routers may have the same one on different
// addresses or with different peers; and while a reload replaces a router by one of another version, there are two.
func (s *socket) find(p lan.Received) *virtualRouter {
	var best *virtualRouter
	bestFit := -1
	for _, m := range s.members {
		if m.spec.VRID != p.Advert.VRID {
			continue
		}
		fit := 0
		if m.spec.Unicast() {
			if m.source.IsValid() && m.source != p.Header.Destination {
				continue
			}
			if slices.Contains(m.spec.Peers, p.Header.Source) {
				fit += 2
			}
		}
		if m.spec.Version == p.Advert.Version {
			fit++
		}
		if fit > bestFit {
			best, bestFit = m, fit
		}
	}
	return best
}
