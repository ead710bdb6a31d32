package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// frr is FRRouting's vrrpd on a machine, with the zebra that it cannot do without.
type frr struct {
	t       *testing.T
	node    *lantest.Node
	vip     netip.Prefix
	mac     string // of the virtual router
	dir     string
	running []*testlan.Process
}

// newFRR prepares a router of FRR's with the virtual address on eth0.
func newFRR(t *testing.T, lab *testlan.Lab, n *lantest.Node, vip netip.Addr) *frr {
	t.Helper()
	account, err := user.Lookup("frr")
	testlan.RequirePeer(t, err)
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	family, keyword := "1", "ip"
	if vip.Is6() {
		family, keyword = "2", "ipv6"
	}
	f := &frr{t: t, node: n, vip: netip.PrefixFrom(vip, vip.BitLen()), mac: "00:00:5e:00:0" + family + ":33", dir: filepath.Join(lab.Dir(), "frr")}
	// It does not speak from an address that is still looked for on the link, and may never try again.
	if err := n.Sysctl("net/ipv6/conf/default/accept_dad", "0"); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("interface eth0\n vrrp 51 version 3\n vrrp 51 advertisement-interval 200\n vrrp 51 %s %s\n", keyword, vip)
	if err := errors.Join(os.Chmod(lab.Dir(), 0o755), os.Mkdir(f.dir, 0o755), os.Chown(f.dir, uid, gid),
		os.WriteFile(filepath.Join(f.dir, "vrrpd.conf"), []byte(conf), 0o644),
		os.WriteFile(filepath.Join(f.dir, "zebra.conf"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.kill)
	return f
}

func (f *frr) file(name string) string { return filepath.Join(f.dir, name) }

// start starts both daemons anew, with a priority, as on a machine that has booted: with the macvlan that FRR takes for the
// virtual router and does not make itself. One that was left loses its IPv6 address when FRR sets it down.
func (f *frr) start(priority int) {
	f.t.Helper()
	_, _ = f.node.Output(f.t.Context(), "ip", "link", "del", "vrrp51") // there is none at first
	ip(f.t, f.node, "link", "add", "vrrp51", "link", "eth0", "address", f.mac, "type", "macvlan", "mode", "bridge")
	ip(f.t, f.node, "addr", "add", f.vip.String(), "dev", "vrrp51", "nodad")
	ip(f.t, f.node, "link", "set", "vrrp51", "up")
	for _, name := range []string{"zebra", "vrrpd"} {
		p, err := f.node.Start(name, nil, "/usr/lib/frr/"+name, "-u", "frr", "-g", "frr", "-f", f.file(name+".conf"), "-i", f.file(name+".pid"),
			"-z", f.file("zserv"), "--vty_socket", f.dir, "-A", "127.0.0.1", "--log", "stdout")
		if err != nil {
			f.t.Fatal(err)
		}
		f.running = append(f.running, p)
		lantest.Until(f.t, name+" answers", func() error {
			out, err := f.ask(name, "show version")
			if err != nil {
				return fmt.Errorf("%w: %s %s", err, out, p.Log.Tail(5))
			}
			return nil
		})
	}
	if out, err := f.ask("vrrpd", "configure terminal", "interface eth0", "vrrp 51 priority "+strconv.Itoa(priority)); err != nil {
		f.t.Fatal(err, out)
	}
}

// kill ends both without a word.
func (f *frr) kill() {
	for _, p := range f.running {
		p.Kill()
	}
	f.running = nil
}

func (f *frr) ask(daemon string, commands ...string) (string, error) {
	args := []string{"vtysh", "--vty_socket", f.dir, "-d", daemon}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return f.node.Output(f.t.Context(), args...)
}

// until waits for a state of the virtual router, as FRR shows it. Of what FRR tells the kernel about its macvlan, protodown when it
// is Backup and not when it is Master, the last word may come first on a busy machine; then its adverts go nowhere, for good.
func (f *frr) until(state string) {
	f.t.Helper()
	begun := time.Now()
	lantest.Until(f.t, "FRR: "+state, func() error {
		out, err := f.ask("vrrpd", "show vrrp interface eth0 51")
		if err != nil || !strings.Contains(out, state) {
			return fmt.Errorf("%s %v", out, err)
		}
		if link, err := f.node.Output(f.t.Context(), "ip", "link", "show", "vrrp51"); state == "Master" && !strings.Contains(link, "LOWER_UP") {
			if time.Since(begun) > 5*time.Second {
				for _, words := range [][]string{{"protodown_reason", "7", "off"}, {"protodown", "off"}} { // 7 is FRR's bit
					_, _ = f.node.Output(f.t.Context(), append([]string{"ip", "link", "set", "vrrp51"}, words...)...) // looked at again
				}
			}
			return fmt.Errorf("%s %v", link, err)
		}
		return nil
	})
}

// FRRouting's vrrpd and we obey each other, in version 3, over both families.
func TestInteropWithFRR(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	for _, tc := range []struct {
		family confparse.Family
		group  netip.Addr
		vip    netip.Addr
	}{
		{confparse.IPv4, group4, vip100},
		{confparse.IPv6, group6, netip.MustParseAddr("fd77::100")},
	} {
		ours := testInstance("V", 51, 100)
		ours.Version, ours.AdvertInterval, ours.Family, ours.Group = 3, 200*time.Millisecond, tc.family, tc.group
		ours.Addresses = []election.Address{{Prefix: netip.PrefixFrom(tc.vip, tc.vip.BitLen()), Link: "eth0"}}
		t.Run(tc.family.String(), func(t *testing.T) {
			t.Parallel()
			t.Run("as its backup", func(t *testing.T) { t.Parallel(); frrAsMaster(t, ours, tc.vip) })
			t.Run("as its master", func(t *testing.T) { t.Parallel(); frrAsBackup(t, ours, tc.vip) })
		})
	}
}

// frrAsMaster: we obey a router of FRR's of higher priority, take over when it dies, and give way when it returns.
func frrAsMaster(t *testing.T, ours election.InstanceSpec, vip netip.Addr) {
	lab, nodes := lantest.Laboratory(t, 2)
	peer := newFRR(t, lab, nodes[1], vip)
	peer.start(200)
	peer.until("Master")
	record := nodes[0].Capture(lab)
	r, _ := run(t, nodes[0], Options{}, ours)
	heard := func() {
		t.Helper()
		before := r.Status().Instances[0].Counters.AdvertsReceived
		lantest.Until(t, "adverts of FRR", func() error {
			s := r.Status().Instances[0]
			if s.State != election.Backup || s.MasterPriority != 200 || s.Counters.AdvertsReceived < before+10 {
				return fmt.Errorf("%v, %+v", s.State, s.Counters)
			}
			return nil
		})
	}
	heard() // it may say that it is Master before its addresses let it speak
	before, since := r.Status().Instances[0].Counters.BecameMaster, time.Now()
	heard()
	const down = 722 * time.Millisecond // three intervals and the skew of priority 100
	if c := r.Status().Instances[0].Counters; c.BecameMaster > before+silences(record, "b", since.Add(-down), down) || c.ChecksumErrors+c.LengthErrors+c.TTLErrors+c.AddressListErrors > 0 {
		t.Errorf("counters %+v", c)
	}
	peer.kill()
	untilState(t, r, election.Master)
	peer.start(200)
	peer.until("Master")
	heard()
}

// silences counts how often a host sent no VRRP for a time, as one does that a busy machine does not run.
func silences(record *testlan.Capture, host string, since time.Time, d time.Duration) (n uint64) {
	const ethernet, protocol, nextHeader, vrrp = 14, 9, 6, 112
	last := since
	for _, f := range record.Frames() {
		if f.Host != host || f.Time.Before(since) || len(f.Data) < ethernet+20 {
			continue
		}
		if v6 := f.Data[12] == 0x86; v6 && f.Data[ethernet+nextHeader] != vrrp || !v6 && f.Data[ethernet+protocol] != vrrp {
			continue
		}
		if f.Time.Sub(last) >= d {
			n++
		}
		last = f.Time
	}
	return n
}

// frrAsBackup: a router of FRR's of lower priority obeys us, and takes over when we resign.
func frrAsBackup(t *testing.T, ours election.InstanceSpec, vip netip.Addr) {
	lab, nodes := lantest.Laboratory(t, 2)
	r, stop := run(t, nodes[0], Options{}, ours)
	untilState(t, r, election.Master)
	peer := newFRR(t, lab, nodes[1], vip)
	peer.start(50)
	peer.until("Backup")
	time.Sleep(5 * ours.AdvertInterval) // longer than its master-down interval
	peer.until("Backup")
	stop()
	peer.until("Master")
}
