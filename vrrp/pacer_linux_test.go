package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
)

// TestPaceOfAnInterface: what is on a virtual link counts for the interface below; a garp_group goes before the usual pace, and
// its interfaces share one if it says so; gratuitous ARP and neighbour advertisements do not wait for each other.
func TestPaceOfAnInterface(t *testing.T) {
	p := newPacers()
	p.configure(&election.Spec{
		Instances: []election.InstanceSpec{{AddressLinks: []election.VirtualLink{{Kind: election.Macvlan, Name: "vrrp.1", Parent: "eth0"},
			{Kind: election.Macvlan, Name: "vrrp1.1", Parent: "eth2"}}}},
		Paces: []election.Pace{{Links: []string{"eth1", "eth2"}, Shared: true, ARP: 3}, {Links: []string{"eth3", "eth4"}, NA: 4}},
	})
	for _, tt := range []struct {
		link, addr string
		usual      time.Duration
		want       pace
	}{
		{"eth0", "10.0.0.1/32", 1, pace{paceKey{"eth0", false}, 1}},
		{"vrrp.1", "10.0.0.1/32", 1, pace{paceKey{"eth0", false}, 1}},
		{"vrrp.1", "fe80::1/128", 2, pace{paceKey{"eth0", true}, 2}},
		{"eth1", "10.0.0.1/32", 1, pace{paceKey{"eth1", false}, 3}},
		{"vrrp1.1", "10.0.0.1/32", 0, pace{paceKey{"eth1", false}, 3}},
		{"eth2", "fe80::1/128", 2, pace{paceKey{"eth1", true}, 2}},
		{"eth3", "fe80::1/128", 0, pace{paceKey{"eth3", true}, 4}},
		{"eth4", "fe80::1/128", 1, pace{paceKey{"eth4", true}, 4}},
		{"eth4", "10.0.0.1/32", 0, pace{paceKey{"eth4", false}, 0}},
	} {
		if got := p.paceOf(election.Address{Link: tt.link, Prefix: netip.MustParsePrefix(tt.addr)}, tt.usual); got != tt.want {
			t.Errorf("%s on %s: %+v, want %+v", tt.addr, tt.link, got, tt.want)
		}
	}
}

// TestNeighbourAdvertsKeepTheirInterval (vrrp_gna_interval), while gratuitous ARP without one leaves at once. Each
// address has its first one before any has another, also when that was ordered after the first one had left.
func TestNeighbourAdvertsKeepTheirInterval(t *testing.T) {
	for _, together := range []bool{true, false} {
		t.Run(fmt.Sprintf("ordered together %t", together), func(t *testing.T) { neighbourAdverts(t, together) })
	}
}

func neighbourAdverts(t *testing.T, together bool) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		p := newPacers()
		defer p.close()
		b := newBench(t, h, p)
		list := addresses("10.77.0.100/32", "fe80::100/128", "fe80::101/128")
		b.order(election.Own{Generation: 1, Resources: resources(list)})
		announce := func(list ...election.Address) {
			b.order(election.Announce{Repeat: 2, Addresses: list, NAInterval: time.Second})
			synctest.Wait()
		}
		if together {
			announce(list...)
		} else {
			announce(list[:2]...)
			announce(list[2])
		}
		h.taken()
		time.Sleep(time.Millisecond)
		sent := func() (garps []string) {
			synctest.Wait()
			for _, line := range h.taken() {
				if len(line) > 5 && line[:5] == "garp " {
					garps = append(garps, line[5:])
				}
			}
			return garps
		}
		sent()
		for _, w := range []string{"fe80::101", "fe80::100", "fe80::101"} {
			time.Sleep(time.Second)
			want(t, "a second later", sent(), []string{w})
		}
		time.Sleep(time.Minute)
		want(t, "afterwards", sent(), []string(nil))
	})
}
