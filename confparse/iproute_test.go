package confparse

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTablesOfIproute(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("rt_tables", "#\n# reserved\n255\tlocal\n0x64 hex\n077 octal\n1 one # and why\n#2 two\n3\nx name\n4 a b\n4294967296 big\n\n5 twice\n6 twice")
	write("rt_tables.d/more.conf", "7 seven\n1 uno\n")
	write("rt_tables.d/ignored", "8 eight\n")
	want := map[string]uint32{"local": 255, "hex": 100, "octal": 63, "one": 1, "twice": 6, "seven": 7, "uno": 1}
	if diff := cmp.Diff(want, osRouteNames(dir, "rt_tables")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := osRouteNames(dir, "rt_protos"); len(got) != 0 {
		t.Errorf("without a file: %v", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "rt_scopes"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := osRouteNames(dir, "rt_scopes"); len(got) != 0 {
		t.Errorf("a directory: %v", got)
	}
}

func FuzzTableOfIproute(f *testing.F) {
	f.Add("255\tlocal\n0x64 hex # x\n")
	f.Fuzz(func(t *testing.T, text string) {
		names := make(map[string]uint32)
		addRouteNames(names, text)
		for name := range names {
			if name == "" {
				t.Errorf("an empty name in %q", text)
			}
		}
	})
}

// TestNamesOfTheMachineAreKnownInRoutes: the administrator's before the distribution's before those of every machine, from
// the directories that the configuration names; and what nobody knows is an error still.
func TestNamesOfTheMachineAreKnownInRoutes(t *testing.T) {
	asked := map[string]int{}
	system := System{RouteNames: func(dir, file string) map[string]uint32 {
		asked[dir+"/"+file]++
		return map[string]map[string]uint32{
			"/etc/iproute2/rt_tables":       {"mine": 7, "both": 1, "main": 11},
			"/usr/share/iproute2/rt_tables": {"theirs": 8, "both": 2},
			"/usr/share/iproute2/rt_realms": {"realm": 9},
			"/own/rt_tables":                {"mine": 77},
		}[dir+"/"+file]
	}}
	load := func(globals, table string) (uint32, bool) {
		text := "global_defs {\n" + globals + "\n}\nstatic_routes {\n10.0.0.0/8 via 192.0.2.9 dev eth0 table " + table + "\n}\n"
		cfg, diags := Load(mapFS(text), "k.conf", Env{Hostname: "lb1", System: system})
		for _, d := range diags {
			if d.Severity >= Error {
				return 0, false
			}
		}
		if len(cfg.StaticRoutes) != 1 {
			return 0, false
		}
		return cfg.StaticRoutes[0].Table, true
	}
	for _, c := range []struct {
		globals, table string
		want           uint32
		known          bool
	}{
		{"", "mine", 7, true}, {"", "theirs", 8, true}, {"", "both", 1, true}, {"", "local", 255, true}, {"", "main", 11, true}, {"", "42", 42, true},
		{"", "nobodys", 0, false}, {"iproute_etc_dir /own", "mine", 77, true}, {"iproute_etc_dir /own", "theirs", 8, true},
		{"iproute_usr_dir /own", "theirs", 0, false}, {"iproute_usr_dir /own", "mine", 7, true},
	} {
		if got, known := load(c.globals, c.table); got != c.want || known != c.known {
			t.Errorf("%q, table %s: %d, %v; want %d, %v", c.globals, c.table, got, known, c.want, c.known)
		}
	}
	if asked["/etc/iproute2/rt_protos"] != 0 {
		t.Error("asked for what nobody wants to know")
	}
}
