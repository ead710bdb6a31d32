package confparse

import (
	"time"
)

// timing is what virtual servers, real servers and checkers hand down.
type timing struct {
	delayLoop, connectTimeout, retryDelay, warmup opt[time.Duration]
	retry, rise                                   opt[uint32]
}

// inherit fills what t lacks from outer.
func (t *timing) inherit(outer *timing) {
	t.delayLoop.inherit(outer.delayLoop)
	t.connectTimeout.inherit(outer.connectTimeout)
	t.retryDelay.inherit(outer.retryDelay)
	t.warmup.inherit(outer.warmup)
	t.retry.inherit(outer.retry)
	t.rise.inherit(outer.rise)
}

// maxTimer is the longest time of a server, in microseconds; keepalived has the limit of a long.
const maxTimer = 1 << 53

// timingDefaults are the defaults of the rows of a timing, for the reference.
type timingDefaults struct{ delayLoop, connectTimeout, retryDelay, warmup, retry, rise string }

// timingRows are the rows of what a server hands down to its checkers.
func timingRows[T any](def timingDefaults, of func(*T) *timing) blockOf[T] {
	return blockOf[T]{
		inheritedTime("delay_loop", decimal(1, maxTimer), def.delayLoop,
			func(t *T) *opt[time.Duration] { return &of(t).delayLoop }),
		inheritedTime("connect_timeout", decimal(1, maxMicros), def.connectTimeout,
			func(t *T) *opt[time.Duration] { return &of(t).connectTimeout }),
		inheritedTime("delay_before_retry", decimal(0, maxTimer), def.retryDelay,
			func(t *T) *opt[time.Duration] { return &of(t).retryDelay }),
		inheritedTime("warmup", decimal(0, maxTimer), def.warmup, func(t *T) *opt[time.Duration] { return &of(t).warmup }),
		inheritedCount("retry", wholeStrict(1, maxUint32), def.retry, func(t *T) *opt[uint32] { return &of(t).retry }),
		inheritedCount("rise", whole(1, maxUint32), def.rise, func(t *T) *opt[uint32] { return &of(t).rise }).from(ours),
	}
}
