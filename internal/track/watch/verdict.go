package watch

// verdict is what the results of a script come to. The first result decides alone; then it takes rise successes, or fall
// failures, one after the other.
type verdict struct {
	rise, fall int
	known, up  bool
	against    int // results in a row that say otherwise
}

// newVerdict returns the verdict before the first result. With init_fail that is a failure like any other.
func newVerdict(s Script) verdict {
	return verdict{rise: s.Rise, fall: s.Fall, known: s.InitFail}
}

// observe takes a result and reports whether it changes the verdict.
func (v *verdict) observe(success bool) (changed bool) {
	switch {
	case !v.known:
		v.known, v.up = true, success
		return true
	case success == v.up:
		v.against = 0
		return false
	}
	v.against++
	needed := v.fall
	if success {
		needed = v.rise
	}
	if v.against < needed {
		return false
	}
	v.up, v.against = success, 0
	return true
}

// follow goes on with the counts of another definition of the same program.
func (v *verdict) follow(s Script) { v.rise, v.fall = s.Rise, s.Fall }
