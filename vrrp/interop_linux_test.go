package vrrp

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// keepalivedBinary is the reference implementation: the first in PATH, or where Debian installs it.
var keepalivedBinary = func() string {
	if path, err := exec.LookPath("keepalived"); err == nil {
		return path
	}
	return "/usr/sbin/keepalived"
}()

// peers are two machines: a, 10.77.0.1, runs Vigil and b, 10.77.0.2, runs keepalived, or the other way round.
type peers struct {
	t      *testing.T
	a, b   *lantest.Node
	record *testlan.Capture
}

// newPeers also has the test run beside others.
func newPeers(t *testing.T) *peers {
	t.Helper()
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 2)
	return &peers{t: t, a: nodes[0], b: nodes[1], record: nodes[0].Capture(lab)}
}

// nowhere, among the lines, has an instance not name its interface.
const nowhere = "# nowhere\n"

// routerText is an instance V on eth0 with VRID 51, with more lines; unless these have a virtual_ipaddress, it has 10.77.0.100.
func routerText(lines string) string {
	where, dev := "interface eth0\n", ""
	if strings.Contains(lines, nowhere) {
		where, dev = "", " dev eth0"
	}
	if !strings.Contains(lines, "virtual_ipaddress {") {
		lines += "\nvirtual_ipaddress {\n10.77.0.100/32" + dev + "\n}"
	}
	return "vrrp_instance V {\n" + where + "virtual_router_id 51\ngarp_master_delay 0\ngarp_master_repeat 1\n" + lines + "\n}\n"
}

// isV3 is a version 3 instance whose elections take well under a second.
const isV3 = "version 3\nadvert_int 0.2\n"

func vigil(t *testing.T, n *lantest.Node, lines string) (r *Runner, stop func()) {
	t.Helper()
	return runConfig(t, n, routerText(lines))
}

func keepalived(t *testing.T, n *lantest.Node, lines string) *testlan.Process {
	t.Helper()
	return runKeepalived(t, n, routerText(lines))
}

// entered waits for a line of a program's log.
func entered(t *testing.T, p *testlan.Process, text string) {
	t.Helper()
	lantest.Until(t, p.Name+": "+text, func() error {
		if _, ok := p.Log.Find(text, time.Time{}); !ok {
			return errors.New(p.Log.Tail(5))
		}
		return nil
	})
}

// deafen has a machine receive no adverts from now on, which makes two masters of a pair.
func deafen(t *testing.T, n *lantest.Node) {
	t.Helper()
	output(t, n, "nft", "add table ip deaf; add chain ip deaf in { type filter hook input priority 0; }; add rule ip deaf in ip protocol 112 drop")
}

