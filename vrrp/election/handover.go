package election

import "time"

// HandOverLimit is the longest time for which a router of s that is told to stop keeps its addresses: a master that hears
// of no successor keeps them until the slowest one must have spoken, which is one interval in version 3 (at most 40.95 s,
// RFC 9568 §6.1) and a second in version 2 (RFC 3768 §6.1), or until its successor has had its grace.
func (s Spec) HandOverLimit() time.Duration {
	longest := time.Second
	for _, in := range s.Instances {
		if in.Version != 2 {
			longest = max(longest, in.AdvertInterval)
		}
	}
	return longest + handOverGrace + resignMargin
}
