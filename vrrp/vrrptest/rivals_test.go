package vrrptest

import (
	"testing"
	"time"

	"vigil/vrrp/election"
)

// claims is what router i says of others that are MASTER beside it.
func (c calm) claims(i int) (rivals, oneWay int) {
	for _, s := range c.Nodes[i].Status() {
		rivals, oneWay = rivals+s.Rivals, oneWay+s.OneWay
	}
	return rivals, oneWay
}

// TestNobodyClaimsARivalInAHandOver: an election, a hand-over of any kind and the meeting of two masters in a preemption are
// nothing remarkable.
func TestNobodyClaimsARivalInAHandOver(t *testing.T) {
	for name, begin := range handOvers {
		for seed := range uint64(300) {
			c, _ := newCalm(seed)
			claimed, taken := time.Duration(0), 0
			c.Observe = func() {
				for i := range c.Nodes {
					if n, _ := c.claims(i); n > 0 {
						claimed = c.Now
					}
				}
			}
			c.Trace = func(_ *Node, a election.InstanceAction) {
				if s, ok := a.Action.(election.StateChanged); ok && s.To == election.Master {
					taken++
				}
			}
			if m, err := c.settle(); m != 0 || err != nil {
				t.Fatalf("%s, seed %d: host %d won: %v", name, seed, m, err)
			}
			begin(c)
			c.Run(c.Now + 4*c.down())
			if claimed > 0 || taken < 2 {
				t.Errorf("%s, seed %d: a rival at %v, %d became MASTER", name, seed, claimed, taken)
			}
		}
	}
}

// TestAOneWayLinkIsTold: the better master says that the other does not hear it, as long as that is so; the other one, which
// hears nobody, cannot know.
func TestAOneWayLinkIsTold(t *testing.T) {
	for seed := range uint64(40) {
		c, _ := newCalm(seed)
		if m, err := c.settle(); m != 0 || err != nil {
			t.Fatalf("seed %d: host %d won: %v", seed, m, err)
		}
		mend := c.Nodes[1:]
		for _, n := range mend {
			c.Deafen(c.Nodes[0], n, true)
		}
		c.Run(c.Now + 4*c.down())
		rivals, oneWay := c.claims(0)
		if rivals != 1 || oneWay != 1 {
			t.Errorf("seed %d: %d rivals, %d of them do not hear us", seed, rivals, oneWay)
		}
		for i := range mend {
			if n, _ := c.claims(1 + i); n > 0 {
				t.Errorf("seed %d: host %d, which hears nobody above it, has %d rivals", seed, 1+i, n)
			}
		}
		for _, n := range mend {
			c.Deafen(c.Nodes[0], n, false)
		}
		c.Run(c.Now + 2*c.down())
		if rivals, oneWay = c.claims(0); rivals+oneWay > 0 {
			t.Errorf("seed %d: mended, and still %d rivals", seed, rivals)
		}
	}
}
