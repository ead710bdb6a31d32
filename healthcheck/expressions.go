package healthcheck

import (
	"errors"
	"sync"

	"vigil/internal/pcre"
)

// maxSubject is how much of a body is searched for an expression. One that is longer fails, unless the expression is
// found before that: keepalived has no bound.
const maxSubject = 1 << 20

var errLongSubject = errors.New("not found in the first MiB, which is all that is searched")

// expressions keeps expressions compiled. Its methods may be called from any goroutine.
type expressions struct {
	mu       sync.Mutex
	compiled map[pcre.Spec]*pcre.Expression
}

// forget drops everything: what is still asked for is compiled again.
func (x *expressions) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.compiled = nil
}

func (x *expressions) of(spec pcre.Spec) (*pcre.Expression, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.compiled[spec]; e != nil {
		return e, nil
	}
	e, err := pcre.Compile(spec)
	if err != nil {
		return nil, err
	}
	if x.compiled == nil {
		x.compiled = make(map[pcre.Spec]*pcre.Expression)
	}
	x.compiled[spec] = e
	return e, nil
}

// match reports whether the expression is found in a body.
func (x *expressions) match(spec pcre.Spec, body []byte) (bool, error) {
	e, err := x.of(spec)
	if err != nil {
		return false, err
	}
	found, err := e.Match(body[:min(len(body), maxSubject)])
	if err == nil && !found && len(body) > maxSubject {
		return false, errLongSubject
	}
	return found, err
}
