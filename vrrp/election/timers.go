package election

import "time"

const (
	// handOverGrace is how long resources stay after the new master was heard: its gratuitous ARPs follow its first
	// advert, and until they have arrived traffic still comes here.
	handOverGrace = 200 * time.Millisecond
	// handOverMargin is added where another router's grace must be over: its clock and the network take their time.
	handOverMargin = 50 * time.Millisecond
	// predecessorQuiet is when a previous master of this program has long ceased to tell neighbours of its addresses. Who
	// was misled before, a switch that saw the virtual MAC address there too, is put right while that one still serves.
	predecessorQuiet = handOverGrace / 2
	// claimPatience is how long the first advert waits for the resources at the most, where it is what draws the traffic.
	// It is less than the difference of skew times that separates most routers.
	claimPatience = 10 * time.Millisecond
	// passOnTime is how long the new master passes on what the previous one knows: that one's grace begins when our
	// first advert arrives, and ends before this does not.
	passOnTime = handOverGrace - 20*time.Millisecond
	// resignMargin is added to the longest skew time when a resigning master hears of no successor.
	resignMargin = 100 * time.Millisecond
)

// timers are when things happen by themselves. Each is Never while it does not run; the earliest is the Deadline, so
// there is nothing to cancel but the time itself.
type timers struct {
	advert     Instant // MASTER: Adver_Timer (RFC 9568 §6.2)
	activeDown Instant // BACKUP: Active_Down_Timer (RFC 9568 §6.2)
	startup    Instant // INIT: an owner begins after vrrp_startup_delay
	preempt    Instant // BACKUP: end of preempt_delay; no event of its own
	release    Instant // end of the hand-over grace, or of waiting for a successor
	second     Instant // second round of announcements
	refresh    Instant // periodic round
	extra      Instant // periodic round on further interfaces
	lower      Instant // round for lower masters that were heard soon after the last such round
	lowerAgain Instant // the second round for them, after garp_lower_prio_delay
	prepare    Instant // MASTER: pre_master is waited for until then
	ensure     Instant // MASTER: the next run of ensure_master
	quieted    Instant // another round when the predecessor tells nobody any more
	handedOver Instant // another round when the predecessor's grace is over
}

var stopped = timers{
	advert: Never, activeDown: Never, startup: Never, preempt: Never, release: Never,
	second: Never, refresh: Never, extra: Never, lower: Never, lowerAgain: Never, quieted: Never, handedOver: Never,
	prepare: Never, ensure: Never,
}

// Deadline returns when the machine wants Wake next; false when no time will change anything.
func (m *Machine) Deadline() (Instant, bool) {
	t := &m.timers
	d := min(t.advert, t.activeDown, t.startup, t.release, t.second, t.refresh, t.extra, t.lower, t.lowerAgain, t.quieted, t.handedOver,
		t.prepare, t.ensure, m.retry.at, m.repairs.at)
	return d, d != Never
}

// skewTime is the Skew_Time (RFC 9568 §6.1, RFC 3768 §6.1). Version 2 does not scale it with the interval.
func (m *Machine) skewTime() time.Duration {
	p := m.priority
	if m.spec.Priority == OwnerPriority {
		p = OwnerPriority
	}
	return m.spec.skewTime(p, m.interval)
}

// skewTime is that of a router of the given priority that knows of the given Active_Adver_Interval.
func (s *InstanceSpec) skewTime(priority uint8, interval time.Duration) time.Duration {
	if s.Version == 2 {
		interval = time.Second
	}
	return time.Duration(256-int(priority)) * interval / 256
}

// activeDownInterval is the Active_Down_Interval (RFC 9568 §6.1; Master_Down_Interval in RFC 3768 §6.1).
func (m *Machine) activeDownInterval() time.Duration {
	return time.Duration(m.spec.DownTimerAdverts)*m.interval + m.skewTime()
}

// restartActiveDown sets the Active_Down_Timer anew. During vrrp_startup_delay nobody is listened to, so it runs from
// the end of that.
func (m *Machine) restartActiveDown(now Instant) {
	m.timers.activeDown = max(now, m.listenFrom).Add(m.activeDownInterval())
}

// unnoticed is how long a router may have been silent before the first of the others, one of priority 254, takes over.
func (m *Machine) unnoticed() time.Duration {
	return time.Duration(m.spec.DownTimerAdverts)*m.spec.AdvertInterval + m.spec.skewTime(OwnerPriority-1, m.spec.AdvertInterval)
}

// succeeded reports whether the advert that is due comes so late that another router may have taken over.
func (m *Machine) succeeded(now Instant) bool {
	return m.state == Master && m.timers.advert <= now && now.Sub(m.timers.advert.Add(-m.spec.AdvertInterval)) >= m.unnoticed()
}

// timerExpired reports whether the advert that is due comes so late that a router of priority TimerExpired took over.
func (m *Machine) timerExpired(now Instant) bool {
	p, last := m.spec.TimerExpired, m.timers.advert.Add(-m.spec.AdvertInterval)
	return p > 0 && now.Sub(last) >= time.Duration(m.spec.DownTimerAdverts)*m.spec.AdvertInterval+m.spec.skewTime(p, m.spec.AdvertInterval)
}

// resignWait is how long a router that resigns waits for a successor: until the slowest one must have spoken.
func (s *InstanceSpec) resignWait() time.Duration {
	return s.skewTime(1, s.AdvertInterval) + resignMargin
}

// StopLimit is the longest time from Stop to Stopped if effects take none: nobody is heard until the last moment, and
// then the grace of the hand-over follows. It is up to 41.1 s in version 3.
func (s InstanceSpec) StopLimit() time.Duration { return s.resignWait() + handOverGrace }

// StopLimit is the longest time that Stop of all virtual routers takes; 0 without any.
func (s Spec) StopLimit() (limit time.Duration) {
	for _, in := range s.Instances {
		limit = max(limit, in.StopLimit())
	}
	return limit
}

// backoff is the time of the next attempt at something that fails.
type backoff struct {
	at    Instant
	pause time.Duration
}

const (
	// retryFirst and retryMax are the first and the longest pause before what could not be installed or removed is tried
	// again.
	retryFirst = time.Second
	retryMax   = 5 * time.Minute
	// standBackFirst is the first pause after which a router that could install nothing stands for election again. Each
	// time it does, it may take mastership from one that serves.
	standBackFirst = 10 * time.Second
)

// next schedules another attempt after twice the pause before, first at least.
func (b *backoff) next(now Instant, first time.Duration) {
	b.pause = min(max(first, 2*b.pause), retryMax)
	b.at = now.Add(b.pause)
}
