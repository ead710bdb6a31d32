package daemon

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/status"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// TestExplain: a running daemon says why its routers are what they are, all or one of them, and follows what happens.
func TestExplain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "number")
	if err := os.WriteFile(file, []byte("4"), 0o600); err != nil {
		t.Fatal(err)
	}
	router := func(name, vrid, words string) string {
		return "vrrp_instance " + name + " {\n interface eth0\n virtual_router_id " + vrid + "\n virtual_ipaddress {\n  192.0.2." + vrid + "\n }\n" + words + "\n}\n"
	}
	i := launch(t, "global_defs {\n dynamic_interfaces\n}\ntrack_file f {\n file "+file+"\n}\n"+
		router("A", "51", " track_file {\n  f weight -5\n }")+router("B", "52", " track_interface {\n  eth9\n }"), nil)
	i.await("on 80")
	one, err := i.explain(t.Context(), "A")
	if err != nil || len(one.Instances) != 1 {
		t.Fatalf("%+v, %v", one, err)
	}
	a := one.Instances[0]
	want := status.Contribution{Kind: "file", Name: "f", Value: 4, Weight: -5, Points: -20}
	if a.Name != "A" || a.VRID != 51 || a.Interface != "eth0" || a.BasePriority != 100 || a.EffectivePriority != 80 || a.Cause == "" ||
		!slices.Equal(a.Contributions, []status.Contribution{want}) || a.Next == "" || !a.NextAt.After(a.Since) || len(a.Changes) < 2 {
		t.Errorf("A: %+v", a)
	}
	all, err := i.explain(t.Context(), "")
	if err != nil || len(all.Instances) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	b := all.Instances[1]
	if b.State != "FAULT" || !slices.Equal(b.Vetoes, []status.Veto{{Kind: "interface", Name: "eth9", Known: true, Fails: true}}) ||
		!slices.Equal(b.Faults, []string{"interface eth9 is up"}) || !slices.Contains(b.Changes, "leaves FAULT when interface eth9 is up") {
		t.Errorf("B: %+v", b)
	}
	if _, err := i.explain(t.Context(), "C"); err == nil || !strings.Contains(err.Error(), "no vrrp_instance C runs") {
		t.Errorf("C: %v", err)
	}
	if err := i.end(); err != nil {
		t.Error(err)
	}
	if _, err := i.explain(t.Context(), "A"); err == nil {
		t.Error("what has ended explains itself")
	}
}

// TestExplanationOfTheOthers: what is wrong between a router and the others arrives in the JSON, each with its own words and
// moments.
func TestExplanationOfTheOthers(t *testing.T) {
	epoch := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(s int) election.Instant { return election.Instant(time.Duration(s) * time.Second) }
	moment := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	other := netip.MustParseAddr("192.0.2.3")
	e := vrrp.Explained{Epoch: epoch, Spec: election.InstanceSpec{Peers: []netip.Addr{other}}, Why: election.Explanation{
		Peers: []election.Peer{{Source: other, Heard: election.Never, Configured: true}, {Source: other, Priority: 7, Heard: at(1), Silent: true}},
		Rivals: []election.Rival{{Source: other, Priority: 8, Since: at(2), Heard: at(3), Adverts: 4, OneWay: true},
			{Source: other, Priority: 8, Since: at(2), Heard: at(3), Adverts: 4}},
		Mismatches: []election.Mismatch{{Kind: election.MismatchVersion, Source: other, Theirs: 2, Ours: 3, Refused: 1, At: at(5), Times: 6}},
		Lateness:   election.Lateness{Latest: 1, LatestAt: at(7), Worst: 2, WorstAt: at(8), Tolerated: 3},
	}}
	got := explanation(&e)
	causes := e.OneWayCauses()
	for _, c := range []struct{ want, got any }{
		{[]status.Heard{{Address: other, UnicastPeer: true}, {Address: other, Priority: 7, At: moment(1), Silent: true}}, got.Heard},
		{[]status.Rival{{Address: other, Priority: 8, Since: moment(2), At: moment(3), Adverts: 4, OneWay: true, Causes: causes},
			{Address: other, Priority: 8, Since: moment(2), At: moment(3), Adverts: 4}}, got.Rivals},
		{[]status.Mismatch{{Kind: "version", Address: other, Theirs: "version 2", Ours: "version 3", Refused: true, At: moment(5), Times: 6}}, got.Mismatches},
		{&status.Lateness{LatestSeconds: 1, LatestAt: moment(7), WorstSeconds: 2, WorstAt: moment(8), ToleratedSeconds: 3}, got.Lateness},
	} {
		if diff := cmp.Diff(c.want, c.got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	e.Why = election.Explanation{Lateness: election.Lateness{LatestAt: election.Never, WorstAt: election.Never}}
	if got := explanation(&e); got.Lateness != nil {
		t.Errorf("a router that has not sent anything was late: %+v", got.Lateness)
	}
}

// TestExplainWithoutRouters: there is nothing to explain, and that is no error.
func TestExplainWithoutRouters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		if all, err := i.explain(t.Context(), ""); err != nil || len(all.Instances) != 0 || !all.At.Equal(time.Now()) {
			t.Errorf("%+v, %v", all, err)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
