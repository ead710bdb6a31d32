package web

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// An honest client sends its request as soon as it is connected. When others wait for a place, those who have let several
// looks in a row go by without one lose theirs. Several, because a machine that has stood still comes to only one of them.
const (
	looks    = 3
	lookTime = 30 * time.Millisecond
)

// clients is a Listener with room for so many connections. Whoever comes when it is full waits until one ends, or until
// those who have nothing to be answered have to give way: those who never finish a request, and those who keep a
// connection for later. Meanwhile nobody is answered twice: to ask again is to come again, behind those who wait.
type clients struct {
	net.Listener
	room  int
	freed chan struct{} // holds a token when a place may have become free
	once  sync.Once
	ended chan struct{}

	mu   sync.Mutex
	list map[*client]bool
	full bool // somebody waits for a place
}

// client is one connection.
type client struct {
	net.Conn
	all      *clients
	busy     bool // is being answered, and keeps its place
	answered int  // how often that was so
}

func newClients(l net.Listener, room int) *clients {
	return &clients{Listener: l, room: room, freed: make(chan struct{}, 1), ended: make(chan struct{}),
		list: make(map[*client]bool)}
}

// Accept implements net.Listener.
func (c *clients) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &client{Conn: conn, all: c}
	for !c.add(one) {
		if !c.makeRoom() {
			conn.Close()
			return nil, net.ErrClosed
		}
	}
	return one, nil
}

// add gives a client a place if there is one.
func (c *clients) add(one *client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = len(c.list) >= c.room
	if c.full {
		return false
	}
	c.list[one] = true
	return true
}

// makeRoom waits for a place, or takes those of all who have had nothing to be answered for long enough. It returns false
// when the listener is closed.
func (c *clients) makeRoom() bool {
	waiting := c.waiting()
	pause := time.NewTicker(lookTime)
	defer pause.Stop()
	for range looks {
		select {
		case <-c.freed:
			return true
		case <-c.ended:
			return false
		case <-pause.C:
		}
	}
	for one, answered := range c.waiting() {
		if before, ok := waiting[one]; ok && before == answered {
			one.Close()
		}
	}
	return true
}

// waiting are those who are not being answered, with how often they have been.
func (c *clients) waiting() map[*client]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make(map[*client]int)
	for one := range c.list {
		if !one.busy {
			list[one] = one.answered
		}
	}
	return list
}

// Close implements net.Listener.
func (c *clients) Close() error {
	c.once.Do(func() { close(c.ended) })
	return c.Listener.Close()
}

// Close implements net.Conn.
func (one *client) Close() error {
	one.all.mu.Lock()
	delete(one.all.list, one)
	one.all.mu.Unlock()
	select {
	case one.all.freed <- struct{}{}:
	default:
	}
	return one.Conn.Close()
}

type clientKey struct{}

// withClient is the ConnContext that lets a handler know its client.
func withClient(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// clientOf returns nil for a request that did not come through clients.
func clientOf(r *http.Request) *client {
	one, _ := r.Context().Value(clientKey{}).(*client)
	return one
}

// serving has h answer, and notes who is being answered.
func (c *clients) serving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if one := clientOf(r); one != nil {
			if c.answering(one, true) {
				w.Header().Set("Connection", "close")
			}
			defer c.answering(one, false)
		}
		h.ServeHTTP(w, r)
	})
}

// answering notes whether a client is being answered, and reports whether somebody waits for a place.
func (c *clients) answering(one *client, busy bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one.busy = busy
	if busy {
		one.answered++
	}
	return c.full
}
