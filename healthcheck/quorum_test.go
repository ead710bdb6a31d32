package healthcheck

import (
	"math"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestQuorum(t *testing.T) {
	type step struct {
		sum     int64
		initial bool
		sorry   bool
		want    evaluation
		up      bool
	}
	tests := []struct {
		name   string
		quorum quorum
		steps  []step
	}{
		{"§1.6 quorum 2 hysteresis 1: gained at 3, kept at 1, lost at 0, gained again at 3 (case 27)",
			quorum{quorum: 2, hysteresis: 1}, []step{
				{2, true, false, quorumKept, false},
				{3, false, false, quorumGained, true},
				{2, false, false, quorumKept, true},
				{1, false, false, quorumKept, true},
				{0, false, false, quorumLost, false},
				{2, false, false, quorumKept, false},
				{3, false, false, quorumGained, true},
			}},
		{"§1.6 the quorum is lost at weight 0 whatever the hysteresis", quorum{quorum: 3, hysteresis: 2}, []step{
			{5, true, false, quorumGained, true},
			{1, false, false, quorumKept, true},
			{0, false, false, quorumLost, false},
		}},
		{"§1.6 START only at the beginning and only with a sorry server", quorum{quorum: 1}, []step{
			{0, false, true, quorumKept, false},
			{0, true, false, quorumKept, false},
			{0, true, true, quorumStartsDown, false},
			{1, true, true, quorumGained, true},
			{0, true, true, quorumLost, false},
		}},
		{"§4 a pool of weight 0 has quorum 0 and always meets it (case 21)", quorum{}, []step{
			{0, true, true, quorumGained, true},
			{0, false, true, quorumKept, true},
			{0, false, true, quorumKept, true},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := tt.quorum
			for i, st := range tt.steps {
				q.sum = st.sum
				if got := q.evaluate(st.initial, st.sorry); got != st.want || q.up != st.up {
					t.Fatalf("step %d: %d, up %v; want %d, up %v", i, got, q.up, st.want, st.up)
				}
			}
		})
	}
}

func TestKernelWeight(t *testing.T) {
	for _, tt := range []struct{ in, want int64 }{
		{0, 0}, {1, 1}, {-1, 0}, {math.MinInt64, 0}, {math.MaxInt32, math.MaxInt32}, {math.MaxInt32 + 1, math.MaxInt32},
	} {
		if got := kernelWeight(tt.in); got != tt.want {
			t.Errorf("kernelWeight(%d) = %d, want %d", tt.in, got, tt.want)
		}
	}
}

// TestPoolMatchesRecount drives a pool with random verdicts: the running counts must be what counting anew gives, and
// only the first failing and the last recovering check may move a server (§1.8).
func TestPoolMatchesRecount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vs := &virtualServer{quorum: quorum{
			quorum:     rapid.Int64Range(0, 10).Draw(t, "quorum"),
			hysteresis: rapid.Int64Range(0, 9).Draw(t, "hysteresis"),
		}}
		vs.servers = make([]realServer, rapid.IntRange(1, 6).Draw(t, "servers"))
		for i := range vs.servers {
			vs.servers[i] = realServer{
				vs: vs, base: rapid.Int32Range(0, 4).Draw(t, "weight"),
				checks: make([]check, rapid.IntRange(0, 3).Draw(t, "checks")),
			}
		}
		vs.recount()
		for range rapid.IntRange(0, 50).Draw(t, "events") {
			rs := &vs.servers[rapid.IntRange(0, len(vs.servers)-1).Draw(t, "server")]
			if len(rs.checks) == 0 {
				continue
			}
			before := allPass(rs)
			moved := rs.judge(rapid.IntRange(0, len(rs.checks)-1).Draw(t, "check"), rapid.Bool().Draw(t, "ok"))
			if after := allPass(rs); moved != (after != before) || rs.up() != after {
				t.Fatalf("moved %v, up %v; checks went from %v to %v", moved, rs.up(), before, after)
			}
			var sum int64
			for i := range vs.servers {
				if allPass(&vs.servers[i]) {
					sum += int64(vs.servers[i].weight())
				}
			}
			if vs.quorum.sum != sum {
				t.Fatalf("running sum %d, counted %d", vs.quorum.sum, sum)
			}
			vs.quorum.evaluate(false, false)
			switch q := &vs.quorum; {
			case sum >= q.quorum+q.hysteresis && !q.up, sum < q.quorum-q.hysteresis && q.up, sum == 0 && q.quorum > 0 && q.up:
				t.Fatalf("quorum %d hysteresis %d weight %d: up %v", q.quorum, q.hysteresis, sum, q.up)
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
