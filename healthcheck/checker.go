package healthcheck

import "context"

// Checker makes one attempt of a check. It keeps no state between attempts and leaves nothing behind: when Check
// returns, its connection is closed. It bounds its own time and returns early when ctx ends.
type Checker interface {
	Check(ctx context.Context) Result
}
