package vrrp

import (
	"strconv"
	"testing"

	"vigil/confparse"
	"vigil/vrrp/election"
)

func TestNoChangeIsLost(t *testing.T) {
	var c changes
	early := c.follow()
	const many = 20000
	for i := range many {
		if i == many/2 {
			c.end(c.begin(Change{Instance: "W"}, nil))
		}
		c.end(c.begin(Change{Instance: "V", Priority: uint8(i)}, nil))
	}
	late := c.follow()
	c.end(c.begin(Change{Instance: "V", Priority: 7}, nil))
	<-early.Changed()
	list := early.Take()
	want(t, "number", len(list), many+2)
	next := uint8(0)
	for i, ch := range list[:many+1] {
		if ch.Instance == "W" {
			continue
		}
		if ch.Priority != next {
			t.Fatalf("change %d is %d, want %d", i, ch.Priority, next)
		}
		next++
	}
	want(t, "of a later reader", late.Take(), []Change{{Instance: "V", Priority: 7}})
	want(t, "taken twice", len(early.Take()), 0)
	c.unfollow(late)
	c.end(c.begin(Change{Instance: "V"}, nil))
	want(t, "after the end", len(late.Take()), 0)
	want(t, "left behind", len(c.pending), 0)
}

// The transitions of the members of a sync group come in the order in which they were decided, that of the group after those of its
// members that were decided before it, and after its own earlier ones. Nobody else is waited for.
func TestGroupComesAfterItsMembers(t *testing.T) {
	var c changes
	reader := c.follow()
	members := []confparse.InstanceName{"A", "B"}
	got := func() (list []string) {
		for _, ch := range reader.Take() {
			list = append(list, string(ch.Instance)+string(ch.Group)+strconv.Itoa(int(ch.To)))
		}
		return list
	}
	a, b, other := c.begin(Change{Instance: "A", To: election.Master}, members), c.begin(Change{Instance: "B", To: election.Master}, members),
		c.begin(Change{Instance: "X", To: election.Master}, nil)
	c.group(Change{Group: "G", To: election.Master}, members)
	again := c.begin(Change{Instance: "A", To: election.Backup}, members)
	c.end(b)
	want(t, "the second member waits for the first", got(), []string(nil))
	c.end(a)
	want(t, "all members", got(), []string{"A2", "B2", "G2"})
	c.group(Change{Group: "G", To: election.Backup}, members)
	c.group(Change{Group: "G", To: election.Fault}, nil)
	want(t, "waits", got(), []string(nil))
	c.end(again)
	want(t, "in order", got(), []string{"A1", "G1", "G3"})
	c.end(other)
	want(t, "the other", got(), []string{"X2"})
	want(t, "left behind", len(c.pending), 0)
}

// What is decided is told before anything has followed, to those who want that, and to nobody else.
func TestDecisionsAreToldEarly(t *testing.T) {
	var c changes
	early, late := c.followEarly(), c.follow()
	c.decided(Change{Instance: "A", From: election.Master, To: election.Backup})
	<-early.Changed()
	want(t, "decided", early.Take(), []Change{{Instance: "A", From: election.Master, To: election.Backup}})
	want(t, "followed", len(late.Take()), 0)
	c.end(c.begin(Change{Instance: "A", From: election.Master, To: election.Backup}, nil))
	want(t, "followed afterwards", len(late.Take()), 1)
	want(t, "decided twice", len(early.Take()), 0)
	c.unfollow(early)
	c.decided(Change{Instance: "A", To: election.Master})
	want(t, "after the end", len(early.Take()), 0)
}
