package vrrp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/vrrp/election"
)

// The names and labels of the per-instance metrics are those of mehdy/keepalived-exporter, so dashboards for it work
// unchanged; its early labels are kept too: iname is the instance, intf the interface.
const namespace = "keepalived"

var (
	instanceLabels = []string{"iname", "intf", "vrid"}
	addressLabels  = []string{"iname", "intf", "vrid", "ip_address"}

	stateDesc = desc("vrrp_state",
		"State of the virtual router, per virtual address: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.",
		addressLabels)
	excludedStateDesc = desc("vrrp_excluded_state",
		"State of the virtual router, per excluded virtual address.", addressLabels)
	priorityDesc  = desc("vrrp_effective_priority", "Effective priority of the virtual router.", instanceLabels)
	garpDelayDesc = desc("gratuitous_arp_delay_total",
		"Seconds between the two rounds of gratuitous ARP.", instanceLabels)
	announcedDesc = desc("vrrp_announcements_sent_total",
		"Gratuitous ARPs and unsolicited neighbour advertisements sent.", instanceLabels)
	failuresDesc = desc("vrrp_addresses_failed",
		"Virtual addresses, routes and rules that cannot be installed or removed at present.", instanceLabels)
	rivalsDesc = desc("vrrp_rivals", "Other routers that advertise as MASTER while this one is MASTER.", instanceLabels)
	oneWayDesc = desc("vrrp_one_way_rivals",
		"Of the rivals, those that have to give way and do not: they hear nothing of this router.", instanceLabels)
	droppedDesc = desc("vrrp_packets_dropped_total", "Packets that found the queue of the VRRP thread full.", nil)

	counterDescs = []struct {
		desc  *prometheus.Desc
		value func(*election.Counters) uint64
	}{
		{counter("advertisements_received_total", "Advertisements received."),
			func(c *election.Counters) uint64 { return c.AdvertsReceived }},
		{counter("advertisements_sent_total", "Advertisements sent."),
			func(c *election.Counters) uint64 { return c.AdvertsSent }},
		{counter("become_master_total", "Transitions to MASTER."),
			func(c *election.Counters) uint64 { return c.BecameMaster }},
		{counter("release_master_total", "Transitions from MASTER."),
			func(c *election.Counters) uint64 { return c.ReleasedMaster }},
		{counter("packet_length_errors_total", "Packets of a wrong length."),
			func(c *election.Counters) uint64 { return c.LengthErrors }},
		{counter("advertisements_interval_errors_total", "Advertisements with another interval."),
			func(c *election.Counters) uint64 { return c.IntervalErrors }},
		{counter("ip_ttl_errors_total", "Packets with a wrong TTL."),
			func(c *election.Counters) uint64 { return c.TTLErrors }},
		{counter("invalid_type_received_total", "Packets that are no advertisement."),
			func(c *election.Counters) uint64 { return c.InvalidTypeErrors }},
		{counter("address_list_errors_total", "Advertisements with another list of addresses."),
			func(c *election.Counters) uint64 { return c.AddressListErrors }},
		{counter("authentication_invalid_total", "Packets with an unknown authentication type."),
			func(c *election.Counters) uint64 { return c.InvalidAuthTypes }},
		{counter("authentication_mismatch_total", "Packets with another authentication type."),
			func(c *election.Counters) uint64 { return c.AuthTypeMismatches }},
		{counter("authentication_failure_total", "Packets that failed authentication."),
			func(c *election.Counters) uint64 { return c.AuthFailures }},
		{counter("priority_zero_received_total", "Advertisements of priority 0 received."),
			func(c *election.Counters) uint64 { return c.PriorityZeroReceived }},
		{counter("priority_zero_sent_total", "Advertisements of priority 0 sent."),
			func(c *election.Counters) uint64 { return c.PriorityZeroSent }},
		{counter("vrrp_checksum_errors_total", "Packets with a wrong checksum."),
			func(c *election.Counters) uint64 { return c.ChecksumErrors }},
		{counter("vrrp_version_errors_total", "Packets of another VRRP version."),
			func(c *election.Counters) uint64 { return c.VersionErrors }},
		{counter("vrrp_hmac_missing_total", "Packets without the trailer that auth_hmac requires."),
			func(c *election.Counters) uint64 { return c.TrailersMissing }},
		{counter("vrrp_hmac_malformed_total", "Packets with a trailer that cannot be read."),
			func(c *election.Counters) uint64 { return c.TrailersMalformed }},
		{counter("vrrp_hmac_unknown_key_total", "Packets signed with a key that is not configured."),
			func(c *election.Counters) uint64 { return c.KeysUnknown }},
		{counter("vrrp_hmac_invalid_total", "Packets with a wrong HMAC."),
			func(c *election.Counters) uint64 { return c.HMACFailures }},
		{counter("vrrp_hmac_stale_total", "Signed packets from outside the time window."),
			func(c *election.Counters) uint64 { return c.Stale }},
		{counter("vrrp_hmac_replayed_total", "Signed packets that were received before."),
			func(c *election.Counters) uint64 { return c.Replayed }},
		{counter("vrrp_not_a_peer_total", "Unicast packets from a source that is no peer."),
			func(c *election.Counters) uint64 { return c.NotPeers }},
		{counter("vrrp_owner_ignored_total", "Packets that an address owner does not listen to."),
			func(c *election.Counters) uint64 { return c.OwnerIgnored }},
		{counter("vrrp_resources_lost_total", "Virtual addresses, routes and rules that somebody else removed while MASTER."),
			func(c *election.Counters) uint64 { return c.ResourcesLost }},
		{counter("vrrp_resources_repaired_total", "Virtual addresses, routes and rules that were put back after that."),
			func(c *election.Counters) uint64 { return c.ResourcesRepaired }},
	}
)

