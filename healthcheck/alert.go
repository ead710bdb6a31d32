package healthcheck

// Alert is what one check has come to, for those who are mailed about checks.
type Alert struct {
	Passed bool
	Text   string // such as "TCP CHECK failed on service"
}

// alerting is the alert of a kind that has one text for each verdict.
func alerting(passed, failed string) func(told) string {
	return func(t told) string {
		if t.verdict == up {
			return passed
		}
		return failed
	}
}

// alert is what there is to mail about a verdict, if there is anything. A check is taken to pass before its first verdict, or
// with alpha to fail; that it does is no news then.
func (p *probe) alert(before verdict, o observed, r Result) (a Alert, any bool) {
	w := p.words()
	if before == unknown && !w.first {
		if before = up; p.spec.Alpha {
			before = down
		}
	}
	if before == o.verdict {
		return Alert{}, false
	}
	return Alert{Passed: o.verdict == up, Text: w.alert(told{verdict: o.verdict, spec: p.spec, result: r})}, true
}
