package healthcheck

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const s = time.Second

// answer is the result of an attempt.
func answer(ok bool) Result {
	if ok {
		return Result{Outcome: Passed}
	}
	return Result{Outcome: Failed}
}

// walk feeds results to a judgement ("+" passes, "-" fails) and writes down, for each, the URL asked, the verdict come
// to and the delay to the next attempt.
func walk(j *judgement, p policy, results string) []string {
	var steps []string
	for _, r := range results {
		step := j.step
		o := j.observe(p, answer(r == '+'))
		line := fmt.Sprintf("%c", r)
		if p.steps > 1 {
			line += fmt.Sprintf(" url%d", step+1)
		}
		switch {
		case o.verdict == up:
			line += " UP"
		case o.verdict == down && o.retries > 0:
			line += fmt.Sprintf(" DOWN after %d retries", o.retries)
		case o.verdict == down:
			line += " DOWN"
		}
		steps = append(steps, fmt.Sprintf("%s next %v", line, o.next))
	}
	return steps
}

func TestJudgement(t *testing.T) {
	tcp := policy{delayLoop: 10 * s, delayBeforeRetry: s, retry: 2}
	urls := policy{delayLoop: 3 * s, delayBeforeRetry: 5 * s, retry: 1, steps: 3}
	fast := urls
	fast.fastRecovery = true
	single := policy{delayLoop: 3 * s, delayBeforeRetry: 5 * s, steps: 1}
	tests := []struct {
		name    string
		policy  policy
		results string
		want    []string
	}{
		{"§2 an up server needs retry+1 failures in a row (case 22)", tcp, "+---", []string{
			"+ UP next 10s", "- next 1s", "- next 1s", "- DOWN after 2 retries next 10s",
		}},
		{"§2 a success in between starts the count again", tcp, "+--+--+", []string{
			"+ UP next 10s", "- next 1s", "- next 1s", "+ next 10s", "- next 1s", "- next 1s", "+ next 10s",
		}},
		{"§1.13 before the first success one failure is enough (case 23)", tcp, "--", []string{
			"- DOWN next 10s", "- next 10s",
		}},
		{"§2 a server that is down gets no retries and is up after one success (case 24)", tcp, "-----+-", []string{
			"- DOWN next 10s", "- next 10s", "- next 10s", "- next 10s", "- next 10s", "+ UP next 10s", "- next 1s",
		}},
		{"rise: as many successes in a row bring back what is down", policy{delayLoop: 10 * s, rise: 3}, "+-++-+++", []string{
			"+ UP next 10s", "- DOWN next 10s", "+ next 10s", "+ next 10s", "- next 10s", "+ next 10s", "+ next 10s", "+ UP next 10s",
		}},
		{"rise: what begins down rises too", policy{delayLoop: 10 * s, rise: 2, alpha: true}, "++", []string{
			"+ next 10s", "+ UP next 10s",
		}},
		{"rise counts whole walks", policy{delayLoop: 3 * s, rise: 2, steps: 2, alpha: true}, "++++", []string{
			"+ url1 next 3s", "+ url2 next 3s", "+ url1 next 3s", "+ url2 UP next 3s",
		}},
		{"§2 retry 0", policy{delayLoop: 10 * s, delayBeforeRetry: s}, "+-+", []string{
			"+ UP next 10s", "- DOWN next 10s", "+ UP next 10s",
		}},
		{"§2.2 delay_loop between URLs, up after the whole list", urls, "++++++", []string{
			"+ url1 next 3s", "+ url2 next 3s", "+ url3 UP next 3s", "+ url1 next 3s", "+ url2 next 3s", "+ url3 next 3s",
		}},
		{"§2.2 the failing URL is retried itself", urls, "++++-+", []string{
			"+ url1 next 3s", "+ url2 next 3s", "+ url3 UP next 3s", "+ url1 next 3s", "- url2 next 5s", "+ url2 next 3s",
		}},
		{"§2.2 while down only the failing URL is asked, then the whole list (case 42)", urls, "++++----++++", []string{
			"+ url1 next 3s", "+ url2 next 3s", "+ url3 UP next 3s", "+ url1 next 3s",
			"- url2 next 5s", "- url2 DOWN after 1 retries next 5s", "- url2 next 5s", "- url2 next 5s",
			"+ url2 next 3s", "+ url1 next 3s", "+ url2 next 3s", "+ url3 UP next 3s",
		}},
		{"§2.2 fast_recovery leaves out the gaps while not up (case 42)", fast, "+++--+++++", []string{
			"+ url1 next 0s", "+ url2 next 0s", "+ url3 UP next 3s", "- url1 next 5s", "- url1 DOWN after 1 retries next 5s",
			"+ url1 next 0s", "+ url1 next 0s", "+ url2 next 0s", "+ url3 UP next 3s", "+ url1 next 3s",
		}},
		{"§2.2 another URL failing during recovery is the one remembered", urls, "-+++-+", []string{
			"- url1 DOWN next 5s", "+ url1 next 3s", "+ url1 next 3s", "+ url2 next 3s", "- url3 next 5s",
			"+ url3 next 3s",
		}},
		{"§2.2 a first pass fails at its first failure", urls, "+-", []string{
			"+ url1 next 3s", "- url2 DOWN next 5s",
		}},
		{"§2.2 a single URL passes twice to recover", single, "+-++", []string{
			"+ UP next 3s", "- DOWN next 5s", "+ next 3s", "+ UP next 3s",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, walk(new(judgement), tt.policy, tt.results)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCarry has §1.12: a check that is only timed differently keeps its verdict and the URL known to fail.
func TestCarry(t *testing.T) {
	p := policy{delayLoop: 10 * s, delayBeforeRetry: s, retry: 5, steps: 3}
	less := p
	less.retry = 2
	tests := []struct {
		name    string
		results string
		policy  policy
		next    string
		want    []string
	}{
		{"down stays down", "-", less, "-+", []string{"- url1 next 10s", "+ url1 next 10s"}},
		{"the URL known to fail stays known", "+-", less, "+", []string{"+ url2 next 10s"}},
		{"retries made count", "+++---", p, "---", []string{
			"- url1 next 1s", "- url1 next 1s", "- url1 DOWN after 5 retries next 10s"}},
		{"as far as the new limit goes", "+++---", less, "-", []string{"- url1 DOWN after 2 retries next 10s"}},
		{"a walk starts over", "++++", p, "+", []string{"+ url1 next 10s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j judgement
			walk(&j, p, tt.results)
			j = j.carry(tt.policy)
			if diff := cmp.Diff(tt.want, walk(&j, tt.policy, tt.next)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// TestJudgementMatchesHistory compares the judgement of a check of one step with the definition: the whole history of
// results, looked at anew each time.
func TestJudgementMatchesHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policy{
			delayLoop:        time.Duration(rapid.IntRange(1, 100).Draw(t, "delay_loop")) * s,
			delayBeforeRetry: time.Duration(rapid.IntRange(0, 100).Draw(t, "delay_before_retry")) * s,
			retry:            rapid.Uint32Range(0, 5).Draw(t, "retry"),
		}
		var j judgement
		var history []bool
		for range rapid.IntRange(1, 60).Draw(t, "attempts") {
			before := judged(history, p.retry)
			ok := rapid.Bool().Draw(t, "ok")
			history = append(history, ok)
			after := judged(history, p.retry)
			o := j.observe(p, answer(ok))

			if j.state != after {
				t.Fatalf("after %v: state %d, want %d", history, j.state, after)
			}
			want := observed{next: p.delayLoop}
			if after != before {
				want.verdict = after
				if after == down && before == up {
					want.retries = p.retry
				}
			}
			if !ok && after == up {
				want.next = p.delayBeforeRetry
			}
			if o != want {
				t.Fatalf("after %v: %+v, want %+v", history, o, want)
			}
		}
	})
}

// judged is the verdict of a history: up since the last success unless retry+1 failures came after it, or down when
// there was none.
func judged(history []bool, retry uint32) verdict {
	if len(history) == 0 {
		return unknown
	}
	v := down
	failures := uint32(0)
	for _, ok := range history {
		if ok {
			v, failures = up, 0
		} else if failures++; failures > retry {
			v = down
		}
	}
	return v
}
