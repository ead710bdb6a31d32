package election

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"vigil/vrrp/wire"
)

// source returns the i-th of many addresses.
func source(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a000100+uint32(i))
	return netip.AddrFrom4(b)
}

// reports counts the Reports and PreparePassOns among the actions.
func reports(actions []Action) (n int) {
	for _, a := range actions {
		switch a.(type) {
		case Report, PreparePassOn:
			n++
		}
	}
	return n
}

// TestHostileSources: whoever sends whatever, the memory and the number of reports have bounds.
func TestHostileSources(t *testing.T) {
	const flood = 100_000 // packets in 100 s
	wrong := func(r *rig, i int, sources int) Event {
		ev := r.advert(uint8(1+i%99), source(i%sources))
		switch i % 4 {
		case 0:
			return AdvertRejected{Reason: wire.DropReason(i % 14), Source: source(i % sources)}
		case 1:
			ev.Advert.AuthType = 7
		case 2:
			ev.Advert.Addresses = nil
		}
		return ev
	}
	for _, tt := range []struct {
		name    string
		sources int
		begin   func(*rig) *rig
		event   func(r *rig, i int, sources int) Event
	}{
		{"two that alternate", 2, (*rig).up, wrong},
		{"two that alternate, to a MASTER", 2, (*rig).master, wrong},
		{"many", flood, (*rig).up, wrong},
		{"many, to a MASTER", flood, (*rig).master, wrong},
		{"valid ones of any priority", 100, (*rig).up, func(r *rig, i, sources int) Event {
			return r.advert(uint8(1+i%99), source(i%sources))
		}},
		{"resignations", 100, (*rig).up, func(r *rig, i, sources int) Event { return r.advert(0, source(i%sources)) }},
		{"preempt_delay begun and ended", 2, func(r *rig) *rig { r.spec.PreemptDelay = time.Hour; return r.up() },
			func(r *rig, i, sources int) Event { return r.advert(uint8(1+i%2*200), source(i%sources)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.begin(newRig(t, spec2(func(s *InstanceSpec) { s.GARP.LowerPrioRepeat, s.GARP.LowerPrioDelay = 5, time.Second })))
			start, n, rounds := r.clock, 0, 0
			for i := range flood {
				r.clock = start + time.Duration(i)*time.Millisecond
				actions := r.Step(Instant(r.clock), tt.event(r, i, tt.sources))
				n += reports(actions)
				actions = r.Step(Instant(r.clock), Wake{})
				n += reports(actions)
				for _, a := range actions {
					if _, ok := a.(Announce); ok {
						rounds++
					}
				}
			}
			// 17 places, 8 in each of two minutes; a preparation each 100 ms while there is somebody to succeed.
			if limit := 17*maxReports*2 + 100_000/100; n > limit {
				t.Errorf("%d reports for %d packets, want %d at most", n, flood, limit)
			}
			if limit := 3 * 100; rounds > limit {
				t.Errorf("%d rounds of announcements in 100 s, want %d at most", rounds, limit)
			}
			if got := len(r.peers.list); got > maxPeers {
				t.Errorf("%d peers remembered", got)
			}
		})
	}
	if size := unsafe.Sizeof(peer{}) * maxPeers; size > 4096 {
		t.Errorf("a table of %d bytes", size)
	}
}

// TestTwoAlternatingSources: what two routers have wrong is reported once for each.
func TestTwoAlternatingSources(t *testing.T) {
	r := newRig(t, spec2(priority(50))).up().forget()
	other := []netip.Addr{vip101}
	for i := range 1000 {
		ev := r.advert(200, source(i%2))
		ev.Advert.Addresses = other
		r.do(ev)
	}
	r.expect("0s report addresses differ from 10.0.1.0 1/1", "0s report addresses differ from 10.0.1.1 1/1")
}

// TestPeers: what is known of the others, and who has to go when there are too many.
func TestPeers(t *testing.T) {
	r := newRig(t, spec2()).up().until(time.Second).hear(150)
	for range 2 {
		r.do(AdvertRejected{Reason: wire.DropTTL, Source: routerC})
	}
	want := []Peer{{Source: routerA, Priority: 150, Interval: time.Second, Heard: Instant(time.Second)},
		{Source: routerC, Heard: Never, Rejected: 2, Reason: wire.DropTTL}}
	got := func() []Peer { return r.Explain().Peers }
	if p := got(); len(p) != 2 || p[0] != want[0] || p[1] != want[1] {
		t.Errorf("%+v", p)
	}
	r.until(2 * time.Second).hear(0)
	if p := got()[0]; p.Priority != 150 || !p.Resigned || p.Heard != Instant(2*time.Second) {
		t.Errorf("resigned: %+v", p)
	}
	// A flood of forgeries does not push out who sends valid adverts, nor keep out one who begins to.
	for i := range 1000 {
		r.do(AdvertRejected{Reason: wire.DropChecksum, Source: source(i)})
	}
	r.do(r.advert(120, routerB))
	p := got()
	if len(p) != maxPeers || p[0].Source != routerA || p[1].Source != routerB {
		t.Errorf("%d peers: %+v", len(p), p)
	}
	// Those that have been silent for long make room.
	r.until(time.Hour)
	for i := range maxPeers {
		r.do(AdvertRejected{Reason: wire.DropChecksum, Source: source(2000 + i)})
	}
	for i, p := range got() {
		if p.Source.Compare(source(2000)) < 0 {
			t.Errorf("place %d is still %v's", i, p.Source)
		}
	}
}
