package healthcheck

import "vigil/confparse"

// The reasons of BFD_CHECK.
const (
	bfdUp   = "UP"
	bfdDown = "DOWN"
)

var bfdWords = words{
	check: "BFD_CHECK",
	verdict: func(t told) string {
		reason := bfdUp
		if t.verdict == down {
			reason = bfdDown
		}
		return "BFD check of [" + t.spec.subject() + "] RS(" + t.server + ") is " + reason
	},
	alert: func(t told) string {
		text := " succeeded on service"
		if t.verdict == down {
			text = " failed on service"
		}
		return "BFD CHECK " + t.spec.subject() + text
	},
}

// bfdQuestion is BFD_CHECK: whether a BFD session is up. It is told of changes.
type bfdQuestion struct{ session string }

func askBFD(ck *confparse.Checker) question {
	if x, ok := ck.Detail.(*confparse.BFDDetail); ok {
		return bfdQuestion{x.Name}
	}
	return bfdQuestion{}
}

// followBFD tells of each change of the session. One of which nothing has been heard yet says nothing of its server.
func followBFD(from sources, asks question, tell func(Result)) (first Result, stop func()) {
	if from.sessions == nil {
		return Result{}, func() {}
	}
	up, known, stop := from.sessions.follow(asks.(bfdQuestion).session, func(up bool) { tell(judgeBFD(up)) })
	if known {
		first = judgeBFD(up)
	}
	return first, stop
}

func judgeBFD(up bool) Result {
	if up {
		return passed(CodeAnswered, bfdUp)
	}
	return failed(CodeAnswerTimeout, bfdDown, nil)
}

func (q bfdQuestion) attempt(means, int) Checker {
	panic("healthcheck: BFD_CHECK is told, and not asked")
}

// policy: what a session says counts at once.
func (bfdQuestion) policy(timing) policy { return policy{} }

func (q bfdQuestion) same(o question) bool { return q == o }

// subject implements subject.
func (q bfdQuestion) subject() string { return q.session }
