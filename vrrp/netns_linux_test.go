package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// fast is an instance whose elections take a third of a second.
func fast(priority uint8) election.InstanceSpec {
	in := testInstance("V", 51, priority)
	in.Version, in.AdvertInterval = 3, 100*time.Millisecond
	in.Addresses = []election.Address{
		{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"},
		{Prefix: netip.PrefixFrom(vip101, 24), Link: "eth0"},
	}
	return in
}

func TestRunnersOnRealKernels(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	record := a.Capture(lab)
	master, _ := run(t, a, Options{}, fast(150))
	backup, stopBackup := run(t, b, Options{}, fast(100))
	untilState(t, master, election.Master)
	vips := []netip.Prefix{netip.PrefixFrom(vip100, 32), netip.PrefixFrom(vip101, 24)}
	holds := func(n *lantest.Node, want []netip.Prefix) {
		t.Helper()
		lantest.Until(t, "addresses of "+n.Name, func() error {
			if got := virtual(t, n); !slices.Equal(got, want) {
				return fmt.Errorf("has %v, want %v", got, want)
			}
			return nil
		})
	}
	holds(a, vips)
	holds(b, nil)

	// The first frame of a new master is its advert, then each address is announced.
	lantest.Until(t, "announcements", func() error {
		if n := len(record.Announcements("a", time.Time{})); n < 2 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	var order []string // without what has been seen before
	for _, f := range record.Frames() {
		text := ""
		if ad, ok := f.Advert(); ok {
			text = fmt.Sprintf("advert %d %s", ad.Priority, ad.Source)
		} else if g, ok := f.Announcement(); ok {
			text = "announce " + g.Address.String()
		}
		if f.Host == "a" && text != "" && !slices.Contains(order, text) {
			order = append(order, text)
		}
	}
	want := []string{"advert 150 10.77.0.1", "announce 10.77.0.100", "announce 10.77.0.101"}
	if d := cmp.Diff(want, order[:min(3, len(order))]); d != "" {
		t.Errorf("first frames (-want +got):\n%s", d)
	}

	// An address that somebody removes is back at once, announced again, and nobody else has noticed.
	all, err := a.Kernel.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	for _, ad := range all {
		if ad.Prefix == vips[0] {
			if err := a.Kernel.DelAddress(ad); err != nil {
				t.Fatal(err)
			}
		}
	}
	lantest.Until(t, "the address announced again", func() error {
		for _, g := range record.Announcements("a", since) {
			if g.Address == vips[0].Addr() {
				return nil
			}
		}
		return errors.New("not yet")
	})
	holds(a, vips)
	for _, ad := range record.Adverts("a", since) {
		if ad.Priority == 0 {
			t.Error("resigned for an address that somebody has removed")
		}
	}

	// Cable out and in.
	if err := a.Cable.Cut(); err != nil {
		t.Fatal(err)
	}
	untilState(t, master, election.Fault)
	untilState(t, backup, election.Master)
	holds(a, nil)
	holds(b, vips)
	if err := a.Cable.Mend(); err != nil {
		t.Fatal(err)
	}
	untilState(t, master, election.Master)
	untilState(t, backup, election.Backup)
	holds(b, nil)

	stopBackup()
	holds(a, vips)
}

// The interface goes and comes back as another one of the same name.
func TestInterfaceIsReplacedOnARealKernel(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	r, _ := run(t, a, Options{}, fast(150))
	untilState(t, r, election.Master)
	if out, err := a.Output(t.Context(), "ip", "link", "del", "eth0"); err != nil {
		t.Fatal(err, out)
	}
	untilState(t, r, election.Fault)
	segment, err := lab.Segment("again")
	if err != nil {
		t.Fatal(err)
	}
	cable, err := a.Attach(segment, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	record := a.Capture(lab)
	since := time.Now()
	if err := a.AddAddress("eth0", netip.MustParsePrefix("10.77.0.9/24")); err != nil {
		t.Fatal(err)
	}
	untilState(t, r, election.Master)
	ad, err := record.WaitAdvert(t.Context(), "a", since, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ad.Source != netip.MustParseAddr("10.77.0.9") {
		t.Errorf("advert from %s, want the new address", ad.Source)
	}
	lantest.Until(t, "announcement", func() error {
		for _, g := range record.Announcements("a", since) {
			if g.MAC.String() == cable.MAC.String() {
				return nil
			}
		}
		return errors.New("none with the new MAC address")
	})
}

// TestVRRPCase37: a process that is killed and started again goes on as if nothing had happened; of keepalived the addresses go when it
// comes back, and it is MASTER again a master-down interval later.
func TestVRRPCase37(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	in := fast(150)
	in.AdvertInterval = 500 * time.Millisecond
	// How soon the machine comes to start it again is not what is tested: nobody loses patience for half a minute.
	patient := in
	patient.DownTimerAdverts = 60
	other := patient
	other.Priority = 100
	o := Options{HeartbeatFile: filepath.Join(t.TempDir(), "beat")}
	first, wait := run(t, a, o, in)
	backup, _ := run(t, b, Options{}, other)
	untilState(t, first, election.Master)
	lantest.Until(t, "its addresses", func() error {
		if got := virtual(t, a); len(got) != 2 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	record := a.Capture(lab)
	first.Kill()
	<-first.ended // or else the end of its context could come first, which is an orderly stop
	wait()
	if got := virtual(t, a); len(got) != 2 {
		t.Fatalf("addresses after the crash: %v", got)
	}
	since := time.Now()
	second, _ := run(t, a, o, patient)
	if got := second.Status().Instances[0].State; got != election.Master {
		t.Errorf("state %s, want MASTER at once", got)
	}
	if _, err := record.WaitAdvert(t.Context(), "a", since, nil); err != nil {
		t.Fatal(err)
	}
	if c := backup.Status().Instances[0].Counters; c.BecameMaster != 0 {
		t.Error("the backup took over")
	}
	if got := virtual(t, a); len(got) != 2 {
		t.Errorf("addresses after the restart: %v", got)
	}
}

// IPv6 adverts leave from the link-local address of the interface, once it is usable.
func TestIPv6RunnersOnRealKernels(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 2)
	in := fast(150)
	in.Family, in.Group = confparse.IPv6, group6
	in.Addresses = []election.Address{
		{Prefix: netip.MustParsePrefix("fe80::100/128"), Link: "eth0"},
		{Prefix: netip.MustParsePrefix("fd77::100/64"), Link: "eth0"},
	}
	lower := in
	lower.Priority = 100
	master, stop := run(t, nodes[0], Options{}, in)
	backup, _ := run(t, nodes[1], Options{}, lower)
	untilState(t, master, election.Master)
	untilState(t, backup, election.Backup)
	lantest.Until(t, "adverts", func() error {
		s := backup.Status().Instances[0]
		if s.Counters.AdvertsReceived < 3 || s.MasterAddress != master.Status().Instances[0].Source {
			return fmt.Errorf("%d from %s", s.Counters.AdvertsReceived, s.MasterAddress)
		}
		return nil
	})
	all, err := nodes[0].Kernel.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		switch {
		case a.Protocol != netio.Protocol:
		case a.Tentative:
			t.Errorf("%s is tentative", a.Prefix)
		case a.Deprecated != a.Prefix.IsSingleIP():
			t.Errorf("%s: deprecated %v; only a host address is", a.Prefix, a.Deprecated)
		}
	}
	stop()
	untilState(t, backup, election.Master)
	if got := virtual(t, nodes[0]); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}
