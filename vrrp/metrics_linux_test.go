package vrrp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// gathered returns every sample as "name{labels} value", without help and buckets.
func gathered(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			slices.Sort(labels)
			name := fmt.Sprintf("%s{%s}", f.GetName(), strings.Join(labels, ","))
			switch {
			case m.GetCounter() != nil:
				samples[name] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				samples[name] = m.GetGauge().GetValue()
			default:
				samples[name] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return samples
}

// The names and labels are those of mehdy/keepalived-exporter, which dashboards are written for.
func TestMetricsAreTheExporters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		reg := prometheus.NewPedanticRegistry()
		in := testInstance("V", 51, 100)
		in.Excluded = []election.Address{{Prefix: in.Addresses[0].Prefix, Link: "eth0"}, {Prefix: in.Addresses[0].Prefix, Link: "eth0"}}
		in.GARP.MasterDelay = 5 * time.Second
		odd := testInstance("\xff", 52, 100) // labels must be UTF-8
		odd.Addresses = nil
		h := n.newHost("10.77.0.1/24")
		start(t, h, Options{Registerer: reg}, in, odd)
		time.Sleep(10 * time.Second)
		foreign := wire.Advert{Version: 3, VRID: 51, Priority: 1, Interval: time.Second}
		h.hear(foreign.AppendIPv4(nil, wire.IPHeader{Source: routerB, Destination: group4, TTL: 255}), group4, 51)
		synctest.Wait()
		got := gathered(t, reg)
		const common = "{iname=V,intf=eth0,vrid=51}"
		for name, want := range map[string]float64{
			"keepalived_vrrp_state{iname=V,intf=eth0,ip_address=10.77.51.100,vrid=51}":          2,
			"keepalived_vrrp_excluded_state{iname=V,intf=eth0,ip_address=10.77.51.100,vrid=51}": 2,
			"keepalived_vrrp_state{iname=\uFFFD,intf=eth0,ip_address=,vrid=52}":                 2,
			"keepalived_gratuitous_arp_delay_total" + common:                                    5,
			"keepalived_advertisements_received_total" + common:                                 0,
			"keepalived_advertisements_sent_total" + common:                                     7, // at 3.609, 4.609 … 9.609 s
			"keepalived_become_master_total" + common:                                           1,
			"keepalived_release_master_total" + common:                                          0,
			"keepalived_packet_length_errors_total" + common:                                    0,
			"keepalived_advertisements_interval_errors_total" + common:                          0,
			"keepalived_ip_ttl_errors_total" + common:                                           0,
			"keepalived_invalid_type_received_total" + common:                                   0,
			"keepalived_address_list_errors_total" + common:                                     0,
			"keepalived_authentication_invalid_total" + common:                                  0,
			"keepalived_authentication_mismatch_total" + common:                                 0,
			"keepalived_authentication_failure_total" + common:                                  0,
			"keepalived_priority_zero_received_total" + common:                                  0,
			"keepalived_priority_zero_sent_total" + common:                                      0,
			"keepalived_vrrp_announcements_sent_total" + common:                                 2, // of two rounds; an address that is named three times is announced once
			"keepalived_vrrp_packet_handling_seconds{}":                                         1,
			"keepalived_vrrp_packets_dropped_total{}":                                           0,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s is %v (%v), want %v", name, v, ok, want)
			}
		}
		if n := got["keepalived_vrrp_wake_lateness_seconds{}"]; n < 7 {
			t.Errorf("lateness was observed %v times, want one for each advert at least", n)
		}
	})
}

// While a reload replaces a router by another version of itself there are two with the same labels.
func TestNoSeriesOccursTwice(t *testing.T) {
	old := InstanceStatus{Name: "V", VRID: 51, Interface: "eth0", State: election.Master, Resigning: true}
	fresh := InstanceStatus{Name: "V", VRID: 51, Interface: "eth0", State: election.Backup}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(newMetrics(func() Status { return Status{Instances: []InstanceStatus{old, fresh}} }, func() []TrackerStatus {
		e := TrackerEffect{Instance: "V"}
		return []TrackerStatus{{ID: track.ID{Kind: track.Script, Name: "s"}, Effects: []TrackerEffect{e, e}}}
	}))
	const name = "keepalived_vrrp_state{iname=V,intf=eth0,ip_address=,vrid=51}"
	if got := gathered(t, reg)[name]; got != float64(election.Backup) {
		t.Errorf("state is %v, want that of the new one", got)
	}
}

func TestRegistererThatRefuses(t *testing.T) {
	var n ethernet
	reg := prometheus.NewRegistry()
	o := Options{Network: n.newHost("10.77.0.1/24"), Registerer: reg}
	if _, err := NewRunner(o); err != nil {
		t.Fatal(err)
	}
	if _, err := NewRunner(o); err == nil {
		t.Error("the same metrics registered twice: no error")
	}
	if _, err := NewRunner(Options{}); err == nil {
		t.Error("no network: no error")
	}
}

func TestStateText(t *testing.T) {
	for _, s := range []election.State{election.Init, election.Backup, election.Master, election.Fault} {
		b, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := election.State(99)
		if err := got.UnmarshalText(b); err != nil || got != s {
			t.Errorf("%s became %s, %v", s, got, err)
		}
	}
	if err := new(election.State).UnmarshalText([]byte("CHIEF")); err == nil {
		t.Error("CHIEF is a state")
	}
}
