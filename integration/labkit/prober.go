package labkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"vigil/internal/testlan"
)

// Interval is how often a Prober asks unless told otherwise.
const Interval = 20 * time.Millisecond

// Prober is a client that keeps asking.
type Prober struct {
	process *testlan.Process
	read    chan struct{} // closed when everything it wrote has been read

	mu       sync.Mutex
	requests []Request
	bad      error
	observe  func(Request)
}

// StartProber starts a client that makes a new connection every interval. observe, if not nil, is called for each request
// as it ends, from one goroutine.
func StartProber(h *testlan.Host, address netip.AddrPort, every time.Duration, observe func(Request)) (*Prober, error) {
	return startClient(h, observe, "probe", "", address.String(), every.String())
}

// StartStranger is StartProber, but the client asks for the address's MAC address anew each time, and not while it waits for an
// answer.
func StartStranger(h *testlan.Host, address netip.AddrPort, every time.Duration, observe func(Request)) (*Prober, error) {
	return startClient(h, observe, "estranged", address.String(), every.String())
}

// StartHolder starts a client that makes its requests on one connection and ends when that breaks.
func StartHolder(h *testlan.Host, address netip.AddrPort, every time.Duration) (*Prober, error) {
	return startClient(h, nil, "hold", address.String(), every.String())
}

// Ask makes n requests one after the other, each on a new connection, from a source address (the zero Addr: the default)
// and returns them in order.
func Ask(ctx context.Context, h *testlan.Host, source netip.Addr, address netip.AddrPort, n int) ([]Request, error) {
	from := ""
	if source.IsValid() {
		from = source.String()
	}
	p, err := startClient(h, nil, "get", from, address.String(), fmt.Sprint(n))
	if err != nil {
		return nil, err
	}
	if err := p.process.Wait(ctx); err != nil {
		return nil, err
	}
	return p.finish()
}

func startClient(h *testlan.Host, observe func(Request), args ...string) (*Prober, error) {
	argv, err := self(args...)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p := &Prober{read: make(chan struct{}), observe: observe}
	p.process, err = h.Start(args[0], w, argv...)
	if err != nil {
		r.Close()
		return nil, err
	}
	go p.collect(r)
	return p, nil
}

func (p *Prober) collect(r *os.File) {
	defer close(p.read)
	defer r.Close()
	s := bufio.NewScanner(r)
	for s.Scan() {
		q, err := parseRequest(s.Text())
		p.mu.Lock()
		if err != nil {
			p.bad = errors.Join(p.bad, err)
		} else {
			p.requests = append(p.requests, q)
		}
		p.mu.Unlock()
		if err == nil && p.observe != nil {
			p.observe(q)
		}
	}
}

// Requests returns a copy of what has ended so far, in the order it ended.
func (p *Prober) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Running tells whether the client is still at it.
func (p *Prober) Running() bool {
	select {
	case <-p.process.Done():
		return false
	default:
		return true
	}
}

// Stop ends the client after the requests that are under way and returns all of them.
func (p *Prober) Stop() ([]Request, error) {
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	_ = p.process.Signal(syscall.SIGTERM) // a holder may have ended by itself
	err := p.process.Wait(ctx)
	requests, bad := p.finish()
	return requests, errors.Join(err, bad)
}

func (p *Prober) finish() ([]Request, error) {
	<-p.read
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bad != nil {
		return p.requests, fmt.Errorf("client %s: %w", p.process.Name, p.bad)
	}
	return p.requests, nil
}
