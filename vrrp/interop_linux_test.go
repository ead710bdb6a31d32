package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigil/internal/testlan"
)

// keepalivedBinary is the reference implementation, where it is installed.
const keepalivedBinary = "/usr/sbin/keepalived"

// keepalived starts the reference implementation with one instance.
func (n *labNode) keepalived(instance string) *testlan.Process {
	n.t.Helper()
	dir := n.t.TempDir()
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte("vrrp_instance V {\n\tinterface eth0\n\tvirtual_router_id 51\n\tgarp_master_delay 0\n"+
		"\tvirtual_ipaddress {\n\t\t10.77.0.100/32\n\t}\n"+instance+"}\n"), 0o600); err != nil {
		n.t.Fatal(err)
	}
	p, err := n.Start("keepalived", nil, keepalivedBinary, "-n", "-l", "-D", "-P", "-f", conf,
		"-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"))
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func TestInteropWithKeepalived(t *testing.T) {
	testlan.RequireNetns(t)
	if _, err := os.Stat(keepalivedBinary); err != nil {
		t.Skipf("the reference implementation is not installed: %v", err)
	}
	pass := testInstance("V", 51, 0)
	pass.AuthType, pass.AuthData = AuthPass, password
	v3 := testInstance("V", 51, 0)
	v3.Version, v3.AdvertInterval = 3, 200*time.Millisecond
	for _, tc := range []struct {
		name string
		ours InstanceSpec
		conf string
	}{
		{"v2 with password", pass, "version 2\nadvert_int 1\nauthentication {\nauth_type PASS\nauth_pass s3cr3t\n}\n"},
		{"v3", v3, "version 3\nadvert_int 0.2\n"},
	} {
		tc.ours.Addresses = []Address{{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"}}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			t.Run("as its backup", func(t *testing.T) { t.Parallel(); interopAsBackup(t, tc.ours, tc.conf) })
			t.Run("as its master", func(t *testing.T) { t.Parallel(); interopAsMaster(t, tc.ours, tc.conf) })
		})
	}
}

// interopAsBackup: we obey a keepalived of higher priority, take over within the skew time when it resigns, and give
// way when it returns.
func interopAsBackup(t *testing.T, ours InstanceSpec, conf string) {
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ours.Priority = 100
	keepalived := b.keepalived(conf + "priority 150\n")
	entered(t, keepalived, "Entering MASTER STATE")
	r, _ := a.run(Options{}, ours)
	time.Sleep(5 * ours.AdvertInterval) // longer than the master-down interval
	if s := r.Status().Instances[0]; s.State != Backup || s.MasterPriority != 150 || s.Counters.AddressListErrors > 0 {
		t.Fatalf("state %s, master priority %d, counters %+v", s.State, s.MasterPriority, s.Counters)
	}
	resigned := time.Now()
	if err := keepalived.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	untilState(t, r, Master)
	skew := 156 * time.Second / 256
	if ours.Version == 3 {
		skew = 156 * ours.AdvertInterval / 256
	}
	if took := r.Status().Instances[0].LastTransition.Sub(resigned); took < skew || took > skew+time.Second {
		t.Errorf("took over %s after the stop, want the skew time of %s and not much more", took, skew)
	}
	keepalived = b.keepalived(conf + "priority 150\n")
	entered(t, keepalived, "Entering MASTER STATE")
	untilState(t, r, Backup)
	until(t, 5*time.Second, "release", func() error {
		if got := a.virtual(); len(got) > 0 {
			return fmt.Errorf("still has %v", got)
		}
		return nil
	})
}

// interopAsMaster: a keepalived of lower priority obeys us and takes over when we resign.
func interopAsMaster(t *testing.T, ours InstanceSpec, conf string) {
	_, nodes := laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ours.Priority = 150
	r, stop := a.run(Options{}, ours)
	untilState(t, r, Master)
	keepalived := b.keepalived(conf + "priority 100\n")
	entered(t, keepalived, "Entering BACKUP STATE (init)")
	time.Sleep(5 * ours.AdvertInterval)
	if line, ok := keepalived.Log.Find("Entering MASTER STATE", time.Time{}); ok {
		t.Fatalf("keepalived: %s", line.Text)
	}
	stop()
	entered(t, keepalived, "Backup received priority 0 advertisement")
	entered(t, keepalived, "Entering MASTER STATE")
	for _, complaint := range []string{"checksum", "invalid", "mismatch", "expect"} {
		if line, ok := keepalived.Log.Find(complaint, time.Time{}); ok {
			t.Errorf("keepalived complains: %s", line.Text)
		}
	}
}

func entered(t *testing.T, p *testlan.Process, text string) {
	t.Helper()
	until(t, 15*time.Second, "keepalived: "+text, func() error {
		if _, ok := p.Log.Find(text, time.Time{}); !ok {
			return errors.New(p.Log.Tail(5))
		}
		return nil
	})
}
