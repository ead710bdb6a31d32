package vrrptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// NewScenario draws a LAN of two to five routers and about twenty intervals of chaos from seed.
func NewScenario(seed uint64) Scenario {
	d := newDrawing(rand.New(rand.NewPCG(seed, 1)))
	rng := d.rng
	sc := Scenario{
		Seed:    seed,
		Network: Network{Loss: rng.Float64() * 0.6, Duplicate: rng.Float64() * 0.2, Delay: d.upTo(d.shortest() / d.calm(10, 500))},
		Heal:    20 * d.longest(),
	}
	for range 2 + rng.IntN(4) {
		sc.Hosts = append(sc.Hosts, d.router())
	}
	if d.unicast {
		introduce(sc.Hosts)
	}
	for t := time.Duration(0); ; {
		t += time.Duration(rng.Int64N(int64(2 * d.longest())))
		if t >= sc.Heal {
			return sc
		}
		f := Fault{At: t, Kind: FaultKind(rng.IntN(int(faultKinds))), Node: rng.IntN(len(sc.Hosts))}
		if d.fits(&f, &sc) {
			sc.Faults = append(sc.Faults, f)
		}
	}
}

var key = election.HMACKey{ID: 1, Secret: "secret"}

// drawing is what the routers of a Scenario have in common.
type drawing struct {
	rng       *rand.Rand
	version   uint8
	family    confparse.Family
	intervals []time.Duration // of the virtual routers, which are a sync group if there are several
	above     []uint8         // how much each one's priority is above that of the first: they rank routers alike
	count     int             // down_timer_adverts
	addresses int             // of each virtual router
	unicast   bool
	hooked    bool // programs that are waited for
	auth      wire.AuthType
	hmac      election.HMACSpec
}

func newDrawing(rng *rand.Rand) *drawing {
	d := &drawing{rng: rng, version: uint8(2 + rng.IntN(2)), family: confparse.IPv4, count: 3, addresses: 1,
		unicast: rng.IntN(3) == 0, hooked: rng.IntN(4) == 0}
	if d.version == 3 && rng.IntN(3) == 0 {
		d.family = confparse.IPv6
	}
	if rng.IntN(2) == 0 {
		d.count = 1 + rng.IntN(5)
	}
	if rng.IntN(4) == 0 {
		d.addresses = 1 + rng.IntN(4)
	}
	d.intervals, d.above = []time.Duration{d.interval()}, []uint8{0}
	if rng.IntN(3) == 0 {
		d.group()
	}
	switch x := rng.IntN(8); {
	case x < 2:
		d.hmac = election.HMACSpec{Mode: election.HMACEnforce, Active: key, Keys: []election.HMACKey{key}, Window: d.longest() + 5*time.Second}
	case x < 4 && d.version == 2:
		d.auth = wire.AuthType(x - 1)
	}
	return d
}

// interval draws any that there is; of version 2, where nothing but the master-down time depends on it, mostly a short one.
func (d *drawing) interval() time.Duration {
	switch {
	case d.version == 3:
		return time.Duration(math.Pow(4095, d.rng.Float64())) * wire.Centisecond
	case d.rng.IntN(8) == 0:
		return time.Duration(1+d.rng.IntN(255)) * time.Second
	}
	return time.Duration(1+d.rng.IntN(3)) * time.Second
}

// group adds members, half of the time with intervals of their own: up to four times shorter or longer.
func (d *drawing) group() {
	unit, most := wire.Centisecond, 4095
	if d.version == 2 {
		unit, most = time.Second, 255
	}
	first, unequal := int(d.intervals[0]/unit), d.rng.IntN(2) == 0
	for range 1 + d.rng.IntN(3) {
		n := first
		if unequal {
			n = max(1, min(most, int(float64(first)*math.Pow(4, 2*d.rng.Float64()-1))))
		}
		d.intervals = append(d.intervals, time.Duration(n)*unit)
		d.above = append(d.above, uint8(d.rng.IntN(11)))
	}
}

func (d *drawing) shortest() time.Duration { return slices.Min(d.intervals) }
func (d *drawing) longest() time.Duration  { return slices.Max(d.intervals) }

// upTo draws a time.
func (d *drawing) upTo(limit time.Duration) time.Duration {
	return time.Duration(d.rng.Int64N(int64(limit) + 1))
}

// calm is usual, unless one advert that is late costs mastership: what is late then must be less than the skew time of the
// highest priority, 2/256 of an interval, or of a second.
func (d *drawing) calm(usual, precise time.Duration) time.Duration {
	if d.count > 1 {
		return usual
	}
	return max(precise, precise*d.shortest()/time.Second)
}

// fits draws the argument of a fault, and reports whether it can be at that time.
func (d *drawing) fits(f *Fault, sc *Scenario) bool {
	rng, left := d.rng, sc.Heal-f.At
	switch f.Kind {
	case Reload:
		f.Arg = 1 + rng.IntN(254)
	case Cut:
		f.Arg = rng.IntN(2)
	case Partition:
		f.Arg = rng.IntN(1 << len(sc.Hosts))
	case Part:
		f.Arg = rng.IntN(1<<len(sc.Hosts)) + rng.IntN(2)<<8
	case OneWay:
		f.Arg = rng.IntN(len(sc.Hosts))
	case FailAdds:
		return f.At < sc.Heal/2
	case Stall, Suspend:
		f.Arg = 1 + rng.IntN(int(6*d.longest()/time.Millisecond))
		return left > time.Duration(f.Arg)*time.Millisecond
	case StepClock:
		f.Arg = rng.IntN(7201) - 3600
		if rng.IntN(2) == 0 {
			f.Arg /= 600
		}
	case Judge:
		f.Arg = rng.IntN(trackers)*1000 + rng.IntN(3)
	}
	return true
}

