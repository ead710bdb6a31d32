package recording

import (
	"fmt"
	"time"

	"vigil/vrrp/election"
)

const (
	// What is taken from a file: with more of it an engine would come to times that there are not. latest is the latest time,
	// longest the longest duration that is added to it once, as garp_master_refresh, and long one of which there may be
	// mostAdverts. No configuration and no process gets there.
	latest  = election.Instant(100 * 365 * 24 * time.Hour)
	longest = 1 << 32 * time.Second
	long    = 400 * 24 * time.Hour
	// mostAdverts is how many intervals of silence there may be until a master is down.
	mostAdverts = 100
)

// possible returns what an engine could not cope with in an input; nil when it can.
func possible(in *Input) error {
	if in.At < 0 || in.At > latest {
		return fmt.Errorf("%d ns is no time since a process began", in.At)
	}
	var list []time.Duration
	for i := range in.Spec.Instances {
		if err := possibleSpec(&in.Spec.Instances[i]); err != nil {
			return err
		}
	}
	switch ev := in.Event.(type) {
	case election.SpecChanged:
		if err := possibleSpec(&ev.Spec); err != nil {
			return err
		}
	case election.Started:
		list = append(list, ev.Silence, ev.Delay)
	case election.AdvertReceived:
		list = append(list, ev.Advert.Interval, ev.Waited)
	case election.Stop:
		list = append(list, ev.Hold)
	}
	return within(longest, append(list, in.Spec.StartupDelay)...)
}

func possibleSpec(s *election.InstanceSpec) error {
	if s.DownTimerAdverts > mostAdverts {
		return fmt.Errorf("%d adverts until a master is down are too many", s.DownTimerAdverts)
	}
	g := &s.GARP
	if err := within(long, s.AdvertInterval, s.PreemptDelay, g.MasterDelay, g.LowerPrioDelay); err != nil {
		return err
	}
	return within(longest, g.MasterRefresh, g.Interval, g.NAInterval, s.ExtraGARP, s.Hooks.PreMasterTimeout, s.Hooks.EnsureInterval, s.HMAC.Window)
}

func within(limit time.Duration, list ...time.Duration) error {
	for _, d := range list {
		if d > limit || d < -limit {
			return fmt.Errorf("%d ns is no duration of a recording", d)
		}
	}
	return nil
}
