package healthcheck

import "time"

// verdict is what a check says about its target.
type verdict uint8

const (
	unknown verdict = iota // has not come to a verdict yet
	up
	down
)

// policy is what a tracker needs to know of a check's configuration.
type policy struct {
	delayLoop        time.Duration
	delayBeforeRetry time.Duration
	retry            uint32
	urls             int // length of the URL list of HTTP_GET and SSL_GET, 0 for a check of one step
	fastRecovery     bool
}

// policyOf extracts the policy of a check.
func policyOf(p *profile) policy {
	return policy{
		delayLoop: p.delayLoop, delayBeforeRetry: p.delayBeforeRetry, retry: p.retry,
		urls: int(p.http.count), fastRecovery: p.http.fastRecovery,
	}
}

// tracker turns the results of one check into verdicts: it counts retries and walks the URL list. It is pure; the
// zero tracker has not seen anything yet.
type tracker struct {
	state   verdict
	failing bool   // urls[url] is known to fail and is the only one asked
	url     int32  // the URL the next attempt asks
	attempt uint32 // failures in a row that were not final
}

// observed is what follows from one result.
type observed struct {
	verdict verdict       // up or down when the check came to a new verdict, else unknown
	retries uint32        // with down: how many retries were made
	next    time.Duration // from the end of this attempt to the next one
}

// observe takes the result of one attempt. A server that is up needs retry+1 failures in a row to go down. The first
// failure before any success is enough, and so is the first success of a server that is down; a server that is down
// gets no retries.
func (t *tracker) observe(p policy, ok bool) observed {
	if ok {
		return t.success(p)
	}
	return t.failure(p)
}

func (t *tracker) success(p policy) observed {
	t.attempt = 0
	o := observed{next: p.delayLoop}
	switch {
	case t.failing:
		// The walk starts again from the first URL, and all of them must pass.
		t.failing, t.url = false, 0
	case int(t.url)+1 < p.urls:
		t.url++
	default:
		t.url = 0
		if t.state != up {
			t.state, o.verdict = up, up
		}
		return o
	}
	if p.fastRecovery && t.state != up {
		o.next = 0
	}
	return o
}

func (t *tracker) failure(p policy) observed {
	if t.state == up && t.attempt < p.retry {
		t.attempt++
		return observed{next: p.delayBeforeRetry}
	}
	o := observed{next: p.delayLoop}
	if t.state != down {
		o.verdict, o.retries = down, t.attempt
	}
	t.state, t.attempt = down, 0
	if p.urls > 0 {
		t.failing, o.next = true, max(p.delayLoop, p.delayBeforeRetry)
	}
	return o
}

// carry returns the state a check starts with after a reload changed only how it is timed: the verdict and the URL
// known to fail stay, and retries already made count only as far as the new configuration allows them.
func (t tracker) carry(p policy) tracker {
	t.attempt = min(t.attempt, p.retry)
	if !t.failing {
		t.url = 0
	}
	return t
}
