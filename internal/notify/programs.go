package notify

import (
	"context"
	"sync"
)

// maxRuns bounds the programs that wait about one object.
const maxRuns = 32

// Programs runs programs: those about one object one after the other, in order, those about different objects beside each
// other, as far as run lets them.
type Programs[T any] struct {
	run func(ctx context.Context, program T)

	mu      sync.Mutex
	ctx     context.Context
	cancel  context.CancelFunc
	waiting map[string]*queue[T] // by object, while one of its programs runs
	running sync.WaitGroup
	closed  bool
}

// NewPrograms returns Programs that are run by run, which returns when the program has ended, or is to be no longer waited
// for when its ctx ends.
func NewPrograms[T any](run func(ctx context.Context, program T)) *Programs[T] {
	p := &Programs[T]{run: run, waiting: make(map[string]*queue[T])}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Start has a program run when those about the same object that were started before have ended.
func (p *Programs[T]) Start(object string, program T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	q := p.waiting[object]
	if q != nil {
		q.put(program)
		return
	}
	q = newQueue[T](maxRuns)
	q.put(program)
	p.waiting[object] = q
	p.running.Go(func() { p.drain(object, q) })
}

// drain runs what waits about an object until there is nothing more.
func (p *Programs[T]) drain(object string, q *queue[T]) {
	for {
		p.mu.Lock()
		all := q.takeFirst()
		if len(all) == 0 {
			delete(p.waiting, object)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.run(p.ctx, all[0])
	}
}

// Close waits until all programs have ended, or ctx does; then the rest is told to end, and waited for.
func (p *Programs[T]) Close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
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
	for _, q := range p.waiting {
		q.take()
	}
	p.mu.Unlock()
	<-done
}