func desc(name, help string, labels []string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

func counter(name, help string) *prometheus.Desc { return desc(name, help, instanceLabels) }

// metrics is the Collector over a Runner's Status, and what is measured while it runs.
type metrics struct {
	status   func() Status
	trackers func() []TrackerStatus
	lateness prometheus.Histogram
	handling prometheus.Histogram
}

func newMetrics(status func() Status, trackers func() []TrackerStatus) *metrics {
	return &metrics{
		status:   status,
		trackers: trackers,
		lateness: duration("vrrp_wake_lateness_seconds", "How late the VRRP thread woke up for a timer."),
		handling: duration("vrrp_packet_handling_seconds", "From reading a VRRP packet to having acted on it."),
	}
}

// duration is a histogram of what takes microseconds on an idle machine and must not take a tenth of a second.
func duration(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help,
		Buckets:                     []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .5, 1},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		NativeHistogramMinResetDuration: time.Hour,
	})
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		stateDesc, excludedStateDesc, priorityDesc, garpDelayDesc, announcedDesc, failuresDesc, rivalsDesc, oneWayDesc, droppedDesc,
	} {
		ch <- d
	}
	for _, c := range counterDescs {
		ch <- c.desc
	}
	describeTrackers(ch)
	m.lateness.Describe(ch)
	m.handling.Describe(ch)
}

// Collect implements prometheus.Collector. A series must not occur twice, and it would where a reload replaces a router
// by one with the same labels while the old one hands over: the old one is left out.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.lateness.Collect(ch)
	m.handling.Collect(ch)
	collectTrackers(ch, m.trackers())
	status := m.status()
	ch <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(status.PacketsDropped))
	seen := make(map[[3]string]bool, len(status.Instances))
	for _, resigning := range []bool{false, true} {
		for i := range status.Instances {
			s := &status.Instances[i]
			name := strings.ToValidUTF8(string(s.Name), "\uFFFD") // the only kind of label there is
			labels := [3]string{name, s.Interface, strconv.Itoa(int(s.VRID))}
			if s.Resigning == resigning && !seen[labels] {
				seen[labels] = true
				collectInstance(ch, s, labels)
			}
		}
	}
}

func collectInstance(ch chan<- prometheus.Metric, s *InstanceStatus, labels [3]string) {
	put := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
		ch <- prometheus.MustNewConstMetric(d, t, v, labels[:]...)
	}
	for _, c := range counterDescs {
		put(c.desc, prometheus.CounterValue, float64(c.value(&s.Counters)))
	}
	put(priorityDesc, prometheus.GaugeValue, float64(s.Priority))
	put(garpDelayDesc, prometheus.CounterValue, s.Spec.GARP.MasterDelay.Seconds())
	put(announcedDesc, prometheus.CounterValue, float64(s.Announcements))
	put(failuresDesc, prometheus.GaugeValue, float64(len(s.Failures)))
	put(rivalsDesc, prometheus.GaugeValue, float64(s.Rivals))
	put(oneWayDesc, prometheus.GaugeValue, float64(s.OneWay))
	state := func(d *prometheus.Desc, link, ip string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(s.State), labels[0], link, labels[2], ip)
	}
	for _, a := range distinct(s.Addresses) {
		state(stateDesc, a.Link, a.text())
	}
	for _, a := range distinct(s.Excluded) {
		state(excludedStateDesc, a.Link, a.text())
	}
	if len(s.Addresses) == 0 {
		state(stateDesc, s.Interface, "")
	}
}

// distinct drops what occurs again: a configuration may name an address twice.
func distinct(addrs []AddressStatus) []AddressStatus {
	seen := make(map[AddressStatus]bool, len(addrs))
	return slices.DeleteFunc(slices.Clone(addrs), func(a AddressStatus) bool {
		again := seen[a]
		seen[a] = true
		return again
	})
}

// text is the address as keepalived prints it: without the length of a host address.
func (a AddressStatus) text() string {
	if a.Prefix.IsSingleIP() {
		return a.Prefix.Addr().String()
	}
	return a.Prefix.String()
}
