package vrrptest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// Scenario is a LAN with a history of faults: everything a run depends on.
type Scenario struct {
	Seed    uint64
	Network Network // until Heal
	Hosts   []Host
	Faults  []Fault // before Heal, in order of time
	Heal    time.Duration
}

// Host is one host of a Scenario: its virtual routers, which are one sync group if there are several, and what it is like.
type Host struct {
	Instances  []election.InstanceSpec
	Delay      time.Duration // vrrp_startup_delay
	Keepalived bool
	Clock      Clock
	Lateness   time.Duration
	Latency    time.Duration
	Pace       time.Duration
	HookTime   time.Duration
	Abrupt     bool

	loose   bool // the sync group is dissolved
	dropped bool // the last instance is not configured
}

// Spec is the host's desired state.
func (r *Host) Spec() election.Spec {
	spec := election.Spec{Instances: slices.Clone(r.Instances), StartupDelay: r.Delay}
	if r.dropped {
		spec.Instances = spec.Instances[:1]
	}
	if len(r.Instances) > 1 && !r.loose {
		g := election.GroupSpec{Name: "G"}
		for _, in := range spec.Instances {
			g.Members = append(g.Members, in.Name)
		}
		spec.Groups = []election.GroupSpec{g}
	}
	return spec
}

// Fault is something that goes wrong, or is done, at a time.
type Fault struct {
	At   time.Duration
	Kind FaultKind
	Node int
	Arg  int // see the kinds
}

// FaultKind is the kind of a Fault.
type FaultKind int

// The faults.
const (
	LinkDown    FaultKind = iota // of all links
	LinkUp                       // of all links
	Cut                          // Arg: the index in links of the one that loses carrier
	Partition                    // Arg: bit i is the side of host i
	Part                         // of one LAN only; Arg: as above, bit 8 is which
	Merge                        // everybody hears everybody
	OneWay                       // Arg: the host that hears this one no longer
	Stop                         //
	Start                        //
	Crash                        //
	Reboot                       // a crash that takes the addresses with it
	LoseAddress                  // somebody removes an address
	Reload                       // Arg: the new priority of the first instance; the others follow
	Readdress                    // a reload that adds an address, or takes it away again
	Regroup                      // a reload that dissolves the sync group, or makes it again
	Drop                         // a reload that removes the last of several instances, or adds it again
	FailAdds                     // addresses cannot be installed any more, until half of the time is over
	FailHooks                    // programs that are waited for fail
	Stall                        // Arg: milliseconds
	Suspend                      // Arg: milliseconds, in which the clock stands too
	StepClock                    // Arg: seconds by which the wall clock is set
	Judge                        // Arg: a value for the tracked object of index Arg/1000
	faultKinds
)

var faultNames = [...]string{"LinkDown", "LinkUp", "Cut", "Partition", "Part", "Merge", "OneWay", "Stop", "Start", "Crash", "Reboot",
	"LoseAddress", "Reload", "Readdress", "Regroup", "Drop", "FailAdds", "FailHooks", "Stall", "Suspend", "StepClock", "Judge"}

// String returns the name of the fault.
func (k FaultKind) String() string { return faultNames[k] }

// String prints the scenario so that a reader can follow it.
func (sc Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, network %+v, healed at %v\n", sc.Seed, sc.Network, sc.Heal)
	for i, r := range sc.Hosts {
		kind := "vigil"
		if r.Keepalived {
			kind = "keepalived"
		}
		fmt.Fprintf(&b, "  host %d (%s): clock %+v lateness %v latency %v pace %v hooks %v abrupt %t startup_delay %v\n",
			i, kind, r.Clock, r.Lateness, r.Latency, r.Pace, r.HookTime, r.Abrupt, r.Delay)
		for _, s := range r.Instances {
			fmt.Fprintf(&b, "    %s on %s: v%d IPv%d unicast %t addresses %d+%d priority %d interval %v ×%d nopreempt %t preempt_delay %v "+
				"lower_prio_no_advert %t higher_prio_send_advert %t auth %d hmac %t pre_master %t ensure_master %t trackers %v preempts when %v\n",
				s.Name, s.Link, s.Version, s.Family, s.Unicast(), len(s.Addresses), len(s.Excluded), s.Priority, s.AdvertInterval,
				s.DownTimerAdverts, s.NoPreempt, s.PreemptDelay, s.LowerPriorityNoAdvert, s.HigherPrioritySendAdvert, s.AuthType,
				s.HMAC.Mode != election.HMACOff, s.Hooks.PreMaster.Exists(), s.Hooks.EnsureMaster.Exists(), s.Trackers, s.PreemptWhen)
		}
	}
	for _, f := range sc.Faults {
		fmt.Fprintf(&b, "  %12v %v host %d arg %d\n", f.At, f.Kind, f.Node, f.Arg)
	}
	return b.String()
}

