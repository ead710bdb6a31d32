package healthcheck

import "math"

// kernelWeight limits a weight to what IPVS can hold.
func kernelWeight(w int64) int64 { return max(0, min(w, math.MaxInt32)) }

// quorum says whether a virtual server has enough live weight. Its owner keeps sum up to date, so that an event costs
// the same in a pool of ten and of ten thousand servers. It is pure.
type quorum struct {
	quorum     int64
	hysteresis int64
	sum        int64 // the kernel weights of the servers that are up
	up         bool
}

// evaluation is what an evaluation of a quorum decides.
type evaluation uint8

const (
	quorumKept evaluation = iota
	quorumGained
	quorumLost
	quorumStartsDown // at start or reload: never had it, so the sorry server is due
)

// threshold is the weight that decides at present: with hysteresis it takes more to gain the quorum than to keep it.
func (q *quorum) threshold() int64 {
	if q.up {
		return q.quorum - q.hysteresis
	}
	return q.quorum + q.hysteresis
}

// evaluate compares the live weight with the threshold. initial is set at start and after a reload; sorry tells that
// a sorry server is waiting to be used. Without any live weight the quorum is lost whatever the hysteresis, except
// that a quorum of 0, which only a pool of nothing but weight 0 has, is always met and does not flap.
func (q *quorum) evaluate(initial, sorry bool) evaluation {
	thr := q.threshold()
	switch {
	case !q.up && q.sum >= thr:
		q.up = true
		return quorumGained
	case q.up && (q.sum < thr || q.sum == 0 && q.quorum > 0):
		q.up = false
		return quorumLost
	case !q.up && initial && sorry:
		return quorumStartsDown
	}
	return quorumKept
}
