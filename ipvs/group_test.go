package ipvs_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

// group is a virtual server of three services, one of them a firewall mark, with two servers and a sorry server.
func group() ipvs.VirtualServerSpec {
	s := service(1, 2)
	s.ID = confparse.VirtualServerID{Group: "web"}
	a := s.Services[0].Attrs
	s.Services = []ipvs.ServiceSpec{{Key: tcp("10.0.0.1:80"), Attrs: a}, {Key: tcp("10.0.0.2:80"), Attrs: a},
		{Key: fwmark(7, confparse.IPv4), Attrs: a}}
	s.Pool.Sorry = pool.SorryServer{Addr: netip.MustParseAddr("192.168.1.9"), Port: 8080}
	return s
}

// The services of one virtual server have one pool: they lose and gain their servers, and the sorry server, together.
func TestServicesOfOneVirtualServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		defer r.stop()
		s := group()
		r.set(specOf(s), ipvs.Health{})
		r.wantTable(ipvs.Desired(specOf(s), ipvs.Health{}))
		if got := len(r.kernel.Table()); got != 3 {
			t.Fatalf("%d services, want 3", got)
		}
		r.health(serversHealth(s, false))
		r.wantTable(ipvs.Desired(specOf(s), serversHealth(s, false)))
		r.health(serversHealth(s, true))
		r.wantTable(ipvs.Desired(specOf(s), ipvs.Health{}))

		// A reload that takes one service out leaves the others alone.
		less := group()
		less.Services = less.Services[1:]
		r.want(r.set(specOf(less), ipvs.Health{}), "delete tcp 10.0.0.1:80")
		r.want(r.set(specOf(less), ipvs.Health{}))
		more := group()
		r.want(r.set(specOf(more), ipvs.Health{}), "add tcp 10.0.0.1:80 wlc",
			"add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1", "add tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 1")
	})
}

// What an operator sets in one service is kept in that one, and ends with a check in whichever it was.
func TestOverrideInOneOfSeveralServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		defer r.stop()
		s := group()
		r.set(specOf(s), ipvs.Health{})
		second := s.Services[1].Key
		r.kernel.Edit(func(t ipvs.Table) {
			t[second].Dests[netip.MustParseAddrPort(d1)] = ipvs.DestAttrs{Weight: 0}
		})
		r.want(r.audited())
		r.want(r.health(serverHealth(s, 1, true, 3)), "set tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 3",
			"set tcp 10.0.0.2:80 -> 192.168.1.2:8080 weight 3", "set fwmark 7 IPv4 -> 192.168.1.2:8080 weight 3")
		if got := r.Status().Overrides; len(got) != 1 || got[0].Service != second {
			t.Errorf("overrides: %+v", got)
		}
		r.health(serverHealth(s, 0, true, 2))
		for _, svc := range s.Services {
			if got := r.kernel.Table()[svc.Key].Dests[netip.MustParseAddrPort(d1)].Weight; got != 2 {
				t.Errorf("%v: weight %d after a check, want 2", svc.Key, got)
			}
		}
	})
}

// A service moves from one virtual server to another without leaving the kernel.
func TestServiceChangesItsVirtualServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: -1})
		defer r.stop()
		s := group()
		r.set(specOf(s), ipvs.Health{})
		alone := service(1, 1)
		rest := group()
		rest.Services = rest.Services[1:]
		r.want(r.set(specOf(alone, rest), ipvs.Health{}), "delete tcp 10.0.0.1:80 -> 192.168.1.2:8080")
		r.wantTable(ipvs.Desired(specOf(alone, rest), ipvs.Health{}))
	})
}

// timeoutsCountersAndDaemons are changed in the same way as services, and read back. The real kernel and its twin agree.
func timeoutsCountersAndDaemons(t *testing.T, k ipvs.Kernel) {
	ctx := t.Context()
	apply := func(op ipvs.Op, want error) {
		t.Helper()
		if err := k.Apply(ctx, []ipvs.Op{op})[0]; !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", op, err, want)
		}
	}
	before, err := k.Timeouts(ctx)
	if err != nil || before.TCP == 0 || before.TCPFin == 0 || before.UDP == 0 {
		t.Fatalf("timeouts %+v, %v", before, err)
	}
	apply(ipvs.Op{Kind: ipvs.SetTimeouts, Timeouts: &ipvs.Timeouts{TCP: 100, UDP: 7}}, nil)
	want := ipvs.Timeouts{TCP: 100, TCPFin: before.TCPFin, UDP: 7}
	if got, err := k.Timeouts(ctx); got != want || err != nil {
		t.Errorf("timeouts %+v, %v; want %+v", got, err, want)
	}

	s := tcp("10.7.0.1:80")
	apply(ipvs.Op{Kind: ipvs.AddService, Service: s, Attrs: attrs(s, "rr")}, nil)
	apply(ipvs.Op{Kind: ipvs.ZeroCounters, Service: s}, nil)
	apply(ipvs.Op{Kind: ipvs.ZeroCounters}, nil)
	apply(ipvs.Op{Kind: ipvs.ZeroCounters, Service: tcp("10.7.0.2:80")}, syscall.ESRCH)

	master := ipvs.SyncDaemon{Role: ipvs.SyncMaster, Interface: "lo", ID: 9, Port: 8849, TTL: 3}
	apply(ipvs.Op{Kind: ipvs.StartSync, Sync: &master}, nil)
	apply(ipvs.Op{Kind: ipvs.StartSync, Sync: &master}, syscall.EEXIST)
	got, err := k.SyncDaemons(ctx)
	if err != nil || len(got) != 1 || got[0].Role != master.Role || got[0].Interface != "lo" || got[0].ID != 9 ||
		got[0].Port != 8849 || got[0].TTL != 3 {
		t.Errorf("daemons %+v, %v", got, err)
	}
	apply(ipvs.Op{Kind: ipvs.StopSync, Sync: &master}, nil)
	apply(ipvs.Op{Kind: ipvs.StopSync, Sync: &master}, syscall.ESRCH)
	if got, err := k.SyncDaemons(ctx); len(got) != 0 || err != nil {
		t.Errorf("daemons after the stop: %+v, %v", got, err)
	}
}

func TestTwinTimeoutsCountersAndDaemons(t *testing.T) { timeoutsCountersAndDaemons(t, ipvstest.New()) }
