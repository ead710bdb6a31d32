package vrrp

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// TestARivalIsTold: a lower router that goes on with its adverts is in the explanation, the status and the metrics, and what it
// has configured otherwise in the explanation, until it is quiet.
func TestARivalIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		reg := prometheus.NewPedanticRegistry()
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{Registerer: reg}, testInstance("V", 51, 100))
		time.Sleep(5 * time.Second)
		expect := func(what string, rivals, oneWay int) election.Explanation {
			t.Helper()
			synctest.Wait()
			got := gathered(t, reg)
			const labels = "{iname=V,intf=eth0,vrid=51}"
			want(t, what+": rivals", got["keepalived_vrrp_rivals"+labels], float64(rivals))
			want(t, what+": one way", got["keepalived_vrrp_one_way_rivals"+labels], float64(oneWay))
			s := a.Status().Instances[0]
			want(t, what+": status", [2]int{s.Rivals, s.OneWay}, [2]int{rivals, oneWay})
			list, err := a.Explain(t.Context())
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			want(t, what+": explained", len(list[0].Why.Rivals), rivals)
			return list[0].Why
		}
		why := expect("alone", 0, 0)
		if l := why.Lateness; l.LatestAt == election.Never || l.Worst != 0 {
			t.Errorf("%+v", l) // simulated time is never late
		}
		foreign := wire.Advert{Version: 2, VRID: 51, Priority: 1, Interval: time.Second}
		say := func(times int) {
			for range times {
				h.hear(foreign.AppendIPv4(nil, wire.IPHeader{Source: routerB, Destination: group4, TTL: 255}), group4, 51)
				time.Sleep(time.Second)
			}
		}
		say(2)
		expect("it goes on", 1, 0)
		say(4)
		why = expect("it hears nothing", 1, 1)
		if r := why.Rivals[0]; r.Source != routerB || r.Priority != 1 || r.Adverts != 6 {
			t.Errorf("%+v", r)
		}
		if m := why.Mismatches; len(m) != 1 || m[0].Kind != election.MismatchAddresses || m[0].Times != 6 {
			t.Errorf("%+v", m)
		}
		time.Sleep(4 * time.Second)
		expect("it is quiet", 0, 0)
	})
}
