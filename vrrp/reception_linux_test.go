package vrrp

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

const (
	secretOne = "0123456789abcdef0123456789abcdef"
	secretTwo = "fedcba9876543210fedcba9876543210"
)

// signs is auth_hmac with two keys, signing with one of them.
func signs(in election.InstanceSpec, active int) election.InstanceSpec {
	keys := []election.HMACKey{{ID: 1, Secret: secretOne}, {ID: 2, Secret: secretTwo}}
	in.HMAC = election.HMACSpec{Mode: election.HMACEnforce, Active: keys[active-1], Keys: keys, Window: 5 * time.Second}
	return in
}

// The keys are changed on a running pair, one router after the other, and nobody moves. Who has no key is nobody.
func TestHMACKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, signs(testInstance("V", 51, 150), 1))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, signs(testInstance("V", 51, 100), 1))
		time.Sleep(10 * time.Second)
		start(t, n.newHost("10.77.0.3/24"), Options{}, testInstance("V", 51, 200)) // without a key
		time.Sleep(10 * time.Second)
		for _, step := range []func(){
			func() { a.apply(signs(testInstance("V", 51, 150), 2)) },
			func() { b.apply(signs(testInstance("V", 51, 100), 2)) },
		} {
			step()
			time.Sleep(10 * time.Second)
			want(t, "states", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
		}
		ca, cb := a.counters("V"), b.counters("V")
		if ca.BecameMaster != 1 || cb.BecameMaster != 0 || cb.AdvertsReceived < 30 || ca.TrailersMissing < 20 || cb.TrailersMissing < 20 {
			t.Errorf("%+v\n%+v", ca, cb)
		}
		if cb.KeysUnknown+cb.HMACFailures+cb.Replayed+cb.Stale > 0 {
			t.Errorf("%+v", cb)
		}
	})
}

// A pair with AH hands over in both directions, with one sequence.
func TestAHPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		in := func(priority uint8) election.InstanceSpec {
			s := testInstance("V", 51, priority)
			s.AuthType, s.AuthData = wire.AuthAH, password
			return s
		}
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, in(150))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, in(100))
		plain := start(t, n.newHost("10.77.0.3/24"), Options{}, testInstance("V", 51, 200))
		time.Sleep(10 * time.Second)
		for range 3 {
			a.host.cable(t, false)
			time.Sleep(10 * time.Second)
			want(t, "states", []election.State{a.state("V"), b.state("V")}, []election.State{election.Fault, election.Master})
			a.host.cable(t, true)
			time.Sleep(10 * time.Second)
			want(t, "states", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
		}
		if ca, cb := a.counters("V"), b.counters("V"); ca.AuthFailures+cb.AuthFailures+ca.AuthTypeMismatches > 0 || cb.BecameMaster != 3 {
			t.Errorf("%+v\n%+v", ca, cb)
		}
		want(t, "who has no header hears none", plain.counters("V").AdvertsReceived, uint64(0))
	})
}

// applySpec applies more than instances.
func (n *node) applySpec(change func(*election.Spec), list ...election.InstanceSpec) {
	n.t.Helper()
	spec := testSpec(list...)
	change(&spec)
	if err := n.Apply(context.Background(), spec); err != nil {
		n.t.Fatal(err)
	}
}

// recorder is a log whose lines can be searched while the Runner runs.
type recorder struct {
	*counting
	lines []string
}

func (r *recorder) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, rec.Message)
	return nil
}

func (r *recorder) with(text string) (found []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		if strings.Contains(l, text) {
			found = append(found, l)
		}
	}
	return found
}

// log_unknown_vrids tells of routers that are none of ours, and can be switched by a reload.
func TestLogUnknownVRIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		lines := &recorder{counting: new(counting)}
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{Logger: slog.New(lines)}, testInstance("V", 51, 100))
		other := func() {
			ip := wire.IPHeader{Source: routerB, Destination: group4, TTL: 255}
			h.hear(wire.Advert{Version: 2, VRID: 99, Priority: 1, Interval: time.Second}.AppendIPv4(nil, ip), group4, 99)
			time.Sleep(time.Second)
		}
		other()
		want(t, "not asked for", lines.with("Unknown"), []string(nil))
		a.applySpec(func(s *election.Spec) { s.LogUnknownVRIDs = true }, testInstance("V", 51, 100))
		other()
		want(t, "asked for", lines.with("Unknown"), []string{"Unknown VRID(99) received on interface(eth0). ignoring..."})
		a.apply(testInstance("V", 51, 100))
		other()
		want(t, "not any more", len(lines.with("Unknown")), 1)
	})
}

// track_src_ip: the configured source must be an address of the interface.
func TestTrackSourceAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		own := netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.0.9/24")}
		in := testInstance("V", 51, 100)
		in.Source = own.Prefix.Addr()
		a := start(t, h, Options{}, in)
		time.Sleep(10 * time.Second)
		want(t, "not tracked", a.state("V"), election.Master)
		in.TrackSource = true
		a.apply(in)
		want(t, "absent", a.state("V"), election.Fault)
		for range 2 {
			if err := h.AddAddress(own); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			want(t, "there", a.state("V"), election.Master)
			if err := h.DelAddress(own); err != nil {
				t.Fatal(err)
			}
			want(t, "gone", a.state("V"), election.Fault)
		}
	})
}

