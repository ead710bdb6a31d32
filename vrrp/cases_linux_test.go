package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vigil/internal/netio"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

func ip(t *testing.T, n *lantest.Node, args ...string) {
	t.Helper()
	if out, err := n.Output(t.Context(), append([]string{"ip"}, args...)...); err != nil {
		t.Fatal(err, out)
	}
}

// A master whose interface was down before announces its addresses as if nothing had been: garp_master_repeat times each, and
// then no more.
func TestAnnouncementsAfterTheInterfaceWasDown(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	in := fast(150)
	in.GARP.MasterRepeat = 5
	record := a.Capture(lab)
	since, before := time.Now(), uint64(0)
	r, _ := run(t, a, Options{}, in)
	for _, happened := range []func(){
		func() {},
		func() {
			ip(t, a, "link", "set", "eth0", "down")
			untilState(t, r, election.Fault)
			since, before = time.Now(), r.Status().Instances[0].Counters.AdvertsSent
			ip(t, a, "link", "set", "eth0", "up")
		},
	} {
		happened()
		untilState(t, r, election.Master)
		var sent []testlan.Announcement
		lantest.Until(t, "5 announcements of 2 addresses", func() error {
			if sent = record.Announcements("a", since); len(sent) < 10 {
				return fmt.Errorf("%d", len(sent))
			}
			return nil
		})
		var first []testlan.Advert
		lantest.Until(t, "two more adverts", func() error {
			if n := len(record.Adverts("a", sent[9].Time)); n < 2 {
				return fmt.Errorf("%d", n)
			}
			first = record.Adverts("a", since)
			return nil
		})
		// Right after the link has come the kernel may lose what is sent; that an advert comes first is then for other tests to show.
		lost := r.Status().Instances[0].Counters.AdvertsSent-before > uint64(len(record.Adverts("a", since)))
		if n := len(record.Announcements("a", since)); n != 10 || sent[0].Time.Before(first[0].Time) && !lost {
			t.Errorf("%d announcements, want 5 of 2 addresses; the first at %v, after the advert at %v", n, sent[0].Time, first[0].Time)
		}
	}
}

// Where IPv6 is switched off the rest is served, and what failed is put in place when it is switched on.
func TestIPv6OffIsNoReasonToResign(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	if err := a.Sysctl("net/ipv6/conf/eth0/disable_ipv6", "1"); err != nil {
		t.Fatal(err)
	}
	in := fast(150)
	v6 := netip.MustParsePrefix("2001:db8:1::100/64")
	in.Addresses = in.Addresses[:1]
	in.Excluded = []election.Address{{Prefix: v6, Link: "eth0"}, {Prefix: netip.PrefixFrom(vip101, 24), Link: "eth0"}}
	r, _ := run(t, a, Options{}, in)
	untilState(t, r, election.Master)
	served := []netip.Prefix{netip.PrefixFrom(vip100, 32), netip.PrefixFrom(vip101, 24)}
	lantest.Until(t, "the others", func() error {
		got, failures := virtual(t, a), r.Status().Instances[0].Failures
		if !slices.Equal(got, served) || len(failures) != 1 || failures[0].Prefix != v6 {
			return fmt.Errorf("has %v, failures %v", got, failures)
		}
		return nil
	})
	if err := a.Sysctl("net/ipv6/conf/eth0/disable_ipv6", "0"); err != nil {
		t.Fatal(err)
	}
	lantest.Until(t, "all of them", func() error {
		got, failures := virtual(t, a), r.Status().Instances[0].Failures
		if !slices.Contains(got, v6) || len(failures) != 0 {
			return fmt.Errorf("has %v, failures %v", got, failures)
		}
		return nil
	})
	if c := r.Status().Instances[0].Counters; c.BecameMaster != 1 || c.PriorityZeroSent != 0 {
		t.Errorf("counters %+v: the state has changed", c)
	}
}

// gone records the removals of an address from now on.
func gone(t *testing.T, n *lantest.Node, addr string) func() int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan netio.Event, 1000)
	ended := make(chan error, 1)
	go func() { ended <- n.Kernel.Watch(ctx, events) }()
	t.Cleanup(func() { cancel(); <-ended })
	for {
		if _, ok := (<-events).(netio.Synced); ok {
			break
		}
	}
	want := netip.MustParseAddr(addr)
	return func() (times int) {
		t.Helper()
		// A change of our own marks the end of what has happened so far.
		mark := netio.Address{Index: n.Link().Index, Prefix: netip.MustParsePrefix("192.0.2.77/32")}
		if err := n.Kernel.AddAddress(mark); err != nil {
			t.Fatal(err)
		}
		for ev := range events {
			switch ev := ev.(type) {
			case netio.AddressGone:
				if ev.Address.Prefix.Addr() == want {
					times++
				}
			case netio.AddressChanged:
				if ev.Address.Prefix == mark.Prefix {
					return times
				}
			}
		}
		return times
	}
}