func (d *drawing) router() Host {
	rng := d.rng
	r := Host{
		Keepalived: d.hmac.Mode == election.HMACOff && d.auth != wire.AuthAH && rng.IntN(6) == 0,
		Clock:      Clock{Offset: election.Instant(rng.Int64N(int64(time.Hour))), PPM: rng.IntN(10_001) - 5_000},
		Lateness:   d.upTo(d.shortest() / d.calm(20, 400)),
		Latency:    time.Duration(rng.Int64N(int64(50 * time.Millisecond))),
		Pace:       time.Duration(rng.Int64N(int64(20 * time.Millisecond))),
		HookTime:   2 * time.Second,
		Abrupt:     rng.IntN(4) == 0,
	}
	if d.count == 1 {
		r.Clock.PPM = 0
	}
	if rng.IntN(4) == 0 {
		r.Delay = time.Duration(rng.Int64N(int64(4 * d.longest())))
	}
	s := d.instance()
	for i, interval := range d.intervals {
		t := s
		t.Name, t.VRID, t.Link = confparse.InstanceName(fmt.Sprint("VI_", i)), uint8(51+i), links[i%len(links)]
		t.AdvertInterval, t.Priority = interval, s.Priority+d.above[i]
		d.place(&t)
		r.Instances = append(r.Instances, t)
	}
	return r
}

// links are those of every host.
var links = [...]string{"eth0", "eth1"}

// instance draws the virtual router that all of a host are like.
func (d *drawing) instance() election.InstanceSpec {
	rng := d.rng
	s := Instance("", 0, uint8(1+rng.IntN(254)))
	s.Version, s.Family, s.HMAC, s.DownTimerAdverts = d.version, d.family, d.hmac, d.count
	if s.AuthType = d.auth; d.auth != wire.AuthNone {
		copy(s.AuthData[:], "secret")
	}
	if d.family == confparse.IPv6 {
		s.Group = netip.MustParseAddr("ff02::12")
	}
	s.CheckUnicastSrc = d.unicast && rng.IntN(2) == 0
	s.LowerPriorityNoAdvert = rng.IntN(8) == 0
	s.HigherPrioritySendAdvert = rng.IntN(8) > 0 // the default of a configuration
	switch rng.IntN(12) {
	case 0:
		s.Priority, s.StartMaster = election.OwnerPriority, rng.IntN(2) == 0
	case 1, 2:
		s.NoPreempt = true
	case 3:
		s.PreemptDelay = time.Duration(rng.Int64N(int64(3 * d.longest())))
	case 4, 5:
		s.Priority = 100 // equal ones are worth their own cases
	case 6:
		s.PreemptWhen = trackerID(awaited)
	}
	s.Trackers = d.trackers()
	if d.hooked {
		s.Hooks = hooks
	}
	if len(d.intervals) > 1 { // clamped priorities would not rank the routers alike
		if s.Priority = uint8(60 + rng.IntN(120)); rng.IntN(3) == 0 {
			s.Priority = 100
		}
	}
	return s
}

// narrow is the MTU of links on which an advert has room for all addresses that are drawn over IPv4, and over IPv6 for
// three, or one if it is signed.
const narrow = 120

// place gives s its addresses: what an advert has no room for is excluded.
func (d *drawing) place(s *election.InstanceSpec) {
	s.Addresses = nil
	for n := range d.addresses {
		s.Addresses = append(s.Addresses, addressNumber(s, uint8(100+n)))
	}
	form := confparse.AdvertForm{Family: s.Family, Version: s.Version, AH: s.AuthType == wire.AuthAH, Signed: s.HMAC.Signs()}
	if room := form.Capacity(narrow); len(s.Addresses) > room {
		s.Addresses, s.Excluded = s.Addresses[:room:room], s.Addresses[room:]
	}
}

// introduce makes the routers unicast peers of each other.
func introduce(list []Host) {
	for i := range list {
		for k := range list[i].Instances {
			s := &list[i].Instances[k]
			s.Group, s.Source = netip.Addr{}, sourceOf(s.Family, i)
			for j := range list {
				if j != i {
					s.Peers = append(s.Peers, sourceOf(s.Family, j))
				}
			}
		}
	}
}

var hooks = election.Hooks{
	PreMaster:        confparse.ProgramOf(&confparse.Script{Argv: []string{"prepare"}}),
	PreMasterTimeout: time.Second,
	EnsureMaster:     confparse.ProgramOf(&confparse.Script{Argv: []string{"ensure"}}),
	EnsureInterval:   30 * time.Second,
}

// trackers is how many tracked objects a host has. The last of them is what preemption may wait for.
const (
	trackers = 5
	awaited  = trackers - 1
)

// trackerID is that of number i.
func trackerID(i int) track.ID {
	kind := [trackers]track.Kind{track.Script, track.Script, track.File, track.Process, track.Synchronization}[i]
	return track.ID{Kind: kind, Name: fmt.Sprint("t", i)}
}

// trackers draws what a router tracks: one object decides about FAULT, the others about the priority.
func (d *drawing) trackers() (list []election.TrackSpec) {
	for i := range awaited {
		if d.rng.IntN(3) > 0 {
			continue
		}
		t := election.TrackSpec{ID: trackerID(i), Reverse: d.rng.IntN(4) == 0}
		if i > 0 {
			t.Weight = d.rng.IntN(41) - 20
		}
		list = append(list, t)
	}
	if d.rng.IntN(4) == 0 {
		list = append(list, election.TrackSpec{ID: track.InterfaceID("eth1"), Weight: d.rng.IntN(41) - 20})
	}
	return list
}
