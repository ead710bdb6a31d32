package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/status"
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