// A reload that removes, or relabels, the first address of a subnet leaves its neighbour alone.
func TestFirstAddressOfASubnet(t *testing.T) {
	t.Parallel()
	first := election.Address{Prefix: netip.MustParsePrefix("198.51.100.100/24"), Link: "eth0"}
	second := election.Address{Prefix: netip.MustParsePrefix("198.51.100.101/24"), Link: "eth0"}
	labelled := first
	labelled.Label = "eth0:1"
	for name, after := range map[string][]election.Address{"removed": {second}, "relabelled": {labelled, second}} {
		t.Run(name, func(t *testing.T) {
			lab, nodes := lantest.Laboratory(t, 1)
			a := nodes[0]
			in := fast(150)
			in.Addresses = []election.Address{first, second}
			r, _ := run(t, a, Options{}, in)
			untilState(t, r, election.Master)
			lantest.Until(t, "both", func() error {
				if got := virtual(t, a); len(got) != 2 {
					return fmt.Errorf("has %v", got)
				}
				return nil
			})
			removals := gone(t, a, "198.51.100.101")
			record := a.Capture(lab)
			in.Addresses = after
			if err := r.Apply(t.Context(), testSpec(in)); err != nil {
				t.Fatal(err)
			}
			lantest.Until(t, "the new addresses", func() error {
				all, err := a.Kernel.Addresses()
				if err != nil {
					return err
				}
				var got []string
				for _, k := range all {
					if k.Protocol == netio.Protocol {
						got = append(got, k.Prefix.String()+" "+k.Label)
					}
				}
				var want []string
				for _, v := range after {
					label := "eth0"
					if v.Label != "" {
						label = v.Label
					}
					want = append(want, v.Prefix.String()+" "+label)
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					return fmt.Errorf("has %v, want %v", got, want)
				}
				return nil
			})
			if n := removals(); n != 0 {
				t.Errorf("the other address was gone %d times", n)
			}
			if c := r.Status().Instances[0].Counters; c.BecameMaster != 1 || c.PriorityZeroSent != 0 || c.ReleasedMaster != 0 {
				t.Errorf("counters %+v: the state has changed", c)
			}
			for _, ad := range record.Adverts("a", time.Time{}) {
				if ad.Priority == 0 {
					t.Error("resigned")
				}
			}
		})
	}
}

// One router's hand-over does not touch another's address of the same subnet.
func TestHandOverSparesTheOtherRouter(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	one, two := fast(100), fast(90)
	two.Name, two.VRID = "W", 52
	one.Addresses = []election.Address{{Prefix: netip.MustParsePrefix("198.51.100.100/24"), Link: "eth0"}}
	two.Addresses = []election.Address{{Prefix: netip.MustParsePrefix("198.51.100.200/24"), Link: "eth0"}}
	r, _ := run(t, a, Options{}, one)
	untilState(t, r, election.Master) // so that its address is the first of the subnet
	if err := r.Apply(t.Context(), testSpec(one, two)); err != nil {
		t.Fatal(err)
	}
	state := func(i int, want election.State) {
		t.Helper()
		lantest.Until(t, "state "+want.String(), func() error {
			if got := r.Status().Instances[i].State; got != want {
				return errors.New(got.String())
			}
			return nil
		})
	}
	state(1, election.Master)
	lantest.Until(t, "both addresses", func() error {
		if got := virtual(t, a); len(got) != 2 {
			return fmt.Errorf("has %v", got)
		}
		return nil
	})
	removals := gone(t, a, "198.51.100.200")
	higher := one
	higher.Priority = 200
	run(t, b, Options{}, higher)
	state(0, election.Backup)
	lantest.Until(t, "release", func() error {
		if got := virtual(t, a); len(got) != 1 {
			return fmt.Errorf("has %v", got)
		}
		return nil
	})
	if n := removals(); n != 0 {
		t.Errorf("the other router's address was gone %d times", n)
	}
	if c := r.Status().Instances[1].Counters; c.BecameMaster != 1 || c.PriorityZeroSent != 0 || c.ReleasedMaster != 0 {
		t.Errorf("counters %+v: the other router has moved", c)
	}
	// It is put back after the address has gone, which is what was waited for.
	lantest.Until(t, "promote_secondaries as it was", func() error {
		if value, err := a.ReadSysctl("net/ipv4/conf/eth0/promote_secondaries"); err != nil || value != "0" {
			return fmt.Errorf("is %q (%v), was 0", value, err)
		}
		return nil
	})
}
