package vrrp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// These TestVRRPCase tests have keepalived as a rival: a second master, or one that will not be or stay backup (docs/conformance.md).

// patient is a version 3 instance that takes 3.6 s of silence for a failure: a busy machine may keep a master waiting.
const patient = "version 3\nadvert_int 1\n"

// TestVRRPCase11: of two masters with equal priorities the one with the lower address yields, without priority 0.
func TestVRRPCase11Interop(t *testing.T) {
	t.Parallel()
	const lines = isV3 + "priority 100\n"
	t.Run("we yield", func(t *testing.T) {
		p := newPeers(t)
		r, _ := vigil(t, p.a, lines)
		untilState(t, r, election.Master)
		deafen(t, p.b)
		entered(t, keepalived(t, p.b, lines), "Entering MASTER STATE")
		untilState(t, r, election.Backup)
		p.noPriorityZero("a")
	})
	t.Run("keepalived yields", func(t *testing.T) {
		p := newPeers(t)
		peer := keepalived(t, p.a, lines)
		entered(t, peer, "Entering MASTER STATE")
		deafen(t, p.b)
		vigil(t, p.b, lines)
		entered(t, peer, "but higher IP address than ours")
		p.noPriorityZero("a")
	})
}

// TestVRRPCase12: of two equal backups the first to expire stays MASTER, whatever the addresses.
func TestVRRPCase12Interop(t *testing.T) {
	for _, ours := range []string{"a", "b"} {
		t.Run("ours is "+ours, func(t *testing.T) {
			p := newPeers(t)
			v, k := p.a, p.b
			if ours == "b" {
				v, k = k, v
			}
			peer := keepalived(t, k, patient+"priority 100\n")
			entered(t, peer, "Entering BACKUP STATE (init)")
			vigil(t, v, patient+"priority 100\n")
			all := p.untilSent("", time.Time{}, 7)
			for _, ad := range all[1:] {
				if ad.Host == all[0].Host {
					continue
				}
				// Both may expire before either hears the other, and then one goes on.
				if d := ad.Time.Sub(all[0].Time); d > time.Second {
					t.Fatalf("%s was master and %s took over %v later", all[0].Host, ad.Host, d)
				}
				break
			}
			p.noPriorityZero("")
		})
	}
}

