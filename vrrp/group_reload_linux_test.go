package vrrp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// member is the block of a virtual router with everything that a reload could lose. A machine that does not run it for some intervals
// has it listen before it goes on as MASTER, so they are long.
func member(name string, vrid int) string {
	return fmt.Sprintf(`
vrrp_instance %s {
	version 3
	interface eth0
	virtual_router_id %d
	advert_int 1
	use_vmac
	virtual_ipaddress {
		10.77.0.%d/24 dev eth0
		10.77.1.%d/32
	}
	virtual_routes {
		198.18.%d.0/24 dev eth0
	}
	virtual_rules {
		from 198.18.%d.0/24 table 100 priority %d
	}
}
`, name, vrid, 100+vrid, vrid, vrid, vrid, 1000+vrid)
}

// TestReloadOfASyncGroupLosesNothing (keepalived #2715): members join a group and leave it while they are MASTER; what the
// others have in the kernel is never taken away, not even for a moment, and what leaves takes its own along.
func TestReloadOfASyncGroupLosesNothing(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 1)
	n := nodes[0]
	group := func(members ...string) string {
		return "vrrp_sync_group G {\n\tgroup {\n\t\t" + strings.Join(members, "\n\t\t") + "\n\t}\n}\n"
	}
	a, b, c, d := member("A", 1), member("B", 2), member("C", 3), member("D", 4)
	r, stop := runConfig(t, n, group("A", "B")+a+b+c)
	untilAll(t, r, election.Master)

	has := func(vrid int) (have int) {
		for _, of := range []struct {
			list []string
			text string
		}{
			{listed(t, n, "addr"), fmt.Sprintf("10.77.0.%d", 100+vrid)},
			{listed(t, n, "addr"), fmt.Sprintf("10.77.1.%d", vrid)},
			{listed(t, n, "route"), fmt.Sprintf("198.18.%d.0/24", vrid)},
			{listed(t, n, "rule"), fmt.Sprintf("198.18.%d.0", vrid)},
			{listed(t, n, "link"), fmt.Sprintf("00:00:5e:00:01:%02x", vrid)},
		} {
			if slices.ContainsFunc(of.list, func(s string) bool { return strings.Contains(s, of.text) }) {
				have++
			}
		}
		return have
	}
	whole := func(vrids ...int) {
		t.Helper()
		for vrid := 1; vrid <= 4; vrid++ {
			want := 0
			if slices.Contains(vrids, vrid) {
				want = 5
			}
			lantest.Until(t, fmt.Sprintf("what router %d has", vrid), func() error {
				if have := has(vrid); have != want {
					return fmt.Errorf("%d of %d", have, want)
				}
				return nil
			})
		}
	}
	whole(1, 2, 3)
	watch, err := n.Start("ip-monitor", nil, "ip", "-o", "monitor", "link", "address", "route", "rule")
	if err != nil {
		t.Fatal(err)
	}
	marks := 0
	// told returns what the monitor has told since it was asked last.
	told := func() (lines []string) {
		t.Helper()
		marks++
		mark := fmt.Sprintf("192.0.2.%d/32", marks)
		lantest.Until(t, "the monitor", func() error {
			output(t, n, "ip", "addr", "replace", mark, "dev", "lo")
			lines = nil
			for _, l := range watch.Log.Lines() {
				lines = append(lines, l.Text)
			}
			if !slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, mark) }) {
				return fmt.Errorf("%d lines, without %s", len(lines), mark)
			}
			return nil
		})
		return lines
	}
	seen := len(told())
	for _, step := range []struct {
		name, text string
		whole      []int
		goes       bool
	}{
		{"a master joins", group("A", "B", "C") + a + b + c, []int{1, 2, 3}, false},
		{"a member goes", group("A", "C") + a + c, []int{1, 3}, true},
		{"a new one joins", group("A", "C", "D") + a + c + d, []int{1, 3, 4}, false},
		{"one leaves the group", group("A", "D") + a + c + d, []int{1, 3, 4}, false},
		{"the group goes", a + c + d, []int{1, 3, 4}, false},
		{"another group of the same", group("D", "A") + a + c + d, []int{1, 3, 4}, false},
	} {
		apply(t, r, step.text)
		untilAll(t, r, election.Master)
		whole(step.whole...)
		lines := told()
		gone := 0
		for _, line := range lines[seen:] {
			if !strings.Contains(line, "Deleted") {
				continue
			}
			gone++
			for _, vrid := range step.whole {
				if strings.Contains(line, fmt.Sprintf("10.77.0.%d/", 100+vrid)) || strings.Contains(line, fmt.Sprintf("10.77.1.%d/", vrid)) ||
					strings.Contains(line, fmt.Sprintf("198.18.%d.0", vrid)) || strings.Contains(line, fmt.Sprintf("vrrp.%d", vrid)) {
					t.Errorf("%s: %s", step.name, line)
				}
			}
		}
		if step.goes != (gone > 0) {
			t.Errorf("%s: %d deletions", step.name, gone)
		}
		for _, c := range r.TakeChanges() {
			if t.Failed() && c.Kind == election.NotifyTransition {
				t.Logf("%s %s: %s to %s, %v", c.Time.Format("05.000"), c.Instance, c.From, c.To, causes[c.Cause])
			}
		}
		seen = len(lines)
	}
	watch.Kill()
	stop()
	whole()
}
