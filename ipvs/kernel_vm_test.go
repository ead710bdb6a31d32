//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	moby "github.com/moby/ipvs"
	"github.com/sirupsen/logrus"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// requireKernel returns the real kernel with an empty table. These tests change the machine's IPVS table, so they run
// only in the throw-away VM that sets VIGIL_IN_VM; there they must not skip.
func requireKernel(t *testing.T) ipvs.Kernel {
	t.Helper()
	if os.Getenv("VIGIL_IN_VM") != "1" {
		t.Skip("needs a kernel with ip_vs; runs in the VM")
	}
	k, err := ipvs.OpenKernel(t.Context(), ipvs.KernelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	flush := func() {
		if err := k.Flush(context.Background()); err != nil && !errors.Is(err, ipvs.ErrLost) {
			t.Error(err)
		}
	}
	flush()
	t.Cleanup(func() {
		flush()
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func read(t *testing.T, k ipvs.Kernel) ipvs.Table {
	t.Helper()
	table, err := k.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func mustApply(t *testing.T, k ipvs.Kernel, ops []ipvs.Op) {
	t.Helper()
	for i, err := range k.Apply(t.Context(), ops) {
		if err != nil {
			t.Errorf("%v: %v", ops[i], err)
		}
	}
}

// converge makes the kernel's table want and checks that it reads back as such.
func converge(t *testing.T, k ipvs.Kernel, want ipvs.Table) []ipvs.Op {
	t.Helper()
	ops := ipvs.Diff(read(t, k), want)
	mustApply(t, k, ops)
	for _, op := range ipvs.Diff(read(t, k), want) {
		t.Errorf("the kernel's table lacks: %v %+v %+v", op, op.Attrs, op.DestAttrs)
	}
	return ops
}

func TestKernelSchedulersAndFlags(t *testing.T) {
	k := requireKernel(t)
	want := make(ipvs.Table)
	for i, sched := range ipvstest.Schedulers {
		for j, flags := range []confparse.SchedulerFlags{0, confparse.SchedulerFlag1,
			confparse.SchedulerFlag1 | confparse.SchedulerFlag2, confparse.SchedulerFlag3} {
			s := tcp(fmt.Sprintf("10.0.%d.%d:80", i, j))
			a := attrs(s, sched)
			a.Flags = ipvs.Flags(flags)
			want[s] = ipvs.Service{Attrs: a, Dests: dests("192.168.0.1:80", ipvs.DestAttrs{Weight: 1})}
		}
	}
	ops := key(confparse.UDP, "10.0.0.1:53")
	a := attrs(ops, "rr")
	a.Flags = ipvs.OnePacket
	want[ops] = ipvs.Service{Attrs: a}
	converge(t, k, want)

	// Every scheduler to another, in place.
	for s, svc := range want {
		svc.Attrs.Scheduler = map[bool]string{true: "wlc", false: "rr"}[svc.Attrs.Scheduler == "rr"]
		want[s] = svc
	}
	for _, op := range converge(t, k, want) {
		if op.Kind != ipvs.SetService {
			t.Errorf("scheduler change took %v", op)
		}
	}
	if extra := converge(t, k, want); len(extra) > 0 {
		t.Errorf("a table that is right needs %v", extra)
	}
}

func TestKernelForwardingMethods(t *testing.T) {
	k := requireKernel(t)
	nat, dr, v6 := tcp("10.1.0.1:80"), tcp("10.1.0.2:80"), tcp("[2001:db8::1]:80")
	tun4, tun6, mark := tcp("10.1.0.3:80"), tcp("[2001:db8::2]:80"), fwmark(7, confparse.IPv6)
	tunnel := func(ty confparse.TunnelType, port uint16, flags confparse.TunnelFlags) ipvs.DestAttrs {
		return ipvs.DestAttrs{Weight: 3, Forwarding: confparse.TUN, Tunnel: confparse.Tunnel{Type: ty, Port: port, Flags: flags}}
	}
	service := func(s ipvs.ServiceKey, d map[ipvs.DestKey]ipvs.DestAttrs) ipvs.Service {
		return ipvs.Service{Attrs: attrs(s, "wlc"), Dests: d}
	}
	want := ipvs.Table{
		nat: service(nat, dests("192.168.0.1:8080", ipvs.DestAttrs{Weight: 1},
			"192.168.0.2:8081", ipvs.DestAttrs{Weight: 70000, UpperThreshold: 1<<31 - 1, LowerThreshold: 5})),
		dr: service(dr, dests("192.168.0.1:80", ipvs.DestAttrs{Weight: 1<<31 - 1, Forwarding: confparse.DR})),
		v6: service(v6, dests("[2001:db8::9]:8080", ipvs.DestAttrs{Weight: 1})),
		tun4: service(tun4, dests("192.168.0.1:80", tunnel(confparse.IPIP, 0, 0), "192.168.0.2:80", tunnel(confparse.GUE, 6080, 1),
			"192.168.0.3:80", tunnel(confparse.GRE, 0, 1), "[2001:db8::5]:80", tunnel(confparse.IPIP, 0, 0))),
		tun6: service(tun6, dests("192.168.0.1:80", tunnel(confparse.GUE, 6081, 2), "[2001:db8::6]:80", tunnel(confparse.GRE, 0, 0))),
		mark: service(mark, dests("[2001:db8::7]:0", ipvs.DestAttrs{Weight: 1, Forwarding: confparse.DR})),
	}
	converge(t, k, want)

	// A change of weight must leave the tunnel as it is; a change of method happens in place.
	for s, svc := range want {
		for d, a := range svc.Dests {
			a.Weight = 9
			if s == nat {
				a.Forwarding = confparse.DR
			}
			svc.Dests[d] = a
		}
	}
	for _, op := range converge(t, k, want) {
		if op.Kind != ipvs.SetDest {
			t.Errorf("weight change took %v", op)
		}
	}
	delete(want[tun4].Dests, netip.MustParseAddrPort("[2001:db8::5]:80"))
	if ops := converge(t, k, want); len(ops) != 1 || ops[0].Kind != ipvs.DelDest {
		t.Errorf("removal of a destination of the other family took %v", ops)
	}
}

func TestKernelPersistence(t *testing.T) {
	k := requireKernel(t)
	v4, v6, sip := tcp("10.2.0.1:443"), tcp("[2001:db8::1]:443"), key(confparse.UDP, "10.2.0.2:5060")
	want := ipvs.Table{
		v4: {Attrs: ipvs.ServiceAttrs{Scheduler: "rr", Flags: ipvs.Persistent, Timeout: 360, Netmask: 0xffffff00}},
		v6: {Attrs: ipvs.ServiceAttrs{Scheduler: "rr", Flags: ipvs.Persistent, Timeout: 50, Netmask: 64}},
		sip: {Attrs: ipvs.ServiceAttrs{Scheduler: "wlc", PE: "sip", Flags: ipvs.Persistent, Timeout: 2678400,
			Netmask: 0xffffffff}},
	}
	converge(t, k, want)
	out := ipvsadm(t, "-Sn")
	for _, line := range []string{
		"-A -t 10.2.0.1:443 -s rr -p 360 -M 255.255.255.0",
		"-A -t [2001:db8::1]:443 -s rr -p 50 -M 64",
		"-A -u 10.2.0.2:5060 -s wlc -p 2678400 --pe sip",
	} {
		if !slices.Contains(strings.Split(strings.ReplaceAll(out, " \n", "\n"), "\n"), line) {
			t.Errorf("ipvsadm -Sn lacks %q:\n%s", line, out)
		}
	}
	for s, svc := range want {
		svc.Attrs.PE, svc.Attrs.Flags, svc.Attrs.Timeout = "", 0, 0
		want[s] = svc
	}
	for _, op := range converge(t, k, want) {
		if op.Kind != ipvs.SetService {
			t.Errorf("end of persistence took %v", op)
		}
	}
}

func ipvsadm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("ipvsadm", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ipvsadm %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestKernelAgreesWithIpvsadm(t *testing.T) {
	k := requireKernel(t)
	a, b, m := tcp("10.3.0.1:80"), key(confparse.UDP, "[2001:db8::3]:53"), fwmark(5, confparse.IPv4)
	sched := attrs(a, "sh")
	sched.Flags = ipvs.Flags(confparse.SchedulerFlag1 | confparse.SchedulerFlag2)
	sctp := key(confparse.SCTP, "10.3.0.1:80")
	converge(t, k, ipvs.Table{
		a: {Attrs: sched, Dests: dests("192.168.0.1:8080", ipvs.DestAttrs{Weight: 2, UpperThreshold: 10, LowerThreshold: 4},
			"192.168.0.2:8080", ipvs.DestAttrs{Weight: 0})},
		b:    {Attrs: attrs(b, "rr"), Dests: dests("[2001:db8::9]:53", ipvs.DestAttrs{Weight: 1, Forwarding: confparse.DR})},
		m:    {Attrs: attrs(m, "mh"), Dests: dests("192.168.0.1:0", ipvs.DestAttrs{Weight: 1, Forwarding: confparse.TUN})},
		sctp: {Attrs: attrs(sctp, "wrr")},
	})
	var got []string
	for line := range strings.Lines(ipvsadm(t, "-Sn")) {
		got = append(got, strings.TrimSpace(line))
	}
	slices.Sort(got)
	want := []string{
		"-A --sctp-service 10.3.0.1:80 -s wrr",
		"-A -f 5 -s mh",
		"-A -t 10.3.0.1:80 -s sh -b sh-fallback,sh-port",
		"-A -u [2001:db8::3]:53 -s rr",
		"-a -f 5 -r 192.168.0.1:0 -i -w 1 --tun-type ipip",
		"-a -t 10.3.0.1:80 -r 192.168.0.1:8080 -m -w 2",
		"-a -t 10.3.0.1:80 -r 192.168.0.2:8080 -m -w 0",
		"-a -u [2001:db8::3]:53 -r [2001:db8::9]:53 -g -w 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ipvsadm -Sn (-want +got):\n%s", diff)
	}
}

// TestKernelErrors pins the errnos that the in-memory twin imitates, one by one and in one batch.
func TestKernelErrors(t *testing.T) {
	k := requireKernel(t)
	s, none := tcp("10.4.0.1:80"), tcp("10.4.0.9:80")
	v6 := tcp("[2001:db8::1]:80")
	d1, d2 := netip.MustParseAddrPort("192.168.0.1:80"), netip.MustParseAddrPort("192.168.0.2:80")
	d6 := netip.MustParseAddrPort("[2001:db8::2]:80")
	one := ipvs.DestAttrs{Weight: 1}
	ops := []ipvs.Op{
		{Kind: ipvs.AddService, Service: s, Attrs: attrs(s, "rr")},
		{Kind: ipvs.AddDest, Service: s, Dest: d1, DestAttrs: one},
	}
	wants := []error{nil, nil}
	for _, c := range []struct {
		op   ipvs.Op
		want error
	}{
		{ipvs.Op{Kind: ipvs.AddService, Service: s, Attrs: attrs(s, "rr")}, syscall.EEXIST},
		{ipvs.Op{Kind: ipvs.AddService, Service: none, Attrs: attrs(none, "nosuch")}, syscall.ENOENT},
		{ipvs.Op{Kind: ipvs.AddService, Service: v6, Attrs: ipvs.ServiceAttrs{Scheduler: "rr"}}, syscall.EINVAL},
		{ipvs.Op{Kind: ipvs.SetService, Service: none, Attrs: attrs(none, "rr")}, syscall.ESRCH},
		{ipvs.Op{Kind: ipvs.SetService, Service: s, Attrs: attrs(s, "nosuch")}, syscall.ENOENT},
		{ipvs.Op{Kind: ipvs.DelService, Service: none}, syscall.ESRCH},
		{ipvs.Op{Kind: ipvs.AddDest, Service: s, Dest: d1, DestAttrs: one}, syscall.EEXIST},
		{ipvs.Op{Kind: ipvs.AddDest, Service: none, Dest: d1, DestAttrs: one}, syscall.ESRCH},
		{ipvs.Op{Kind: ipvs.AddDest, Service: s, Dest: d2, DestAttrs: ipvs.DestAttrs{Weight: -1}}, syscall.ERANGE},
		{ipvs.Op{Kind: ipvs.AddDest, Service: s, Dest: d2, DestAttrs: ipvs.DestAttrs{UpperThreshold: 1, LowerThreshold: 2}},
			syscall.ERANGE},
		{ipvs.Op{Kind: ipvs.AddDest, Service: s, Dest: d6, DestAttrs: one}, syscall.EINVAL},
		{ipvs.Op{Kind: ipvs.SetDest, Service: s, Dest: d2, DestAttrs: one}, syscall.ENOENT},
		{ipvs.Op{Kind: ipvs.SetDest, Service: none, Dest: d2, DestAttrs: one}, syscall.ESRCH},
		{ipvs.Op{Kind: ipvs.DelDest, Service: s, Dest: d2}, syscall.ENOENT},
		{ipvs.Op{Kind: ipvs.DelDest, Service: none, Dest: d2}, syscall.ESRCH},
	} {
		ops, wants = append(ops, c.op), append(wants, c.want)
	}
	check := func(ops []ipvs.Op, wants []error) {
		t.Helper()
		for i, err := range k.Apply(t.Context(), ops) {
			if !errors.Is(err, wants[i]) {
				t.Errorf("%v: got %v, want %v", ops[i], err, wants[i])
			}
		}
	}
	for i := range ops {
		check(ops[i:i+1], wants[i:i+1])
	}
	if err := k.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// In bulk every failure is reported at its place, and what follows it is done.
	bulk, bulkWants := slices.Clone(ops), slices.Clone(wants)
	for len(bulk) < 1000 {
		bulk = append(bulk, ipvs.Op{Kind: ipvs.DelDest, Service: none, Dest: d2})
		bulkWants = append(bulkWants, syscall.ESRCH)
	}
	bulk = append(bulk, ipvs.Op{Kind: ipvs.AddDest, Service: s, Dest: d2, DestAttrs: one})
	check(bulk, append(bulkWants, nil))
	if _, ok := read(t, k)[s].Dests[d2]; !ok {
		t.Error("the operation after the failures was not done")
	}
}

func TestKernelReadsOnlyWhatIsWanted(t *testing.T) {
	k := requireKernel(t)
	a, b := tcp("10.5.0.1:80"), tcp("10.5.0.2:80")
	want := ipvs.Table{
		a: {Attrs: attrs(a, "rr"), Dests: dests("192.168.0.1:80", ipvs.DestAttrs{Weight: 1})},
		b: {Attrs: attrs(b, "rr"), Dests: dests("192.168.0.2:80", ipvs.DestAttrs{Weight: 1})},
	}
	converge(t, k, want)
	got, err := k.Read(t.Context(), []ipvs.ServiceKey{a, tcp("10.5.0.3:80")})
	if err != nil {
		t.Fatal(err)
	}
	delete(want, b)
	if diff := diffTables(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := []ipvs.ServiceKey{a} // so many that all are read and some taken
	for i := range 1000 {
		many = append(many, tcp(fmt.Sprintf("10.5.1.1:%d", i+1)))
	}
	got, err = k.Read(t.Context(), many)
	if diff := diffTables(want, got); diff != "" || err != nil {
		t.Errorf("among many: %v (-want +got):\n%s", err, diff)
	}
	if got, err := k.Read(t.Context(), []ipvs.ServiceKey{}); len(got) != 0 || err != nil {
		t.Errorf("of no keys: %v, %v", got, err)
	}
}

// moby/ipvs, which has no part in writing, reads what we write.
func TestKernelAgreesWithMoby(t *testing.T) {
	k := requireKernel(t)
	s := tcp("10.8.0.1:443")
	want := ipvs.ServiceAttrs{Scheduler: "rr", Flags: ipvs.Persistent, Timeout: 360, Netmask: 0xffffff00}
	converge(t, k, ipvs.Table{s: {Attrs: want, Dests: dests("192.168.0.1:80", ipvs.DestAttrs{Weight: 5, UpperThreshold: 9})}})
	logrus.SetOutput(io.Discard)
	h, err := moby.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	services, err := h.GetServices()
	if err != nil || len(services) != 1 {
		t.Fatalf("%+v, %v", services, err)
	}
	got := services[0]
	if got.SchedName != "rr" || got.Timeout != 360 || got.Address.String() != "10.8.0.1" || got.Port != 443 || got.Flags&1 != 1 {
		t.Errorf("service: %+v", got)
	}
	servers, err := h.GetDestinations(got)
	if err != nil || len(servers) != 1 || servers[0].Weight != 5 || servers[0].UpperThreshold != 9 ||
		servers[0].Address.String() != "192.168.0.1" {
		t.Errorf("destinations: %+v, %v", servers, err)
	}
}

func TestKernelStats(t *testing.T) {
	k := requireKernel(t)
	s := tcp("127.0.0.1:8099")
	converge(t, k, ipvs.Table{s: {Attrs: attrs(s, "rr"), Dests: dests("127.0.0.1:8098", ipvs.DestAttrs{Weight: 1})}})
	got, err := k.Stats(t.Context(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []ipvs.ServiceStats{{Key: s, Dests: []ipvs.DestStats{{Key: netip.MustParseAddrPort("127.0.0.1:8098")}}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKernelTimeoutsCountersAndDaemons(t *testing.T) {
	k := requireKernel(t)
	before, err := k.Timeouts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Apply(context.Background(), []ipvs.Op{{Kind: ipvs.SetTimeouts, Timeouts: &before}})
	})
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	timeoutsCountersAndDaemons(t, k)
	if out := ipvsadm(t, "-L", "--timeout"); !strings.Contains(out, "100 ") || !strings.Contains(out, " 7") {
		t.Errorf("ipvsadm has other timeouts: %s", out)
	}
}

func TestKernelInAnotherNetworkNamespace(t *testing.T) {
	requireKernel(t)
	if out, err := exec.Command("ip", "netns", "add", "vgipvs").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", "vgipvs").Run() })
	// Before its first address a namespace has no local routing table, and IPVS takes every address for a broadcast.
	if out, err := exec.Command("ip", "-n", "vgipvs", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	k, err := ipvs.OpenKernel(t.Context(), ipvs.KernelOptions{NetNS: "/var/run/netns/vgipvs"})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	s := tcp("10.6.0.1:80")
	converge(t, k, ipvs.Table{s: {Attrs: attrs(s, "rr"), Dests: dests("192.168.0.1:80", ipvs.DestAttrs{Weight: 1})}})
	if here := ipvsadm(t, "-Sn"); strings.Contains(here, "10.6.0.1") {
		t.Errorf("the service is in our own namespace:\n%s", here)
	}
	out, err := exec.Command("ip", "netns", "exec", "vgipvs", "ipvsadm", "-Sn").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "-a -t 10.6.0.1:80 -r 192.168.0.1:80") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestKernelBulk1000x10(t *testing.T) {
	k := requireKernel(t)
	spec := bigSpec(1000)
	want := ipvs.Desired(spec, ipvs.Health{})
	start := time.Now()
	ops := ipvs.Diff(ipvs.Table{}, want)
	planned := time.Now()
	mustApply(t, k, ops)
	applied := time.Now()
	got := read(t, k)
	t.Logf("%d operations: planned in %v, applied in %v, read back in %v", len(ops), planned.Sub(start),
		applied.Sub(planned), time.Since(applied))
	if !want.Equal(got) {
		t.Errorf("%d services in the kernel are not as wanted", len(ipvs.Diff(got, want)))
	}
}
