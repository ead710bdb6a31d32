package vrrp

import "context"

// Explain returns why each virtual router is what it is, in the order of the configuration, as of now. The error is ctx's or
// wraps ErrStopped.
func (r *Runner) Explain(ctx context.Context) ([]Explained, error) {
	answer := make(chan []Explained, 1)
	select {
	case r.asks <- answer:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.ended:
		return nil, r.whyStopped()
	}
	return <-answer, nil
}

// explain asks the Engine about every router.
func (r *Runner) explain() (list []Explained) {
	machines, _ := r.engine.Status()
	for _, m := range machines {
		in := r.instances[m.Handle]
		why, ok := r.engine.Explain(r.now(), m.Handle)
		if in == nil || !ok {
			continue
		}
		list = append(list, Explained{Spec: in.spec, Status: m, Why: why, Epoch: r.epoch})
	}
	return list
}
