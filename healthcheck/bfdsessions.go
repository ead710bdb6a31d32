package healthcheck

import "sync"

// BFDSessions holds the last word about each BFD session that BFD_CHECKs may follow. It outlives a Manager and may be told
// before there is one. It may be used from any goroutine.
type BFDSessions struct {
	mu        sync.Mutex
	up        map[string]bool
	followers map[string][]*bfdFollower
}

type bfdFollower struct{ tell func(up bool) }

// NewBFDSessions returns BFDSessions of which nothing is known.
func NewBFDSessions() *BFDSessions {
	return &BFDSessions{up: make(map[string]bool), followers: make(map[string][]*bfdFollower)}
}

// Set says whether a session is up, and returns when the checks that follow it have been told. Two calls may not be under
// way at a time.
func (s *BFDSessions) Set(name string, up bool) {
	s.mu.Lock()
	s.up[name] = up
	tell := append([]*bfdFollower(nil), s.followers[name]...)
	s.mu.Unlock()
	for _, f := range tell {
		f.tell(up)
	}
}

// Forget drops what is known of a session that is not configured any more.
func (s *BFDSessions) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.up, name)
}

// follow tells of what Set says from now on, until stop. known is false when nothing has been said of the session.
func (s *BFDSessions) follow(name string, tell func(up bool)) (up, known bool, stop func()) {
	f := &bfdFollower{tell}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers[name] = append(s.followers[name], f)
	up, known = s.up[name]
	return up, known, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		var rest []*bfdFollower
		for _, o := range s.followers[name] {
			if o != f {
				rest = append(rest, o)
			}
		}
		if s.followers[name] = rest; len(rest) == 0 {
			delete(s.followers, name)
		}
	}
}
