package healthcheck

import (
	"math"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestServerFollowsItsChecks: only the first failing and the last recovering check move a server (§1.8).
func TestServerFollowsItsChecks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := &realServer{base: 1, checks: make([]check, rapid.IntRange(1, 4).Draw(t, "checks"))}
		for range rapid.IntRange(0, 50).Draw(t, "events") {
			before := allPass(rs)
			moved := rs.judge(rapid.IntRange(0, len(rs.checks)-1).Draw(t, "check"), rapid.Bool().Draw(t, "ok"))
			if after := allPass(rs); moved != (after != before) || rs.up() != after {
				t.Fatalf("moved %v, up %v; checks went from %v to %v", moved, rs.up(), before, after)
			}
			failed := rs.failed
			if rs.recount(); rs.failed != failed {
				t.Fatalf("%d failed checks, counted %d", failed, rs.failed)
			}
		}
	})
}

func allPass(rs *realServer) bool {
	for _, c := range rs.checks {
		if c.failed {
			return false
		}
	}
	return true
}

// The weight is the sum of what is configured and what the checks say, within what the kernel takes.
func TestServerWeight(t *testing.T) {
	for _, tt := range []struct {
		base    int32
		offsets []int32
		want    int32
	}{
		{1, nil, 1}, {0, []int32{0}, 0}, {5, []int32{3, -2}, 6}, {5, []int32{-6}, 0}, {5, []int32{math.MinInt32}, 0},
		{math.MaxInt32, []int32{1}, math.MaxInt32}, {1, []int32{math.MaxInt32, math.MaxInt32}, math.MaxInt32},
	} {
		rs := &realServer{base: tt.base, checks: make([]check, len(tt.offsets))}
		for i, o := range tt.offsets {
			before := rs.weight()
			if rs.weigh(i, Share{Weight: o}) != (rs.weight() != before) {
				t.Errorf("%+v: check %d: weight %d after %d", tt, i, rs.weight(), before)
			}
		}
		if got := rs.weight(); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}

// TestFinder finds every server of a pool whatever was added, removed or moved.
func TestFinder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports := rapid.SliceOfNDistinct(rapid.Uint16Range(1, 30), 0, 20, rapid.ID)
		addr := netip.MustParseAddr("192.0.2.1")
		had := ports.Draw(t, "had")
		vs := &virtualServer{}
		for _, p := range had {
			vs.servers = append(vs.servers, realServer{addr: addr, port: p})
		}
		f := vs.finder()
		for _, p := range ports.Draw(t, "has") {
			var want *realServer
			for i := range vs.servers {
				if vs.servers[i].port == p {
					want = &vs.servers[i]
				}
			}
			if got := f.find(netip.AddrPortFrom(addr, p)); got != want {
				t.Fatalf("find(%d) in %v: %v", p, had, got)
			}
		}
	})
	if diff := cmp.Diff((*realServer)(nil), (*virtualServer)(nil).finder().find(netip.AddrPort{})); diff != "" {
		t.Errorf("an empty finder found something:\n%s", diff)
	}
}

// TestServerWeightThatIsSaid: a check may say the weight instead of adding to it (§2.5); what others add still counts,
// and it is not added up.
func TestServerWeightThatIsSaid(t *testing.T) {
	rs := &realServer{base: 5, checks: make([]check, 2)}
	for _, tt := range []struct {
		check int
		says  Share
		want  int32
	}{
		{0, Share{8, true}, 8}, {0, Share{18, true}, 18}, {1, Share{2, false}, 20}, {0, Share{8, true}, 10},
		{1, Share{8, true}, 11}, {0, Share{}, 8}, {1, Share{0, true}, 0}, {1, Share{}, 5},
	} {
		rs.weigh(tt.check, tt.says)
		if got := rs.weight(); got != tt.want {
			t.Errorf("check %d says %+v: weight %d, want %d", tt.check, tt.says, got, tt.want)
		}
	}
}
