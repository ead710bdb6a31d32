package notify

import "sync"

// queue holds what waits, up to a bound.
type queue[T any] struct {
	limit  int
	signal chan struct{} // one slot: there is something

	mu      sync.Mutex
	waiting []T
	lost    uint64
}

func newQueue[T any](limit int) *queue[T] {
	return &queue[T]{limit: limit, signal: make(chan struct{}, 1)}
}

// put adds v. Of a full queue the oldest goes.
func (q *queue[T]) put(v T) {
	q.mu.Lock()
	if len(q.waiting) >= q.limit {
		q.waiting = q.waiting[1:]
		q.lost++
	}
	q.waiting = append(q.waiting, v)
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take returns all that waits.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	return all
}

// takeFirst returns the first that waits, if there is one.
func (q *queue[T]) takeFirst() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	first := q.waiting[:1:1]
	q.waiting = q.waiting[1:]
	return first
}

// losses is how many messages a full queue has lost.
func (q *queue[T]) losses() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}