// hears waits until the only instance has accepted that many more adverts.
func hears(t *testing.T, r *Runner, n uint64) {
	t.Helper()
	before := r.Status().Instances[0].Counters.AdvertsReceived
	lantest.Until(t, fmt.Sprint(n, " adverts"), func() error {
		if c := r.Status().Instances[0].Counters; c.AdvertsReceived < before+n {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
}

// obeys waits until the only instance has been backup of a master with the priority for five adverts in a row, longer than the
// master-down interval. On a busy machine either may be late once.
func obeys(t *testing.T, r *Runner, priority uint8) {
	t.Helper()
	begun := r.Status().Instances[0].Counters.AdvertsReceived
	lantest.Until(t, fmt.Sprint("backup of priority ", priority), func() error {
		s := r.Status().Instances[0]
		if s.State != election.Backup || s.MasterPriority != priority {
			begun = s.Counters.AdvertsReceived
		}
		if s.Counters.AdvertsReceived < begun+5 {
			return fmt.Errorf("%s, master priority %d, %+v", s.State, s.MasterPriority, s.Counters)
		}
		return nil
	})
}

// untilSent waits until a host has sent that many adverts since a time, and returns all of them.
func (p *peers) untilSent(host string, since time.Time, n int) (list []testlan.Advert) {
	p.t.Helper()
	lantest.Until(p.t, fmt.Sprint(n, " adverts of ", host), func() error {
		if list = p.record.Adverts(host, since); len(list) < n {
			return fmt.Errorf("%d", len(list))
		}
		return nil
	})
	return list
}

// first waits for the first advert that a host sends at or after a time and that has the priority.
func (p *peers) first(host string, since time.Time, priority uint8) testlan.Advert {
	p.t.Helper()
	var found testlan.Advert
	lantest.Until(p.t, fmt.Sprint("advert of priority ", priority, " of ", host), func() error {
		for _, ad := range p.record.Adverts(host, since) {
			if ad.Priority == priority {
				found = ad
				return nil
			}
		}
		return errors.New("not seen")
	})
	return found
}

// noPriorityZero fails if a host has ever resigned.
func (p *peers) noPriorityZero(host string) {
	p.t.Helper()
	for _, ad := range p.record.Adverts(host, time.Time{}) {
		if ad.Priority == 0 {
			p.t.Errorf("%s sent priority 0", host)
		}
	}
}

// obeyAndFollow has Vigil of priority 100 obey a keepalived of priority 150 with the same lines, take over no sooner than the skew
// time after it resigns, and give way when it returns.
func obeyAndFollow(t *testing.T, ours, theirs string) *peers {
	p := newPeers(t)
	peer := keepalived(t, p.b, theirs+"\npriority 150\n")
	entered(t, peer, "Entering MASTER STATE")
	r, _ := vigil(t, p.a, ours+"\npriority 100\n")
	obeys(t, r, 150)
	if c := r.Status().Instances[0].Counters; refusals(c)+c.AddressListErrors > 0 {
		t.Fatalf("counters %+v", c)
	}
	skew := 156 * time.Second / 256
	if spec := r.Status().Instances[0].Spec; spec.Version == 3 {
		skew = 156 * spec.AdvertInterval / 256
	}
	resigned := time.Now()
	if err := peer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	untilState(t, r, election.Master)
	if s := r.Status().Instances[0]; s.LastTransition.Sub(resigned) < skew || s.Counters.PriorityZeroReceived == 0 {
		t.Errorf("took over %s after the stop, want the skew time of %s; %+v", s.LastTransition.Sub(resigned), skew, s.Counters)
	}
	peer = keepalived(t, p.b, theirs+"\npriority 150\n")
	entered(t, peer, "Entering MASTER STATE")
	untilState(t, r, election.Backup)
	lantest.Until(t, "release", func() error {
		if got := virtual(t, p.a); len(got) > 0 {
			return fmt.Errorf("still has %v", got)
		}
		return nil
	})
	return p
}

// What keepalived says of a resignation that it hears as backup and as master.
const (
	backupResigned = "Backup received priority 0 advertisement"
	masterResigned = "Master received priority 0 message"
)

// untilObeyed waits until a keepalived has been backup for six adverts of r in a row, and returns how often it had become master.
func untilObeyed(t *testing.T, r *Runner, peer *testlan.Process) int {
	t.Helper()
	sent, masters := uint64(0), -1
	lantest.Until(t, "keepalived obeys", func() error {
		now := r.Status().Instances[0].Counters.AdvertsSent
		if n := times(peer, "Entering MASTER STATE"); n != masters || n > times(peer, "Entering BACKUP STATE")-1 {
			sent, masters = now, n
		}
		if now < sent+6 {
			return fmt.Errorf("%d adverts: %s", now-sent, peer.Log.Tail(5))
		}
		return nil
	})
	return masters
}

// leadAndResign has a keepalived of priority 100 obey a Vigil of priority 150 for six adverts in a row, and take over when it resigns, without a complaint.
func leadAndResign(t *testing.T, ours, theirs string) (*peers, *testlan.Process) {
	p := newPeers(t)
	r, stop := vigil(t, p.a, ours+"\npriority 150\n")
	untilState(t, r, election.Master)
	peer := keepalived(t, p.b, theirs+"\npriority 100\n")
	entered(t, peer, "Entering BACKUP STATE")
	masters := 0
	for first := true; first || times(peer, backupResigned) == 0; first = false {
		if !first {
			// It did not hear Vigil for a while, was master itself just then, and has nobody to follow.
			r, stop = vigil(t, p.a, ours+"\npriority 150\n")
			untilState(t, r, election.Master)
		}
		masters = untilObeyed(t, r, peer)
		heard := times(peer, masterResigned)
		stop()
		lantest.Until(t, "keepalived hears a resignation", func() error {
			if times(peer, backupResigned) == 0 && times(peer, masterResigned) == heard {
				return errors.New(peer.Log.Tail(5))
			}
			return nil
		})
	}
	lantest.Until(t, "keepalived follows", func() error {
		if times(peer, "Entering MASTER STATE") == masters {
			return errors.New(peer.Log.Tail(5))
		}
		return nil
	})
	for _, complaint := range []string{"checksum", "invalid", "mismatch", "expect"} {
		if line, ok := peer.Log.Find(complaint, time.Time{}); ok && !strings.Contains(line.Text, "Setting unicast VRRPv3 checksum") {
			t.Errorf("keepalived complains: %s", line.Text)
		}
	}
	return p, peer
}

// interop does both in the same form of the protocol, beside each other.
func interop(t *testing.T, lines string) {
	t.Run("as its backup", func(t *testing.T) { obeyAndFollow(t, lines, lines) })
	t.Run("as its master", func(t *testing.T) { leadAndResign(t, lines, lines) })
}
