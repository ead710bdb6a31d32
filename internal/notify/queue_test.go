package notify

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is put into a full queue, the last message about each object comes out, unless there are more objects than
// half its places; what comes out is in order, and what is lost is counted.
func TestQueueKeepsTheLastOfEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(2, 40).Draw(t, "limit")
		q := newQueue[int](limit, rapid.IntRange(1, limit).Draw(t, "batch"))
		last := make(map[string]int)
		n := rapid.IntRange(0, 200).Draw(t, "messages")
		for i := range n {
			about := fmt.Sprint(rapid.IntRange(1, max(1, limit/2-1)).Draw(t, "object"))
			last[about] = i
			q.put(about, i)
			if len(q.waiting) > limit {
				t.Fatalf("%d wait", len(q.waiting))
			}
		}
		all := q.take()
		if got := len(all) + int(q.losses()); got != n {
			t.Fatalf("%d of %d are accounted for", got, n)
		}
		arrived := make(map[string]int)
		for i, m := range all {
			if i > 0 && all[i-1].what >= m.what {
				t.Fatalf("%d after %d", m.what, all[i-1].what)
			}
			arrived[m.about] = m.what
		}
		for about, want := range last {
			if got, ok := arrived[about]; !ok || got != want {
				t.Fatalf("the last of %s is %d, arrived %d", about, want, got)
			}
		}
		if len(q.waits) != 0 {
			t.Fatalf("left behind: %v", q.waits)
		}
	})
}

// With more objects than places the oldest message goes.
func TestQueueOfTooManyObjects(t *testing.T) {
	q := newQueue[int](4, 2)
	for i := range 6 {
		q.put(fmt.Sprint(i), i)
	}
	for i, m := range q.take() {
		if m.what != i+2 {
			t.Errorf("%d comes in place %d", m.what, i)
		}
	}
}