// TestVRRPCase13: a keepalived that does not hear us, of priority 50, is master already. We take over in the master-down interval
// all the same (case 16), answer each of its adverts at once (13), also that of priority 0 when it stops (14), and stay.
func TestVRRPCase13Interop(t *testing.T) {
	p := newPeers(t)
	deafen(t, p.b)
	peer := keepalived(t, p.b, isV3+"priority 50\n")
	entered(t, peer, "Entering MASTER STATE")
	since := time.Now()
	r, _ := vigil(t, p.a, patient+"priority 100\ngarp_lower_prio_repeat 1\n")
	untilState(t, r, election.Master)
	begun := p.first("a", since, 100)
	if d := begun.Time.Sub(since); d < 3600*time.Millisecond {
		t.Errorf("MASTER after %v", d)
	}
	theirs := p.untilSent("b", begun.Time, 15)
	p.untilSent("a", theirs[14].Time, 1)
	// Its interval is a fifth of ours: without answers there would be three or four.
	if n := len(p.record.Adverts("a", begun.Time)); n < 12 {
		t.Errorf("%d adverts beside %d of the lower master", n, len(theirs))
	}
	lantest.Until(t, "announcements", func() error { // once the addresses are there
		if n := len(p.record.Announcements("a", theirs[0].Time)); n < 2 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	if err := peer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	zero := p.first("b", begun.Time, 0)
	answer := p.first("a", zero.Time, 100)
	var before time.Time
	for _, ad := range p.record.Adverts("a", begun.Time) {
		if ad.Time.Before(zero.Time) {
			before = ad.Time
		}
	}
	if d := answer.Time.Sub(before); d >= time.Second {
		t.Errorf("the advert after priority 0 came %v after the one before, when it was due anyway", d)
	}
	if s := r.Status().Instances[0]; s.State != election.Master || s.Counters.PriorityZeroReceived != 1 {
		t.Errorf("%s, %+v", s.State, s.Counters)
	}
}

// TestVRRPCase15: with higher_prio_send_advert a better keepalived that takes over hears of us once more.
func TestVRRPCase15Interop(t *testing.T) {
	p := newPeers(t)
	r, _ := vigil(t, p.a, patient+"priority 100\nhigher_prio_send_advert\n")
	untilState(t, r, election.Master)
	peer := keepalived(t, p.b, patient+"priority 150\n")
	entered(t, peer, "Entering MASTER STATE")
	untilState(t, r, election.Backup)
	theirs := p.untilSent("b", time.Time{}, 4)
	// One may have been due when it came, and on a busy machine it may come late.
	if n, late := len(p.record.Adverts("a", theirs[0].Time)), len(p.record.Adverts("a", theirs[2].Time)); n < 1 || late > 0 {
		t.Errorf("%d adverts after the first of the better master, %d of them after its third: %+v", n, late, p.record.Adverts("", time.Time{}))
	}
	p.noPriorityZero("a")
}

// TestVRRPCase17: with preempt_delay a lower keepalived is master for that time and a master-down interval more.
func TestVRRPCase17Interop(t *testing.T) {
	p := newPeers(t)
	peer := keepalived(t, p.b, patient+"priority 100\n")
	entered(t, peer, "Entering MASTER STATE")
	since := time.Now()
	r, _ := vigil(t, p.a, patient+"priority 150\npreempt_delay 1\n")
	untilState(t, r, election.Master)
	// The timer runs from the last advert that was accepted, up to an interval before the end of the delay.
	if d := p.first("a", since, 150).Time.Sub(since); d < 3400*time.Millisecond {
		t.Errorf("preempts after %v", d)
	}
	entered(t, peer, "with higher priority 150, ours 100")
}

// TestVRRPCase18: with nopreempt a lower keepalived is left alone, and followed in the skew time when it stops.
func TestVRRPCase18Interop(t *testing.T) {
	p := newPeers(t)
	peer := keepalived(t, p.b, patient+"priority 100\n")
	entered(t, peer, "Entering MASTER STATE")
	r, _ := vigil(t, p.a, patient+"priority 150\nnopreempt\n")
	hears(t, r, 5)
	if s := r.Status().Instances[0]; s.Counters.BecameMaster > 0 {
		t.Fatal("it preempts")
	}
	if err := peer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	zero := p.first("b", time.Time{}, 0)
	if d := p.first("a", zero.Time, 150).Time.Sub(zero.Time); d < 413*time.Millisecond {
		t.Errorf("follows %v after priority 0", d)
	}
}

// TestVRRPCase25: a keepalived with another list of addresses is obeyed, and counted. Whether it obeys us differs: 2.2.7 takes our
// adverts for none and becomes master beside us, releases since 2.3.3 stay backup.
func TestVRRPCase25Interop(t *testing.T) {
	t.Parallel()
	const longer = patient + "virtual_ipaddress {\n10.77.0.100/32\n10.77.0.101/32\n}\n"
	t.Run("as its backup", func(t *testing.T) {
		p := newPeers(t)
		peer := keepalived(t, p.b, longer+"priority 150\n")
		entered(t, peer, "Entering MASTER STATE")
		r, _ := vigil(t, p.a, patient+"priority 100\n")
		hears(t, r, 5)
		if s := r.Status().Instances[0]; s.State != election.Backup || s.Counters.BecameMaster > 0 || s.Counters.AddressListErrors < 5 {
			t.Errorf("%s, %+v", s.State, s.Counters)
		}
	})
	t.Run("as its master", func(t *testing.T) {
		p := newPeers(t)
		r, _ := vigil(t, p.a, patient+"priority 150\n")
		untilState(t, r, election.Master)
		peer := keepalived(t, p.b, longer+"priority 100\n")
		entered(t, peer, "Entering BACKUP STATE (init)")
		if release := output(t, p.b, "sh", "-c", keepalivedBinary+" --version 2>&1"); strings.Contains(release, " v2.2.") {
			entered(t, peer, "received an unexpected ip number count 1, expected 2")
			entered(t, peer, "Entering MASTER STATE")
		} else {
			p.untilSent("a", time.Now(), 5)
			if line, ok := peer.Log.Find("Entering MASTER STATE", time.Time{}); ok {
				t.Error(line.Text)
			}
		}
		lantest.Until(t, "still master", func() error {
			if s := r.Status().Instances[0].State; s != election.Master {
				return fmt.Errorf("%s", s)
			}
			return nil
		})
	})
}
