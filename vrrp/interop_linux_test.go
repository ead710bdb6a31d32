package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
	"vigil/vrrp/wire"
)

// keepalivedBinary is the reference implementation: the first in PATH, or where Debian installs it.
var keepalivedBinary = func() string {
	if path, err := exec.LookPath("keepalived"); err == nil {
		return path
	}
	return "/usr/sbin/keepalived"
}()

// keepalived starts the reference implementation with one instance.
func keepalived(t *testing.T, n *lantest.Node, instance string) *testlan.Process {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte("vrrp_instance V {\n\tinterface eth0\n\tvirtual_router_id 51\n\tgarp_master_delay 0\n"+
		"\tvirtual_ipaddress {\n\t\t10.77.0.100/32\n\t}\n"+instance+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := n.Start("keepalived", nil, keepalivedBinary, "-n", "-l", "-D", "-P", "-f", conf,
		"-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInteropWithKeepalived(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	if _, err := os.Stat(keepalivedBinary); err != nil {
		testlan.RequirePeer(t, err)
	}
	pass := testInstance("V", 51, 0)
	pass.AuthType, pass.AuthData = wire.AuthPass, password
	v3 := testInstance("V", 51, 0)
	v3.Version, v3.AdvertInterval = 3, 200*time.Millisecond
	ah := testInstance("V", 51, 0)
	ah.AuthType, ah.AuthData = wire.AuthAH, [8]byte([]byte("s3cr3tlo"))
	unicast := func(s election.InstanceSpec) election.InstanceSpec {
		s.Peers, s.Group = []netip.Addr{netip.MustParseAddr("10.77.0.2")}, netip.Addr{}
		s.PeerTTLs = []election.TTLRange{{Max: 255}}
		return s
	}
	old := unicast(v3)
	old.Checksum, old.OldChecksum, old.OldGroup = wire.ChecksumGroup, true, lantest.Group
	const authAH = "version 2\nadvert_int 1\nauthentication {\nauth_type AH\nauth_pass s3cr3tlong\n}\n"
	const peer = "unicast_peer {\n10.77.0.1\n}\n"
	for _, tc := range []struct {
		name string
		ours election.InstanceSpec
		conf string
	}{
		{"AH", ah, authAH},
		{"AH, unicast", unicast(ah), authAH + peer},
		{"v3, unicast", unicast(v3), "version 3\nadvert_int 0.2\n" + peer},
		{"v3, unicast in the old form", old, "version 3\nadvert_int 0.2\nold_unicast_checksum\n" + peer},
		{"v2 with password", pass, "version 2\nadvert_int 1\nauthentication {\nauth_type PASS\nauth_pass s3cr3t\n}\n"},
		{"v3", v3, "version 3\nadvert_int 0.2\n"},
	} {
		tc.ours.Addresses = []election.Address{{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"}}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			t.Run("as its backup", func(t *testing.T) { t.Parallel(); interopAsBackup(t, tc.ours, tc.conf) })
			t.Run("as its master", func(t *testing.T) { t.Parallel(); interopAsMaster(t, tc.ours, tc.conf) })
		})
	}
}

// interopAsBackup: we obey a keepalived of higher priority, take over within the skew time when it resigns, and give
// way when it returns.
func interopAsBackup(t *testing.T, ours election.InstanceSpec, conf string) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ours.Priority = 100
	peer := keepalived(t, b, conf+"priority 150\n")
	entered(t, peer, "Entering MASTER STATE")
	r, _ := run(t, a, Options{}, ours)
	time.Sleep(5 * ours.AdvertInterval) // longer than the master-down interval
	if s := r.Status().Instances[0]; s.State != election.Backup || s.MasterPriority != 150 || s.Counters.AddressListErrors > 0 {
		t.Fatalf("state %s, master priority %d, counters %+v", s.State, s.MasterPriority, s.Counters)
	}
	resigned := time.Now()
	if err := peer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	untilState(t, r, election.Master)
	skew := 156 * time.Second / 256
	if ours.Version == 3 {
		skew = 156 * ours.AdvertInterval / 256
	}
	if took := r.Status().Instances[0].LastTransition.Sub(resigned); took < skew || took > skew+time.Second {
		t.Errorf("took over %s after the stop, want the skew time of %s and not much more", took, skew)
	}
	peer = keepalived(t, b, conf+"priority 150\n")
	entered(t, peer, "Entering MASTER STATE")
	untilState(t, r, election.Backup)
	lantest.Until(t, 30*time.Second, "release", func() error {
		if got := virtual(t, a); len(got) > 0 {
			return fmt.Errorf("still has %v", got)
		}
		return nil
	})
}

// interopAsMaster: a keepalived of lower priority obeys us and takes over when we resign.
func interopAsMaster(t *testing.T, ours election.InstanceSpec, conf string) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ours.Priority = 150
	r, stop := run(t, a, Options{}, ours)
	untilState(t, r, election.Master)
	peer := keepalived(t, b, conf+"priority 100\n")
	entered(t, peer, "Entering BACKUP STATE (init)")
	time.Sleep(5 * ours.AdvertInterval)
	if line, ok := peer.Log.Find("Entering MASTER STATE", time.Time{}); ok {
		t.Fatalf("keepalived: %s", line.Text)
	}
	stop()
	entered(t, peer, "Backup received priority 0 advertisement")
	entered(t, peer, "Entering MASTER STATE")
	for _, complaint := range []string{"checksum", "invalid", "mismatch", "expect"} {
		if line, ok := peer.Log.Find(complaint, time.Time{}); ok {
			t.Errorf("keepalived complains: %s", line.Text)
		}
	}
}

func entered(t *testing.T, p *testlan.Process, text string) {
	t.Helper()
	lantest.Until(t, 30*time.Second, "keepalived: "+text, func() error {
		if _, ok := p.Log.Find(text, time.Time{}); !ok {
			return errors.New(p.Log.Tail(5))
		}
		return nil
	})
}