// vrrp_delay_after_boot counts from the boot; of it and vrrp_startup_delay the longer one counts.
func TestVRRPDelayAfterBoot(t *testing.T) {
	for _, tc := range []struct {
		uptime, afterBoot, startup, want time.Duration
	}{
		{0, 4 * time.Second, 0, 4 * time.Second},
		{3 * time.Second, 4 * time.Second, 0, time.Second},
		{time.Hour, 4 * time.Second, 0, 0},
		{3 * time.Second, 4 * time.Second, 2 * time.Second, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var n ethernet
			a := start(t, n.newHost("10.77.0.1/24"), Options{bootTime: func() int64 { return int64(tc.uptime) }})
			a.applySpec(func(s *election.Spec) { s.StartupDelay, s.DelayAfterBoot = tc.startup, tc.afterBoot }, testInstance("V", 51, 100))
			down := tc.want + 3609375*time.Microsecond
			time.Sleep(down - time.Millisecond)
			want(t, fmt.Sprintf("%+v: before", tc), a.state("V"), election.Backup)
			time.Sleep(2 * time.Millisecond)
			want(t, fmt.Sprintf("%+v: after", tc), a.state("V"), election.Master)
		})
	}
}

// A socket's buffer is the sum of what its routers ask for, and follows a reload.
func TestReceiveBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		with := func(vrid uint8, p election.BufferPolicy, size int) election.InstanceSpec {
			in := testInstance(fmt.Sprint(vrid), vrid, 100)
			in.Buffer = election.ReceiveBuffer{Policy: p, Size: size}
			return in
		}
		a := start(t, h, Options{}, with(1, election.BufferSystem, 0))
		ah := with(4, election.BufferAdverts, 1)
		ah.AuthType = wire.AuthAH
		signed := signs(with(3, election.BufferAdverts, 2), 1)
		for _, tc := range []struct {
			rule string
			list []election.InstanceSpec
			want []int // by protocol: 112, 51
		}{
			{"the system's", []election.InstanceSpec{with(1, election.BufferSystem, 0)}, []int{0}},
			{"bytes", []election.InstanceSpec{with(1, election.BufferBytes, 70_000), with(2, election.BufferBytes, 30_000)}, []int{100_000}},
			{"the MTU, three times", []election.InstanceSpec{with(1, election.BufferMTUs, 3)}, []int{4500}},
			{"adverts", []election.InstanceSpec{with(1, election.BufferAdverts, 3), signed}, []int{3*40 + 2*68}},
			{"AH, on a socket of its own", []election.InstanceSpec{with(1, election.BufferBytes, 7), ah}, []int{7, 64}},
		} {
			a.apply(tc.list...)
			time.Sleep(time.Minute) // what resigns is gone
			h.mu.Lock()
			var got []int
			for _, ah := range []bool{false, true} {
				for _, c := range h.conns {
					if c.on.AH == ah {
						got = append(got, c.admission.Buffer)
					}
				}
			}
			h.mu.Unlock()
			want(t, tc.rule, got, tc.want)
		}
	})
}

// debug logs the adverts, but not as many as somebody sends.
func TestDebugLogsAdverts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		lines := &recorder{counting: new(counting)}
		h := n.newHost("10.77.0.1/24")
		in := testInstance("V", 51, 150)
		in.Debug = 1
		in.AuthType, in.AuthData = wire.AuthPass, password
		a := start(t, h, Options{Logger: slog.New(lines)}, in)
		time.Sleep(4 * time.Second)
		want(t, "state", a.state("V"), election.Master)
		want(t, "sent", lines.with("sent from 10.77.0.1"), []string{"(V) sent from 10.77.0.1 to 224.0.0.18 TTL 255: version 2 priority 150 " +
			"interval 1s addresses [10.77.51.100] authentication 1"})
		want(t, "the password is not told", lines.with("s3cr3t"), []string(nil))
		ip := wire.IPHeader{Source: routerB, Destination: group4, TTL: 255}
		packet := wire.Advert{Version: 2, VRID: 51, Priority: 1, Interval: time.Second}.AppendIPv4(nil, ip)
		for range 10 {
			for range 100 { // the queue is larger
				h.hear(packet, group4, 51)
			}
			synctest.Wait()
		}
		if got := len(lines.with("received from 10.77.0.2")); got != maxDebugLines {
			t.Errorf("%d lines for 1000 packets in one second, want %d", got, maxDebugLines)
		}
	})
}

// Stamps of what is sent go on over a reload, and copies for several peers have the same.
func TestStampsOfUnicastCopies(t *testing.T) {
	in := &virtualRouter{}
	key := &wire.Signature{KeyID: 1, Key: secretOne}
	var stamps []wire.Stamp
	for range 3 {
		a := election.SendAdvert{Advert: wire.Advert{Signature: key}, Window: 5 * time.Second}
		in.sign(&a)
		stamps = append(stamps, a.Advert.Signature.Stamp)
	}
	if !slices.IsSorted(stamps) || stamps[0] == stamps[1] || stamps[1] == stamps[2] || key.Stamp != 0 {
		t.Errorf("%x, and the shared key %+v", stamps, key)
	}
}
