package healthcheck

import "sync"

// mailbox is what has changed and nobody has taken yet, each real server once. Its lock is not the Manager's: the first changes are
// taken, and made to the table, while a probe that judges thousands of servers still tells of the rest.
type mailbox struct {
	filled chan struct{} // 1 slot: there is something

	mu    sync.Mutex
	list  []Change
	batch uint32 // of list: a server whose batch it is has its Change in there
}

func newMailbox() mailbox { return mailbox{filled: make(chan struct{}, 1), batch: 1} }

// put notes the present health of rs. initial is Change.Initial, of the first time; moved: it is not about its checks alone. b.mu and
// the Manager's lock are held.
func (b *mailbox) put(rs *realServer, initial, moved bool, alerts ...Alert) {
	if rs.batch != b.batch || int(rs.place) >= len(b.list) || b.list[rs.place].RealServer != rs.id() { // batches begin again after 2^32
		rs.batch, rs.place = b.batch, int32(len(b.list))
		b.list = append(b.list, Change{RealServer: rs.id(), Initial: initial, Same: true})
	}
	c := &b.list[rs.place]
	c.Up, c.Weight = rs.up(), rs.weight()
	c.Same = c.Same && !moved
	c.Alerts = append(c.Alerts, alerts...)
}

// hand lets somebody take what has been put, if anything has. b.mu is not held.
func (b *mailbox) hand() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		return
	}
	select {
	case b.filled <- struct{}{}:
	default:
	}
}

// take empties the mailbox.
func (b *mailbox) take() []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	b.batch++
	return list
}
