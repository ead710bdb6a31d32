package netio

import (
	"encoding/binary"
	"net"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func setIPv6(t *testing.T, h *Handle, name, value string) {
	t.Helper()
	err := h.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/"+name, []byte(value), 0) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestWatchReportsThatIPv6IsOn: also where the kernel makes no address of its own then, and among other routes.
func TestWatchReportsThatIPv6IsOn(t *testing.T) {
	h := freshNamespace(t)
	eth0, peer := veth(t, h, "eth0", "peer0")
	setIPv6(t, h, "eth0/addr_gen_mode", "1") // none
	setIPv6(t, h, "eth0/disable_ipv6", "1")
	await := watching(t, h.Watch)
	await("synced", isSynced)
	_, to, err := net.ParseCIDR("2001:db8::/64")
	if err != nil {
		t.Fatal(err)
	}
	err = h.exchange(func(nl *netlink.Handle) error {
		return nl.RouteAdd(&netlink.Route{LinkIndex: peer.Index, Dst: to})
	})
	if err != nil {
		t.Fatal(err)
	}
	setIPv6(t, h, "eth0/disable_ipv6", "0")
	ev := await("IPv6 on", func(ev Event) bool { _, ok := ev.(IPv6On); return ok })
	if got := ev.(IPv6On).Index; got != eth0.Index {
		t.Errorf("on interface %d, want %d", got, eth0.Index)
	}
}

// TestOnlyTheRouteOfAllMulticastTellsOfIPv6 takes each thing away that makes it that route.
func TestOnlyTheRouteOfAllMulticastTellsOfIPv6(t *testing.T) {
	attr := func(kind uint16, value []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
		return append(binary.NativeEndian.AppendUint16(b, kind), value...)
	}
	all := make([]byte, 16)
	all[0] = 0xff
	route := func(family, length, kind byte, attrs ...[]byte) []byte {
		b := []byte{family, length, 0, 0, unix.RT_TABLE_LOCAL, unix.RTPROT_KERNEL, 0, kind, 0, 0, 0, 0}
		for _, a := range attrs {
			b = append(b, a...)
		}
		return b
	}
	dst, on := attr(unix.RTA_DST, all), attr(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, 7))
	good := route(unix.AF_INET6, 8, unix.RTN_MULTICAST, dst, on)
	for rule, tt := range map[string]struct {
		message []byte
		want    int
	}{
		"the route":                {good, 7},
		"of IPv4":                  {route(unix.AF_INET, 8, unix.RTN_MULTICAST, dst, on), 0},
		"of some multicast":        {route(unix.AF_INET6, 16, unix.RTN_MULTICAST, dst, on), 0},
		"of one host":              {route(unix.AF_INET6, 8, unix.RTN_UNICAST, dst, on), 0},
		"to nowhere":               {route(unix.AF_INET6, 8, unix.RTN_MULTICAST, on), 0},
		"over nothing":             {route(unix.AF_INET6, 8, unix.RTN_MULTICAST, dst), 0},
		"cut in its interface":     {good[:len(good)-4], 0},
		"cut in its head":          {good[:11], 0},
		"empty":                    {nil, 0},
		"with a short destination": {route(unix.AF_INET6, 8, unix.RTN_MULTICAST, attr(unix.RTA_DST, all[:4]), on), 0},
	} {
		if got := multicastOf(tt.message); got != tt.want {
			t.Errorf("%s: %d, want %d", rule, got, tt.want)
		}
	}
}
