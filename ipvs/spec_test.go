package ipvs

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// configured is a TCP virtual server as the decoder leaves it, with one NAT real server.
func configured(change func(*confparse.VirtualServer)) *confparse.VirtualServer {
	id := confparse.VirtualServerID{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: addr("10.0.0.1"), Port: 80}
	vs := &confparse.VirtualServer{ID: id, Scheduler: "wlc", Quorum: 1, PersistenceGranularity: 0xffffffff}
	vs.RealServers = []*confparse.RealServer{realServer(id, "192.168.0.1", 8080)}
	if change != nil {
		change(vs)
	}
	return vs
}

func realServer(vs confparse.VirtualServerID, a string, port uint16) *confparse.RealServer {
	return &confparse.RealServer{ID: confparse.RealServerID{VS: vs, Addr: addr(a), Port: port}, Weight: 1}
}

func TestFromConfigServiceAttrs(t *testing.T) {
	v6 := func(vs *confparse.VirtualServer) {
		vs.ID.Addr, vs.ID.Family, vs.PersistenceGranularity = addr("2001:db8::1"), confparse.IPv6, 128
	}
	for _, c := range []struct {
		name   string
		change func(*confparse.VirtualServer)
		want   ServiceAttrs
	}{
		{"plain", nil, ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff}},
		{"plain v6 needs a prefix length", v6, ServiceAttrs{Scheduler: "wlc", Netmask: 128}},
		{"sh-port and sh-fallback", func(vs *confparse.VirtualServer) {
			vs.Scheduler, vs.SchedulerFlags = "sh", confparse.SchedulerFlag1|confparse.SchedulerFlag2
		}, ServiceAttrs{Scheduler: "sh", Flags: 0x18, Netmask: 0xffffffff}},
		{"ops", func(vs *confparse.VirtualServer) { vs.OnePacket = true },
			ServiceAttrs{Scheduler: "wlc", Flags: OnePacket, Netmask: 0xffffffff}},
		{"persistence v4", func(vs *confparse.VirtualServer) {
			vs.PersistenceTimeout, vs.PersistenceGranularity = 6*time.Minute, 0xffffff00
		}, ServiceAttrs{Scheduler: "wlc", Flags: Persistent, Timeout: 360, Netmask: 0xffffff00}},
		{"persistence v6", func(vs *confparse.VirtualServer) {
			v6(vs)
			vs.PersistenceTimeout, vs.PersistenceGranularity = 50*time.Second, 64
		}, ServiceAttrs{Scheduler: "wlc", Flags: Persistent, Timeout: 50, Netmask: 64}},
		{"engine with timeout", func(vs *confparse.VirtualServer) {
			vs.PersistenceEngine, vs.PersistenceTimeout = "sip", time.Minute
		}, ServiceAttrs{Scheduler: "wlc", PE: "sip", Flags: Persistent, Timeout: 60, Netmask: 0xffffffff}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := FromConfig(&confparse.Config{VirtualServers: []*confparse.VirtualServer{configured(c.change)}})
			if diff := cmp.Diff(c.want, s.VirtualServers[0].Services[0].Attrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFromConfigServiceKey(t *testing.T) {
	id := func(f func(*confparse.VirtualServerID)) *confparse.VirtualServer {
		return configured(func(vs *confparse.VirtualServer) { f(&vs.ID) })
	}
	for _, c := range []struct {
		name string
		vs   *confparse.VirtualServer
		want string
	}{
		{"address", configured(nil), "tcp 10.0.0.1:80"},
		{"address v6", id(func(i *confparse.VirtualServerID) { i.Addr, i.Protocol = addr("2001:db8::1"), confparse.UDP }),
			"udp [2001:db8::1]:80"},
		{"fwmark", id(func(i *confparse.VirtualServerID) {
			*i = confparse.VirtualServerID{Family: confparse.IPv6, Fwmark: 5}
		}), "fwmark 5 IPv6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := FromConfig(&confparse.Config{VirtualServers: []*confparse.VirtualServer{c.vs}})
			if got := s.VirtualServers[0].Services[0].Key.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFromConfigGroupWithoutEntriesIsNoService(t *testing.T) {
	vs := configured(func(vs *confparse.VirtualServer) { vs.ID = confparse.VirtualServerID{Group: "g"} })
	if s := FromConfig(&confparse.Config{VirtualServers: []*confparse.VirtualServer{vs}}); len(s.VirtualServers) != 0 {
		t.Errorf("services: %+v", s.VirtualServers)
	}
}

// A mark without a family, in a group that has addresses of both, is one of IPv4.
func TestMarkOfAGroupOfBothFamilies(t *testing.T) {
	vs := configured(func(vs *confparse.VirtualServer) {
		vs.ID = confparse.VirtualServerID{Group: "g", Protocol: confparse.TCP}
		vs.RealServers[0].Forwarding = confparse.TUN
	})
	group := &confparse.VirtualServerGroup{Name: "g", Entries: []confparse.GroupEntry{
		{Family: confparse.IPv4, First: addr("192.0.2.1"), Last: addr("192.0.2.1"), Port: 80},
		{Family: confparse.IPv6, First: addr("2001:db8::1"), Last: addr("2001:db8::1"), Port: 80},
		{Fwmark: 7},
	}}
	s := FromConfig(&confparse.Config{Groups: []*confparse.VirtualServerGroup{group}, VirtualServers: []*confparse.VirtualServer{vs}})
	var got []ServiceKey
	for _, service := range s.VirtualServers[0].Services {
		got = append(got, service.Key)
	}
	want := []ServiceKey{{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: addr("192.0.2.1"), Port: 80},
		{Family: confparse.IPv6, Protocol: confparse.TCP, Addr: addr("2001:db8::1"), Port: 80}, {Family: confparse.IPv4, Fwmark: 7}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Destination ports: NAT translates, DR and TUN deliver to the service's port, which a firewall mark has not.
func TestDestinationPort(t *testing.T) {
	mark := ServiceKey{Family: confparse.IPv4, Fwmark: 5}
	for _, c := range []struct {
		key  ServiceKey
		f    confparse.Forwarding
		want uint16
	}{
		{v4Key("10.0.0.1:80"), confparse.NAT, 8080},
		{v4Key("10.0.0.1:80"), confparse.DR, 80},
		{v4Key("10.0.0.1:80"), confparse.TUN, 80},
		{mark, confparse.NAT, 8080},
		{mark, confparse.DR, 0},
		{mark, confparse.TUN, 0},
	} {
		if got := c.key.dest(addr("192.168.0.1"), 8080, c.f).Port(); got != c.want {
			t.Errorf("%v, method %d: port %d, want %d", c.key, c.f, got, c.want)
		}
	}
}

func TestSpecEqual(t *testing.T) {
	with := func(change func(*confparse.VirtualServer)) Spec {
		return FromConfig(&confparse.Config{VirtualServers: []*confparse.VirtualServer{configured(change)}})
	}
	if !with(nil).Equal(with(nil)) {
		t.Error("specs of one configuration differ")
	}
	for name, change := range map[string]func(*confparse.VirtualServer){
		"scheduler": func(vs *confparse.VirtualServer) { vs.Scheduler = "rr" },
		"weight":    func(vs *confparse.VirtualServer) { vs.RealServers[0].Weight = 2 },
		"sorry":     func(vs *confparse.VirtualServer) { vs.SorryServer = &confparse.SorryServer{Addr: addr("10.9.9.9")} },
		"threshold": func(vs *confparse.VirtualServer) { vs.RealServers[0].UpperThreshold = 2 },
	} {
		if with(nil).Equal(with(change)) {
			t.Errorf("%s: specs are equal", name)
		}
	}
	if with(nil).Equal(Spec{}) {
		t.Error("a spec equals the empty one")
	}
}

func TestSecondsRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]uint32{0: 0, -time.Second: 0, 1: 1, time.Second: 1, 1500 * time.Millisecond: 2,
		1<<63 - 1: 1<<32 - 1} {
		if got := seconds(d); got != want {
			t.Errorf("%v: %d, want %d", d, got, want)
		}
	}
}
