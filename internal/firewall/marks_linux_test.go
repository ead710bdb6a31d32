package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

// set is MarkTable.Set on the new director.
func (l *lan) set(m *MarkTable, priority int32, marks map[MarkedEndpoint]uint32) {
	l.t.Helper()
	l.check(l.new.Do(func() error { return m.Set("vigil_marks", priority, marks) }))
}

// listed is what `nft list` says of the new director's table, without blanks at the ends of lines; "" if there is none.
func (l *lan) listed(family string) string {
	l.t.Helper()
	text, err := l.new.Output(l.t.Context(), "nft", "list", "table", family, "vigil_marks")
	if err != nil {
		return ""
	}
	return text
}

func tcpAt(ap string) MarkedEndpoint {
	return MarkedEndpoint{netip.MustParseAddrPort(ap), unix.IPPROTO_TCP}
}

// shown is a mark as nft shows it, which is not told in which order its bytes are.
func shown(mark uint32) string {
	return fmt.Sprintf("0x%08x", binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, mark)))
}

func TestMarkTable(t *testing.T) {
	l := newLAN(t, false)
	var m MarkTable
	udp := MarkedEndpoint{netip.MustParseAddrPort("10.9.0.100:53"), unix.IPPROTO_UDP}
	l.set(&m, -1, map[MarkedEndpoint]uint32{tcpAt("10.9.0.100:80"): 1000, udp: 1001, tcpAt("[fd00:9::100]:80"): 1000})
	v4, v6 := l.listed("ip"), l.listed("ip6")
	for _, want := range []string{"10.9.0.100 . 80 : " + shown(1000), "10.9.0.100 . 53 : " + shown(1001), "map tcp_map", "map sctp_map",
		"type filter hook input priority filter - 1; policy accept;",
		"meta mark set ip daddr . tcp dport map @tcp_map counter packets 0 bytes 0 return"} {
		if !strings.Contains(v4, want) {
			t.Errorf("%q is not in\n%s", want, v4)
		}
	}
	if !strings.Contains(v6, "fd00:9::100 . 80 : "+shown(1000)) {
		t.Errorf("IPv6:\n%s", v6)
	}
	// Elements come and go, and get other marks, in the table that there is.
	l.set(&m, -1, map[MarkedEndpoint]uint32{tcpAt("10.9.0.100:80"): 1007, tcpAt("10.9.0.101:80"): 1007})
	v4 = l.listed("ip")
	if !strings.Contains(v4, "10.9.0.100 . 80 : "+shown(1007)) || !strings.Contains(v4, "10.9.0.101 . 80 : "+shown(1007)) ||
		strings.Contains(v4, "10.9.0.100 . 53") || strings.Contains(l.listed("ip6"), "fd00") {
		t.Errorf("after a change:\n%s\n%s", v4, l.listed("ip6"))
	}
	l.set(&m, 5, map[MarkedEndpoint]uint32{tcpAt("10.9.0.100:80"): 1, tcpAt("[fd00:9::100]:80"): 1})
	if v4 = l.listed("ip"); !strings.Contains(v4, "priority filter + 5") || !strings.Contains(v4, shown(1)) || strings.Contains(v4, shown(1007)) {
		t.Errorf("with another priority:\n%s", v4)
	}
	// A process that died has left its tables; the next one makes its own in their place, of whichever family it needs.
	var after MarkTable
	l.set(&after, 5, map[MarkedEndpoint]uint32{tcpAt("10.9.0.102:80"): 2})
	if v4, v6 = l.listed("ip"), l.listed("ip6"); strings.Contains(v4, "10.9.0.100") || !strings.Contains(v4, "10.9.0.102") || v6 != "" {
		t.Errorf("after a crash:\n%s\n%s", v4, v6)
	}
	l.set(&after, 5, nil)
	if left := l.listed("ip"); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

// TestRemoveTables: those of the names given go, of either family, and no others.
func TestRemoveTables(t *testing.T) {
	l := newLAN(t, false)
	for _, table := range []string{"ip mine", "ip6 mine", "ip6 ours", "ip other", "inet mine"} {
		_, err := l.new.Output(t.Context(), append([]string{"nft", "add", "table"}, strings.Fields(table)...)...)
		l.check(err)
	}
	remove := func(want ...string) {
		t.Helper()
		l.check(l.new.Do(func() error {
			gone, err := RemoveTables([]string{"mine", "ours", "nobody's"})
			if !slices.Equal(gone, want) {
				t.Errorf("gone %q, want %q", gone, want)
			}
			return err
		}))
	}
	remove("mine", "ours")
	remove()
	if left := l.tables(); !slices.Equal(left, []string{"other", "mine"}) && !slices.Equal(left, []string{"mine", "other"}) {
		t.Errorf("left %q", left)
	}
	if err := unprivileged(l.new, func() error { _, err := RemoveTables([]string{"other"}); return err }); !errors.Is(err, unix.EPERM) {
		t.Errorf("without CAP_NET_ADMIN: %v", err)
	}
}

// More elements than an attribute, or a message, has room for.
func TestMarkTableOfManyEndpoints(t *testing.T) {
	l := newLAN(t, false)
	var m MarkTable
	marks := make(map[MarkedEndpoint]uint32)
	for a := netip.MustParseAddr("10.20.0.0"); len(marks) < 5_000; a = a.Next() {
		marks[MarkedEndpoint{netip.AddrPortFrom(a, 80), unix.IPPROTO_TCP}] = 1000
	}
	l.set(&m, -1, marks)
	if n := strings.Count(l.listed("ip"), " . 80 : "+shown(1000)); n != len(marks) {
		t.Errorf("%d elements, want %d", n, len(marks))
	}
	l.set(&m, -1, map[MarkedEndpoint]uint32{tcpAt("10.20.0.0:80"): 1000})
	if n := strings.Count(l.listed("ip"), " . 80 : "); n != 1 {
		t.Errorf("%d elements, want 1", n)
	}
	l.set(&m, -1, nil)
}

// Packets to an endpoint with a mark meet the service of the mark.
func TestMarkedConnections(t *testing.T) {
	testlan.RequireIPVS(t)
	b := newBalanced(t)
	for _, argv := range [][]string{{"ipvsadm", "-C"}, {"ipvsadm", "-A", "-f", "1000", "-s", "rr"},
		{"ipvsadm", "-a", "-f", "1000", "-r", netip.AddrPortFrom(b.address, 8080).String(), "-m"}} {
		_, err := b.first.Output(t.Context(), argv...)
		b.check(err)
	}
	var m MarkTable
	b.check(b.first.Do(func() error {
		return m.Set("vigil_marks", -1, map[MarkedEndpoint]uint32{{netip.AddrPortFrom(b.vip, 80), unix.IPPROTO_TCP}: 1000})
	}))
	conn := b.open(b.server)
	b.answers(conn, b.server)
	b.check(b.first.Do(m.Close))
}

// TestMarkTableThatOthersDelete: a firewall that is loaded anew deletes everything first.
func TestMarkTableThatOthersDelete(t *testing.T) {
	l := newLAN(t, false)
	var m MarkTable
	marks := map[MarkedEndpoint]uint32{tcpAt("10.9.0.100:80"): 1000, tcpAt("[fd00:9::100]:80"): 1000}
	tend := func(want bool) {
		t.Helper()
		l.check(l.new.Do(func() error {
			again, err := m.Tend()
			if again != want {
				t.Errorf("made again: %v, want %v", again, want)
			}
			return err
		}))
	}
	tend(false)
	l.set(&m, -1, marks)
	tend(false)
	for _, argv := range [][]string{{"flush", "ruleset"}, {"delete", "table", "ip6", "vigil_marks"}, {"flush", "chain", "ip", "vigil_marks", "in"}} {
		_, err := l.new.Output(t.Context(), append([]string{"nft"}, argv...)...)
		l.check(err)
		tend(true)
		if v4, v6 := l.listed("ip"), l.listed("ip6"); !strings.Contains(v4, "10.9.0.100 . 80 : "+shown(1000)) ||
			strings.Count(v4, "counter") != 3 || !strings.Contains(v6, "fd00:9::100 . 80 : "+shown(1000)) {
			t.Errorf("after nft %q:\n%s\n%s", argv, v4, v6)
		}
		tend(false)
	}
	// What cannot be changed because it is gone comes with the next look.
	_, err := l.new.Output(t.Context(), "nft", "flush", "ruleset")
	l.check(err)
	delete(marks, tcpAt("10.9.0.100:80"))
	marks[tcpAt("10.9.0.101:80")] = 1001
	if err := l.new.Do(func() error { return m.Set("vigil_marks", -1, marks) }); err == nil {
		t.Error("elements of a table that is gone were changed")
	}
	tend(true)
	if v4 := l.listed("ip"); !strings.Contains(v4, "10.9.0.101 . 80 : "+shown(1001)) || strings.Contains(v4, "10.9.0.100 ") {
		t.Errorf("after the look:\n%s", v4)
	}
	_, err = l.new.Output(t.Context(), "nft", "delete", "table", "ip", "vigil_marks")
	l.check(err)
	l.check(l.new.Do(m.Close))
	if v6 := l.listed("ip6"); v6 != "" {
		t.Errorf("left:\n%s", v6)
	}
	tend(false)
}

// TestMarkTableWithoutTheRight: what may not be made is made when it may.
func TestMarkTableWithoutTheRight(t *testing.T) {
	l := newLAN(t, false)
	var m MarkTable
	marks := map[MarkedEndpoint]uint32{tcpAt("10.9.0.100:80"): 1000}
	if err := unprivileged(l.new, func() error { return m.Set("vigil_marks", -1, marks) }); !errors.Is(err, unix.EPERM) {
		t.Errorf("without CAP_NET_ADMIN: %v", err)
	}
	if err := unprivileged(l.new, func() error { _, err := m.Tend(); return err }); !errors.Is(err, unix.EPERM) {
		t.Errorf("and later: %v", err)
	}
	l.check(l.new.Do(func() error { _, err := m.Tend(); return err }))
	if v4 := l.listed("ip"); !strings.Contains(v4, "10.9.0.100 . 80 : "+shown(1000)) {
		t.Errorf("with it:\n%s", v4)
	}
	l.check(l.new.Do(m.Close))
}

// unprivileged runs f in the namespace of h on a thread that has no capabilities meanwhile.
func unprivileged(h *testlan.Host, f func() error) error {
	return h.Do(func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var had, none [2]unix.CapUserData
		if err := unix.Capget(&header, &had[0]); err != nil {
			return err
		}
		none = had
		none[0].Effective, none[1].Effective = 0, 0
		if err := unix.Capset(&header, &none[0]); err != nil {
			return err
		}
		return errors.Join(f(), unix.Capset(&header, &had[0]))
	})
}
