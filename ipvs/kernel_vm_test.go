//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/vishvananda/netlink"

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
		if err := k.Flush(context.Background()); err != nil {
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

func diffTables(want, got ipvs.Table) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}), cmpopts.EquateEmpty())
}

func tcp(ap string) ipvs.ServiceKey { return key(confparse.TCP, ap) }

func key(p confparse.Protocol, ap string) ipvs.ServiceKey {
	a := netip.MustParseAddrPort(ap)
	f := confparse.IPv6
	if a.Addr().Is4() {
		f = confparse.IPv4
	}
	return ipvs.ServiceKey{Family: f, Protocol: p, Addr: a.Addr(), Port: a.Port()}
}

func fwmark(n uint32, f confparse.Family) ipvs.ServiceKey {
	return ipvs.ServiceKey{Family: f, Fwmark: n}
}

// attrs are the attributes of a service with scheduler sched and no persistence.
func attrs(k ipvs.ServiceKey, sched string) ipvs.ServiceAttrs {
	a := ipvs.ServiceAttrs{Scheduler: sched, Netmask: 0xffffffff}
	if k.Family == confparse.IPv6 {
		a.Netmask = 128
	}
	return a
}

func dests(d ...any) map[ipvs.DestKey]ipvs.DestAttrs {
	m := make(map[ipvs.DestKey]ipvs.DestAttrs)
	for i := 0; i < len(d); i += 2 {
		m[netip.MustParseAddrPort(d[i].(string))] = d[i+1].(ipvs.DestAttrs)
	}
	return m
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
	tunnel := func(ty ipvs.TunnelType, port, flags uint16) ipvs.DestAttrs {
		return ipvs.DestAttrs{Weight: 3, Forwarding: confparse.TUN, Tunnel: ipvs.Tunnel{Type: ty, Port: port, Flags: flags}}
	}
	service := func(s ipvs.ServiceKey, d map[ipvs.DestKey]ipvs.DestAttrs) ipvs.Service {
		return ipvs.Service{Attrs: attrs(s, "wlc"), Dests: d}
	}
	want := ipvs.Table{
		nat: service(nat, dests("192.168.0.1:8080", ipvs.DestAttrs{Weight: 1},
			"192.168.0.2:8081", ipvs.DestAttrs{Weight: 70000, UpperThreshold: 1<<31 - 1, LowerThreshold: 5})),
		dr: service(dr, dests("192.168.0.1:80", ipvs.DestAttrs{Weight: 1<<31 - 1, Forwarding: confparse.DR})),
		v6: service(v6, dests("[2001:db8::9]:8080", ipvs.DestAttrs{Weight: 1})),
		tun4: service(tun4, dests("192.168.0.1:80", tunnel(ipvs.IPIP, 0, 0), "192.168.0.2:80", tunnel(ipvs.GUE, 6080, 1),
			"192.168.0.3:80", tunnel(ipvs.GRE, 0, 1), "[2001:db8::5]:80", tunnel(ipvs.IPIP, 0, 0))),
		tun6: service(tun6, dests("192.168.0.1:80", tunnel(ipvs.GUE, 6081, 2), "[2001:db8::6]:80", tunnel(ipvs.GRE, 0, 0))),
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
		{ipvs.Op{Kind: ipvs.AddDest, Service: s, Dest: d2, DestAttrs: ipvs.DestAttrs{UpperThreshold: 1 << 31}}, syscall.EINVAL},
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
	got, err := k.Read(t.Context(), func(s ipvs.ServiceKey) bool { return s == a })
	if err != nil {
		t.Fatal(err)
	}
	delete(want, b)
	if diff := diffTables(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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

// bigSpec is n services of 10 real servers.
func bigSpec(n int) ipvs.Spec {
	var s ipvs.Spec
	for i := range n {
		k := tcp(fmt.Sprintf("10.%d.%d.1:80", 10+i/250, i%250))
		svc := ipvs.ServiceSpec{
			ID:  confparse.VirtualServerID{Family: k.Family, Protocol: k.Protocol, Addr: k.Addr, Port: k.Port},
			Key: k, Attrs: attrs(k, "wrr"),
		}
		for j := range 10 {
			svc.RealServers = append(svc.RealServers, ipvs.RealServerSpec{
				Addr: netip.AddrFrom4([4]byte{172, 16, byte(i % 250), byte(j + 1)}), Port: 8080, Weight: 1,
			})
		}
		s.Services = append(s.Services, svc)
	}
	return s
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

// TestReconcilerOnTheKernel is the life of a table: a crash leaves it, the next run adopts it, others disturb it.
func TestReconcilerOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	spec := bigSpec(1000)
	foreign := fwmark(99, confparse.IPv4)
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.AddService, Service: foreign, Attrs: attrs(foreign, "lc")}})
	open := func(ctx context.Context) (ipvs.Kernel, error) { return ipvs.OpenKernel(ctx, ipvs.KernelOptions{}) }
	state := t.TempDir() + "/state.json"

	run := func(o ipvs.Options, s ipvs.Spec) (*ipvs.Reconciler, func()) {
		o.Open, o.StatePath = open, state
		r := ipvs.NewReconciler(o)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		begin := time.Now()
		go func() { done <- r.Run(ctx) }()
		r.Set(s, ipvs.Health{})
		select {
		case <-r.Ready():
		case err := <-done:
			t.Fatal(err)
		}
		t.Logf("ready after %v", time.Since(begin))
		return r, func() {
			begin := time.Now()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			t.Logf("stopped after %v", time.Since(begin))
		}
	}
	check := func(s ipvs.Spec) {
		t.Helper()
		want := ipvs.Desired(s, ipvs.Health{})
		want[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")}
		if ops := ipvs.Diff(read(t, k), want); len(ops) > 0 {
			t.Errorf("the kernel's table lacks %d operations, the first: %v", len(ops), ops[0])
		}
	}

	r, stop := run(ipvs.Options{KeepOnStop: true}, spec)
	check(spec)
	if got := r.Status(); got.Services != 1000 || got.Destinations != 10000 || len(got.Failing) > 0 {
		t.Errorf("status: %+v", got)
	}
	stop()
	check(spec)

	// One service leaves the configuration while nobody runs; the rest is adopted without a write.
	less := spec
	less.Services = spec.Services[1:]
	r, stop = run(ipvs.Options{AuditPeriod: -1}, less)
	check(less)
	if got := r.Status().Written; got != 1 {
		t.Errorf("adoption took %d writes, want the removal of one service", got)
	}

	// Another process deletes a service of ours: the next change of health brings it back whole.
	victim := less.Services[0]
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.DelService, Service: victim.Key}})
	rs := confparse.RealServerID{VS: victim.ID, Addr: victim.RealServers[0].Addr, Port: victim.RealServers[0].Port}
	down := ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{rs: {}}}
	up := ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{rs: {Up: true, Weight: 1}}}
	for _, h := range []ipvs.Health{down, up} {
		r.SetHealth(h)
		if err := r.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check(less)

	stop()
	check(ipvs.Spec{})
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state file after stop: %v", err)
	}
}

// TestOpenKernelRefusesWithoutIPVS: moby/ipvs reports success on such a kernel (see TestMobyReportsSuccessWithoutIPVS).
func TestOpenKernelRefusesWithoutIPVS(t *testing.T) {
	if _, err := netlink.GenlFamilyGet("IPVS"); err == nil {
		t.Skip("needs a kernel without ip_vs; this one has it")
	}
	k, err := ipvs.OpenKernel(t.Context(), ipvs.KernelOptions{})
	if !errors.Is(err, ipvs.ErrUnavailable) {
		t.Fatalf("OpenKernel = %v, %v; want ErrUnavailable", k, err)
	}
	for _, word := range []string{"ip_vs", "modprobe ip_vs"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not mention %q", err, word)
		}
	}
	t.Log(err)
}
