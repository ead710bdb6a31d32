package netio

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"vigil/internal/routing"
)

// withoutDescriptors runs f while this process can open nothing more.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lowest, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(lowest)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(lowest), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	}()
	if fd, err := unix.Dup(0); err == nil {
		unix.Close(fd)
		t.Fatal("there are still descriptors")
	}
	f()
}

// TestRoutesOpenNothing: however many routes and rules come and go, among them some that are there or are not there already, they go
// over sockets that are open.
func TestRoutesOpenNothing(t *testing.T) {
	h := freshNamespace(t)
	veth(t, h, "a", "b")
	route := func(i int) routing.Route {
		return routing.Route{Dest: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i), 0}), 24), Table: unix.RT_TABLE_MAIN,
			Protocol: routing.ProtocolOwn, Type: unix.RTN_UNICAST, Scope: unix.RT_SCOPE_LINK, Hop: routing.NextHop{Link: "a"}, Position: routing.Only}
	}
	rule := routing.Rule{Preference: 500, Table: 100, Action: routing.ActionTable, SuppressLength: -1, SuppressGroup: -1,
		Protocol: routing.ProtocolOwn}
	run := func(from, to int) {
		var all []routing.Route
		for i := from; i < to; i++ {
			for range 2 {
				if err := h.AddRoute(route(i)); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, route(i))
		}
		if missing, err := h.MissingRoutes(all); len(missing) > 0 || err != nil {
			t.Errorf("missing %v, %v", missing, err)
		}
		for _, r := range all {
			for range 2 {
				if err := h.DelRoute(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, f := range []func(routing.Rule) error{h.AddRule, h.AddRule, h.DelRule, h.DelRule} {
			if err := f(rule); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(0, 1)
	withoutDescriptors(t, func() { run(1, 50) })
}