// Instance returns an ordinary instance with the defaults of a configuration: version 2, one second, one address.
func Instance(name string, vrid, priority uint8) election.InstanceSpec {
	s := election.InstanceSpec{
		Name: confparse.InstanceName(name), Link: "eth0", VRID: vrid, Family: confparse.IPv4, Version: 2,
		Priority: priority, AdvertInterval: time.Second, DownTimerAdverts: 3, TTL: 255, TrackLink: true,
		Group: netip.AddrFrom4([4]byte{224, 0, 0, 18}),
		GARP: confparse.GARP{
			MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1,
			LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5,
		},
	}
	s.Addresses = []election.Address{addressNumber(&s, 100)}
	return s
}

// addressNumber is one of those that s can have.
func addressNumber(s *election.InstanceSpec, n uint8) election.Address {
	a := netip.AddrFrom4([4]byte{10, 77, s.VRID, n})
	if s.Family == confparse.IPv6 {
		a = netip.AddrFrom16([16]byte{0: 0xfd, 14: s.VRID, 15: n})
	}
	return election.Address{Prefix: netip.PrefixFrom(a, a.BitLen()), Link: s.Link}
}

// sourceOf is what the adverts of host i leave from.
func sourceOf(family confparse.Family, i int) netip.Addr {
	if family == confparse.IPv6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(1 + i)})
	}
	return netip.AddrFrom4([4]byte{10, 77, 0, byte(1 + i)})
}

// SpecOf returns a desired state of the given instances.
func SpecOf(list ...election.InstanceSpec) election.Spec {
	return election.Spec{Instances: slices.Clone(list)}
}

// standBack is the first pause of a router that could install nothing.
const standBack = 10 * time.Second

// Bound is the time after Heal within which the LAN must have settled: the longest master-down interval, one interval
// for the first advert, preempt_delay if there is one, and what the clocks and the network add. Members of a sync group
// wait for each other.
func (sc Scenario) Bound() time.Duration {
	var bound time.Duration
	for _, r := range sc.Hosts {
		s, interval := r.Instances[0], sc.interval()
		d := time.Duration(s.DownTimerAdverts+2) * interval
		if s.Version == 2 {
			d = max(d, time.Duration(s.DownTimerAdverts+1)*interval+time.Second)
		}
		if len(r.Instances) > 1 {
			d *= 3
		}
		if s.PreemptWhen != (track.ID{}) { // it is there, and a master-down interval later the preemption
			d += d
		}
		if s.PreemptDelay > 0 { // it begins with the first master and ends a master-down interval before the preemption
			d += s.PreemptDelay + d
		}
		if sc.has(Drop) { // one that comes again waits for its addresses
			d += r.Spec().StopLimit()
		}
		if sc.has(FailAdds) {
			d += standBack + sc.Heal // the pause doubles, so the last one is no longer than the time before it and the first
		}
		d += d/100 + 2*r.Lateness + 2*r.Latency + 2*sc.Network.Delay + r.Delay + 2*s.HMAC.Window
		bound = max(bound, d)
	}
	return bound
}

// interval is the longest of all virtual routers.
func (sc Scenario) interval() (longest time.Duration) {
	for _, s := range sc.Hosts[0].Instances {
		longest = max(longest, s.AdvertInterval)
	}
	return longest
}

// grace is the time after Bound in which effects follow: programs that are waited for, and repairs that back off.
func (sc Scenario) grace() time.Duration {
	d, losses := 500*time.Millisecond, 0
	for _, f := range sc.Faults {
		if f.Kind == LoseAddress {
			losses++
		}
	}
	for _, r := range sc.Hosts {
		d = max(d, 500*time.Millisecond+r.Instances[0].Hooks.PreMasterTimeout)
	}
	return d + 20*time.Millisecond<<min(losses, 9)
}

func (sc Scenario) has(k FaultKind) bool {
	return slices.ContainsFunc(sc.Faults, func(f Fault) bool { return f.Kind == k })
}

// calmValue is the value of a tracked object that keeps no router in FAULT.
func calmValue(t election.TrackSpec) int {
	if t.ID.Kind == track.File && !t.Reverse || t.ID.Kind != track.File && t.Reverse {
		return 0
	}
	return track.Up
}
