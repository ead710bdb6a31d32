package notify

import "sync"

// queue holds messages that wait, up to a bound. What is about the same object comes out in order.
type queue[T any] struct {
	limit  int
	batch  int           // how many may go at once when it is full
	signal chan struct{} // one slot: there is something

	mu      sync.Mutex
	waiting []message[T]
	waits   map[string]int // by object
	lost    uint64
}

// message is what is to be told about an object.
type message[T any] struct {
	about string
	what  T
}

func newQueue[T any](limit, batch int) *queue[T] {
	return &queue[T]{limit: limit, batch: batch, signal: make(chan struct{}, 1), waits: make(map[string]int)}
}

// put adds what is to be told about an object.
func (q *queue[T]) put(about string, what T) {
	q.mu.Lock()
	if len(q.waiting) >= q.limit {
		q.drop()
	}
	q.waiting = append(q.waiting, message[T]{about, what})
	q.waits[about]++
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// drop makes room: of the older half goes what a later message about the same object follows, so that the last one about
// each, which is how it is, arrives. Without any, the oldest goes.
func (q *queue[T]) drop() {
	before, half := len(q.waiting), len(q.waiting)/2
	kept := q.waiting[:0]
	for i, m := range q.waiting {
		if i < half && i-len(kept) < q.batch && q.waits[m.about] > 1 {
			q.forget(m.about)
			continue
		}
		kept = append(kept, m)
	}
	clear(q.waiting[len(kept):])
	if len(kept) == before {
		q.forget(kept[0].about)
		kept = kept[1:]
	}
	q.lost += uint64(before - len(kept))
	q.waiting = kept
}

func (q *queue[T]) forget(about string) {
	if q.waits[about]--; q.waits[about] == 0 {
		delete(q.waits, about)
	}
}

// take returns all that waits.
func (q *queue[T]) take() []message[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	clear(q.waits)
	return all
}

// takeFirst returns the first that waits, if there is one.
func (q *queue[T]) takeFirst() []message[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	first := q.waiting[:1:1]
	q.waiting = q.waiting[1:]
	q.forget(first[0].about)
	return first
}

// keepLast drops all that waits but the last n.
func (q *queue[T]) keepLast(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > n {
		q.forget(q.waiting[0].about)
		q.waiting = q.waiting[1:]
		q.lost++
	}
}

// losses is how many messages a full queue has lost.
func (q *queue[T]) losses() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}
