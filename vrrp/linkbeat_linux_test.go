package vrrp

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
)

// A driver that is asked tells of a failure that the kernel does not report; one that is not asked does not.
func TestLinkbeat(t *testing.T) {
	for _, tc := range []struct {
		rule   string
		change func(*election.Spec)
		want   election.State
		asked  string // "": nobody is
	}{
		{"not asked", func(*election.Spec) {}, election.Master, ""},
		{"linkbeat_interfaces", func(s *election.Spec) { s.Linkbeat = []election.Linkbeat{{Link: "eth0", Method: "ETHTOOL"}} }, election.Fault, "eth0 ETHTOOL"},
		{"another interface", func(s *election.Spec) { s.Linkbeat = []election.Linkbeat{{Link: "eth7"}} }, election.Master, "eth7 "},
		{"linkbeat_use_polling", func(s *election.Spec) { s.LinkbeatAll = true }, election.Fault, "eth0 "},
		{"both", func(s *election.Spec) {
			s.LinkbeatAll, s.Linkbeat = true, []election.Linkbeat{{Link: "eth0", Method: "MII"}, {Link: "eth0"}}
		}, election.Fault, "eth0 MII"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var n ethernet
			h := n.newHost("10.77.0.1/24")
			h.carrier = map[string]bool{"eth0": true}
			a := start(t, h, Options{})
			a.applySpec(tc.change, testInstance("V", 51, 150))
			time.Sleep(10 * time.Second)
			want(t, tc.rule+": at first", a.state("V"), election.Master)
			set := func(up bool) {
				h.mu.Lock()
				h.carrier["eth0"] = up
				h.mu.Unlock()
				time.Sleep(linkbeatPeriod + time.Millisecond)
			}
			set(false)
			want(t, tc.rule+": the driver says down", a.state("V"), tc.want)
			set(true)
			time.Sleep(10 * time.Second)
			want(t, tc.rule+": and up again", a.state("V"), election.Master)
			set(false)
			a.apply(testInstance("V", 51, 150)) // a reload that asks nobody any more
			time.Sleep(10 * time.Second)
			want(t, tc.rule+": not asked any more", a.state("V"), election.Master)
			h.mu.Lock()
			defer h.mu.Unlock()
			kinds := slices.Compact(slices.Sorted(slices.Values(h.asked)))
			if tc.asked == "" {
				want(t, tc.rule+": asked", kinds, []string(nil))
			} else {
				want(t, tc.rule+": asked", kinds, []string{tc.asked})
			}
			if got := len(h.asked); tc.asked != "" && (got < 20 || got > 25) {
				t.Errorf("%s: asked %d times in about 22 s", tc.rule, got)
			}
		})
	}
}

// A driver that does not answer is told of once, and then what the kernel reports counts.
func TestLinkbeatWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		lines := &recorder{counting: new(counting)}
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{Logger: slog.New(lines)})
		a.applySpec(func(s *election.Spec) { s.LinkbeatAll = true }, testInstance("V", 51, 150))
		time.Sleep(time.Minute)
		want(t, "up", a.state("V"), election.Master)
		h.cable(t, false)
		want(t, "down", a.state("V"), election.Fault)
		if got := lines.with("driver"); len(got) != 1 {
			t.Errorf("%d lines: %v", len(got), got)
		}
	})
}
