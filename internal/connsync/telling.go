package connsync

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/netip"
	"slices"
	"time"
)

const (
	// window is how many bytes of messages are sent before the other kernels must have read them: half of what a socket
	// takes by default.
	window = 48 << 10
	// ackWait is how long an Ack is waited for; whoever misses so many in a row has gone.
	ackWait   = 1500 * time.Millisecond
	ackMisses = 3
	// leastRoom is what a message takes of a socket at the least.
	leastRoom = 1400
	// sayAgain is how long nothing may be said.
	sayAgain = time.Second
	// mostAskers are answered at once.
	mostAskers = 8
)

// errNobodyListens ends an answer early.
var errNobodyListens = errors.New("nobody who asked listens any more")

// told is what has come of an answer.
type told struct {
	connections int
	unknown     int // listed, but of no service
	skipped     int // lines that could not be read
	err         error
}

// telling is an answer to those who asked, or, to nobody, what is told unasked. Its methods but ack belong to one goroutine.
type telling struct {
	conn     Conn
	id       uint8
	sessions []uint32
	services *Services
	known    *knownConnections
	acks     chan Signal // Acks of the directors that asked

	missed  map[uint32]int // askers → Acks in a row that did not come
	unacked int            // bytes since the last Mark, as a socket counts them at the least
	said    time.Time      // the last Mark
	number  uint32
	told    told
}

func newTelling(conn Conn, id uint8, sessions []uint32) *telling {
	t := &telling{conn: conn, id: id, sessions: sessions, acks: make(chan Signal, 2*mostAskers), missed: make(map[uint32]int),
		known: newKnownConnections()}
	for _, s := range sessions {
		t.missed[s] = 0
	}
	return t
}

// has reports whether a director that asked is among those who are told. Which they are does not change.
func (t *telling) has(session uint32) bool { return slices.Contains(t.sessions, session) }

// ack passes an Ack on. One that finds no room is repeated, by what is not acknowledged.
func (t *telling) ack(s Signal) {
	select {
	case t.acks <- s:
	default:
	}
}

// run tells all connections that are listed. The listing is read twice, because the kernel finds its place in it by counting:
// what ends meanwhile hides others.
func (t *telling) run(ctx context.Context, listing func() (io.ReadCloser, error), services func(context.Context) (*Services, error)) told {
	t.told.err = func() (err error) {
		if t.services, err = services(ctx); err != nil {
			return err
		}
		p := &packer{room: t.conn.Room(), id: t.id, send: func(message []byte) error { return t.message(ctx, message) }}
		for range 2 {
			if err := t.pass(ctx, p, listing); err != nil {
				return err
			}
		}
		if err := p.flush(); err != nil {
			return err
		}
		return t.mark(ctx, End)
	}()
	return t.told
}

// pass reads the listing once.
func (t *telling) pass(ctx context.Context, p *packer, listing func() (io.ReadCloser, error)) error {
	file, err := listing()
	if err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	defer file.Close()
	var failed error
	t.told.skipped, err = readListing(file, func(c Connection) bool {
		if failed = t.alive(ctx); failed != nil {
			return false
		}
		if !t.known.fresh(&c) {
			return true
		}
		known, ok := t.services.find(&c)
		if !ok {
			t.told.unknown++
			return true
		}
		t.told.connections++
		failed = p.add(&c, known)
		return failed == nil
	})
	return errors.Join(err, failed)
}

// alive says the last Mark again if nothing has been said for a while: a list of a million connections takes its time to read. The error is
// ctx's, or of the network.
func (t *telling) alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil || time.Since(t.said) < sayAgain {
		return err
	}
	t.said = time.Now()
	for session := range t.missed {
		if err := t.conn.Signal(Signal{Kind: Mark, ID: t.id, Session: session, Number: t.number}); err != nil {
			return fmt.Errorf("tell of connections: %w", err)
		}
	}
	return nil
}

// message sends one of the kernel's, and lets the other kernels catch up.
func (t *telling) message(ctx context.Context, b []byte) error {
	if err := t.conn.Tell(b); err != nil {
		return fmt.Errorf("tell of connections: %w", err)
	}
	if t.unacked += max(len(b), leastRoom); t.unacked < window {
		return nil
	}
	return t.mark(ctx, Mark)
}

// mark says that something, or all, has been sent, and waits for whoever asked. End is said again to those who do not answer; a
// Mark that is lost only costs time. Where nobody has asked it lets the kernels read.
func (t *telling) mark(ctx context.Context, kind Kind) error {
	t.unacked = 0
	if len(t.sessions) == 0 {
		return t.pause(ctx, kind)
	}
	t.number++
	asked := len(t.missed)
	for range ackMisses {
		if err := t.wait(ctx, kind); err != nil {
			return err
		}
		for session, missed := range t.missed {
			if missed >= ackMisses {
				delete(t.missed, session)
			}
		}
		if len(t.missed) == 0 && kind == Mark {
			return errNobodyListens
		}
		if kind == Mark || len(t.missed) == 0 {
			return nil
		}
	}
	if len(t.missed) == asked {
		return errNobodyListens
	}
	return nil
}

// pause is between windows.
func (t *telling) pause(ctx context.Context, kind Kind) error {
	if kind == End {
		return nil
	}
	select {
	case <-time.After(unaskedPause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait says a Mark or End to everyone who has not acknowledged it, and waits for that.
func (t *telling) wait(ctx context.Context, kind Kind) error {
	due := make(map[uint32]bool, len(t.missed))
	t.said = time.Now()
	for session := range t.missed {
		due[session] = true
		s := Signal{Kind: kind, ID: t.id, Session: session, Number: t.number, Connections: uint32(t.told.connections)}
		if err := t.conn.Signal(s); err != nil {
			return fmt.Errorf("tell of connections: %w", err)
		}
	}
	timer := time.NewTimer(ackWait)
	defer timer.Stop()
	for len(due) > 0 {
		select {
		case s := <-t.acks:
			_, told := t.missed[s.Session]
			switch {
			case !told:
			case s.Kind == Drop, due[s.Session] && s.Number == t.number && kind == End:
				delete(t.missed, s.Session)
				delete(due, s.Session)
			default:
				t.missed[s.Session] = 0 // of an earlier Mark it is a sign of life
				if s.Number == t.number {
					delete(due, s.Session)
				}
			}
		case <-timer.C:
			for session := range due {
				t.missed[session]++
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// hash tells connections apart by what the kernel keeps them by, and by what may have become of them.
func (c *Connection) hash(seed maphash.Seed) uint64 {
	return maphash.Comparable(seed, struct {
		protocol        uint8
		template        bool
		client, virtual netip.AddrPort
		server          netip.AddrPort
		state           uint16
		data            string
	}{c.Protocol, c.Template, c.Client, c.Virtual, c.Server, c.State, string(c.Data)})
}
