package healthcheck

import "time"

// verdict is what a check says about its target.
type verdict uint8

const (
	unknown verdict = iota // has not come to a verdict yet
	up
	down
)

// policy is what a judgement needs to know of a check's configuration.
type policy struct {
	delayLoop        time.Duration
	delayBeforeRetry time.Duration
	retry            uint32
	rise             uint32 // how many successes in a row, of all steps, bring a check up that is down; 0 = 1
	alpha            bool   // it begins down
	fromStart        bool   // delays count from the start of an attempt, not from its end
	steps            int    // how many must pass in a row, as the URLs of HTTP_GET; 0 for a check of one step
	fastRecovery     bool   // no pause between steps while the check is not up
	insists          bool   // retries are also made before the first verdict and while down
}

// judgement is what is known of a check. It turns results into verdicts: it counts retries and walks the steps. It is
// pure; the zero judgement has not seen anything yet.
type judgement struct {
	state   verdict
	failing bool   // the step is known to fail and is the only one asked
	step    int32  // the one the next attempt asks
	attempt uint32 // failures in a row that were not final
	passes  uint32 // successes in a row that were not enough
	weight  Share  // what the check does to the weight of its servers
}

// observed is what follows from one result.
type observed struct {
	verdict verdict       // up or down when the check came to a new verdict, else unknown
	retries uint32        // with down: how many retries were made
	next    time.Duration // from the end of this attempt to the next one
}

// observe takes the result of one attempt. A server that is up needs retry+1 failures in a row to go down. The first
// failure before any success is enough, and so is the first success of a server that is down, unless rise says
// otherwise; a server that is down gets no retries, unless the policy insists on them in every state. A postponed attempt
// is none.
func (j *judgement) observe(p policy, r Result) observed {
	if r.Outcome == Passed {
		j.weight = r.Weight
		return j.success(p)
	}
	o := j.failure(p)
	if j.state == down {
		j.weight = Share{}
	}
	return o
}

func (j *judgement) success(p policy) observed {
	j.attempt = 0
	o := observed{next: p.delayLoop}
	switch {
	case j.failing:
		// The walk starts again from the first step, and all of them must pass.
		j.failing, j.step = false, 0
	case int(j.step)+1 < p.steps:
		j.step++
	default:
		j.step = 0
		if j.state == up {
			return o
		}
		if j.passes++; j.passes < p.rise && (j.state == down || p.alpha) {
			return o
		}
		j.passes = 0
		j.state, o.verdict = up, up
		return o
	}
	if p.fastRecovery && j.state != up {
		o.next = 0
	}
	return o
}

func (j *judgement) failure(p policy) observed {
	if (j.state == up || p.insists) && j.attempt < p.retry {
		j.attempt++
		return observed{next: p.delayBeforeRetry}
	}
	o := observed{next: p.delayLoop}
	if j.state != down {
		o.verdict, o.retries = down, j.attempt
	}
	j.state, j.attempt, j.passes = down, 0, 0
	if p.steps > 0 {
		j.failing, o.next = true, max(p.delayLoop, p.delayBeforeRetry)
	}
	return o
}

// carry returns the state a check starts with after a reload changed only how it is timed: the verdict, the weight and
// the step known to fail stay, and retries already made count only as far as the new configuration allows them.
func (j judgement) carry(p policy) judgement {
	j.attempt = min(j.attempt, p.retry)
	if !j.failing {
		j.step = 0
	}
	return j
}
