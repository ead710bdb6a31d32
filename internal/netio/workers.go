package netio

// maxExchanges is how many exchanges with the kernel are under way at once. It makes one change after the other anyway.
const maxExchanges = 32

// workers run what talks to the kernel on goroutines of their own, so that whoever asks keeps a small stack: an exchange needs
// 64 KB of it, and a thousand virtual routers that take over in the same moment would all have them.
type workers struct {
	places chan struct{} // one is taken by each worker
	jobs   chan func()   // for who has just done one
}

func newWorkers() workers {
	return workers{places: make(chan struct{}, maxExchanges), jobs: make(chan func())}
}

// do runs f to its end, in its turn. f must not come here again: the last place might be its own.
func (w workers) do(f func() error) error {
	done := make(chan error, 1)
	job := func() { done <- f() }
	select {
	case w.jobs <- job:
	case w.places <- struct{}{}:
		go w.run(job)
	}
	return <-done
}

// run does a job, and then those that wait.
func (w workers) run(job func()) {
	defer func() { <-w.places }()
	for {
		job()
		select {
		case job = <-w.jobs:
		default:
			return
		}
	}
}
