package notify

import (
	"context"
	"sync"
	"time"
)

const (
	maxRuns = 32 // that wait about one object
	// patience is how long a program may hold up the next ones about its object. One that runs on, as a server would that
	// is started in the foreground, must not keep the one from being run that is to end it.
	patience = 15 * time.Second
	// together is how long a program may hold up one that is told of the same.
	together = time.Second
	// Of what still waits about an object at the end the last few are started, this long after each other.
	lastRuns  = 6
	endingGap = 100 * time.Millisecond
)

// Programs runs programs: those about one object one after the other, in order, those about different objects beside each
// other, as far as run lets them. One that takes very long is not waited for.
type Programs[T comparable] struct {
	run func(ctx context.Context, program T)

	mu      sync.Mutex
	ctx     context.Context
	cancel  context.CancelFunc
	waiting map[string]*errands[T] // by object, while one of its programs runs
	running sync.WaitGroup
	closed  bool
	ending  chan struct{} // closed when no more are to come
}

// errands are what is to be run about an object, each the programs that are told of the same.
type errands[T comparable] struct {
	*queue[[]T]
	again T // the last one put is this, by Again
	any   bool
}

// NewPrograms returns Programs that are run by run, which returns when the program has ended, or is to be no longer waited
// for when its ctx ends.
func NewPrograms[T comparable](run func(ctx context.Context, program T)) *Programs[T] {
	p := &Programs[T]{run: run, waiting: make(map[string]*errands[T]), ending: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Start has programs run that are told of the same, in their order, when those about the same object that were started
// before have ended.
func (p *Programs[T]) Start(object string, programs ...T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.put(object, programs); e != nil {
		e.any = false
	}
}

// Again is Start of one program, unless it is what waits last about the object: for what is told again and again.
func (p *Programs[T]) Again(object string, program T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.waiting[object]; e != nil && e.any && e.again == program && len(e.waits) > 0 {
		return
	}
	if e := p.put(object, []T{program}); e != nil {
		e.again, e.any = program, true
	}
}

// put adds to what is to be run about an object. p.mu is held.
func (p *Programs[T]) put(object string, programs []T) *errands[T] {
	if p.closed || len(programs) == 0 {
		return nil
	}
	e := p.waiting[object]
	if e == nil {
		e = &errands[T]{queue: newQueue[[]T](maxRuns, 1)}
		p.waiting[object] = e
		p.running.Go(func() { p.drain(object, e) })
	}
	e.put("", programs)
	return e
}

// drain runs what waits about an object until there is nothing more.
func (p *Programs[T]) drain(object string, e *errands[T]) {
	for {
		p.mu.Lock()
		next := e.takeFirst()
		if len(next) == 0 {
			delete(p.waiting, object)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.runAll(next[0].what)
	}
}

// runAll runs programs that are told of the same, and waits for them.
func (p *Programs[T]) runAll(programs []T) {
	ended := make([]chan struct{}, len(programs))
	for i, program := range programs {
		if i > 0 {
			p.wait(together, ended[i-1])
		}
		done := make(chan struct{})
		ended[i] = done
		p.running.Go(func() {
			defer close(done)
			p.run(p.ctx, program)
		})
	}
	p.wait(patience, ended...)
}

// wait waits for programs to have ended, up to limit.
func (p *Programs[T]) wait(limit time.Duration, ended ...chan struct{}) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	ending := p.ending
	for _, done := range ended {
		for waiting := true; waiting; {
			select {
			case <-done:
				waiting = false
			case <-ending:
				ending = nil
				timer.Reset(endingGap)
			case <-timer.C:
				return
			}
		}
	}
}

// Close waits until all programs have ended, or ctx does; then the rest is told to end, and waited for.
func (p *Programs[T]) Close(ctx context.Context) {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for _, e := range p.waiting {
			e.keepLast(lastRuns)
		}
		close(p.ending)
	}
	p.mu.Unlock()
	defer p.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.running.Wait()
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	p.cancel()
	p.mu.Lock()
	for _, e := range p.waiting {
		e.take()
	}
	p.mu.Unlock()
	<-done
}
