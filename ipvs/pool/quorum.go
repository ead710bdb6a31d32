package pool

// quorum says whether a virtual server has enough live weight. Its owner keeps sum up to date, so that an event costs
// the same in a pool of ten and of ten thousand servers.
type quorum struct {
	quorum     int64
	hysteresis int64
	sum        int64 // the weights, as the kernel takes them, of the servers that are up
	up         bool
}

// threshold is the weight that decides at present: with hysteresis it takes more to gain the quorum than to keep it.
func (q *quorum) threshold() int64 {
	if q.up {
		return q.quorum - q.hysteresis
	}
	return q.quorum + q.hysteresis
}

// evaluate compares the live weight with the threshold and reports whether the quorum was gained or lost. Without any
// live weight it is lost whatever the hysteresis, except that a quorum of 0, which only a pool of nothing but weight 0
// has, is always met and does not flap.
func (q *quorum) evaluate() (changed bool) {
	was, thr := q.up, q.threshold()
	if q.up {
		q.up = q.sum >= thr && (q.sum > 0 || q.quorum == 0)
	} else {
		q.up = q.sum >= thr
	}
	return q.up != was
}
