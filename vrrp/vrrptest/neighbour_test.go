package vrrptest

import (
	"math/rand/v2"
	"testing"
	"time"

	"vigil/vrrp/election"
)

// handOvers are the ways in which router 0, MASTER and alive, is succeeded by another one.
var handOvers = map[string]func(c calm){
	"stop": func(c calm) { c.Nodes[0].Stop() },
	"newcomer": func(c calm) {
		spec := c.specs[0]
		spec.Priority = 254
		c.AddNode(Node{Address: addressOf(98), Latency: 30 * time.Millisecond, Pace: time.Millisecond}).Start(SpecOf(spec))
	},
	"reload": func(c calm) {
		spec := c.specs[0]
		spec.Priority = 1
		c.Nodes[0].Reload(SpecOf(spec))
	},
}

// stale runs one hand-over with neighbours that know the address, and others that ask for it at any moment, and returns
// how many of them still send to the old master some time after the new one has begun.
func stale(t *testing.T, seed uint64, after time.Duration, begin func(calm), change func(*election.InstanceSpec, *Node)) (n int) {
	t.Helper()
	c, rng := newCalm(seed, change)
	if m, err := c.settle(); m != 0 || err != nil {
		t.Fatalf("seed %d: host %d won: %v", seed, m, err)
	}
	warm := c.AddNeighbour()
	warm.Ask(c.vip)
	c.Run(c.Now + time.Second)
	begin(c)
	c.askers(rng)
	var since time.Duration
	c.Observe = func() {
		if since == 0 && c.otherMaster() {
			since = c.Now
		}
	}
	for limit := c.Now + 3*c.down(); since == 0 && c.Now < limit; {
		c.Run(c.Now + time.Millisecond)
	}
	c.Observe = nil
	if since == 0 {
		t.Fatalf("seed %d: nobody has taken over", seed)
	}
	c.Run(since + after)
	if c.Violation != nil {
		t.Fatalf("seed %d: %v", seed, c.Violation)
	}
	for _, h := range c.Neighbours {
		if h.Sends(c.vip) == c.Nodes[0] {
			n++
		}
	}
	if warm.Sends(c.vip) == nil {
		t.Fatalf("seed %d: the warm cache is cold", seed)
	}
	return n
}

// askers adds a cold neighbour for every 20 ms of the election.
func (c calm) askers(rng *rand.Rand) {
	end := c.Now + 2*c.down()
	for at := c.Now; at < end; at += 20 * time.Millisecond {
		h := c.AddNeighbour()
		c.At(at+time.Duration(rng.Int64N(int64(20*time.Millisecond))), func() { h.Ask(c.vip) })
	}
}

func (c calm) otherMaster() bool {
	for _, n := range c.Nodes[1:] {
		for _, st := range n.Status() {
			if st.State == election.Master {
				return true
			}
		}
	}
	return false
}

// TestNeighboursFollow: 300 ms after a hand-over no neighbour sends to the old master, whenever it asked; not even with
// garp_master_delay 0, nor when the old one drops its addresses at once.
func TestNeighboursFollow(t *testing.T) {
	for name, begin := range handOvers {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 40; seed++ {
				n := stale(t, seed, 300*time.Millisecond, begin, func(s *election.InstanceSpec, n *Node) {
					s.GARP.MasterDelay = 0
					n.Abrupt = seed%4 == 0
				})
				if n > 0 {
					t.Errorf("seed %d: %d neighbours send to the old master", seed, n)
				}
			}
		})
	}
}

// TestNeighboursAreMisled: a router that goes on answering while it hands over does mislead those who ask just then, so
// that TestNeighboursFollow shows something; the announcement at the end of the grace mends that too.
func TestNeighboursAreMisled(t *testing.T) {
	talkative := func(s *election.InstanceSpec, n *Node) { s.GARP.MasterDelay, n.Talkative = 0, true }
	during, after := 0, 0
	for seed := uint64(1); seed <= 20; seed++ {
		during += stale(t, seed, 180*time.Millisecond, handOvers["newcomer"], talkative)
		after += stale(t, seed, 300*time.Millisecond, handOvers["newcomer"], talkative)
	}
	if during == 0 || after > 0 {
		t.Errorf("misled: %d during the grace, %d after it", during, after)
	}
}
