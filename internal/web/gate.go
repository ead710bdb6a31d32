package web

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// patience is how long an answer may be under way before it gives way to another one that has no place otherwise.
	patience = time.Second
	// wayLimit is how long one that has lost its connection may take to give way.
	wayLimit = 500 * time.Millisecond
)

// gate lets maxAnswers requests through to a handler at a time. One more takes the place of a client that is slow to take
// its answer, or is told to come again.
type gate struct {
	h      http.Handler
	places chan struct{}

	mu    sync.Mutex
	under []*answer // the oldest first
}

// answer is one that is under way.
type answer struct {
	begun  time.Time
	client *client // nil if unknown
}

func newGate(h http.Handler) *gate { return &gate{h: h, places: make(chan struct{}, maxAnswers)} }

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
		return
	}
	a := &answer{time.Now(), clientOf(r)}
	g.mu.Lock()
	g.under = append(g.under, a)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.under = slices.DeleteFunc(g.under, func(o *answer) bool { return o == a })
		g.mu.Unlock()
		<-g.places
	}()
	g.h.ServeHTTP(w, r)
}

// enter takes a place and reports whether there is one.
func (g *gate) enter() bool {
	select {
	case g.places <- struct{}{}:
		return true
	default:
	}
	if !g.cutOff() {
		return false
	}
	limit := time.NewTimer(wayLimit)
	defer limit.Stop()
	select {
	case g.places <- struct{}{}:
		return true
	case <-limit.C:
		return false
	}
}

// cutOff closes the connection of the oldest answer if that has been under way for long, and reports whether it has.
func (g *gate) cutOff() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.under, func(a *answer) bool { return a.client != nil && time.Since(a.begun) >= patience })
	if i < 0 {
		return false
	}
	slow := g.under[i].client
	g.under = slices.Delete(g.under, i, i+1)
	slow.Conn.Close()
	return true
}
