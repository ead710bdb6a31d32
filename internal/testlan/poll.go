package testlan

import (
	"context"
	"fmt"
	"time"
)

// PollInterval is how often Until looks.
const PollInterval = 5 * time.Millisecond

// Until polls cond until it returns nil, and fails with its last complaint when ctx ends first.
func Until(ctx context.Context, what string, cond func() error) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	start := time.Now()
	var last error
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what ctx itself has cut short says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not so after %v: %w", what, time.Since(start).Round(time.Millisecond), last)
		case <-tick.C:
		}
	}
}
