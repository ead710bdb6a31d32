package confparse

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse/syntax"
)

// TestInputsTellWhetherAnythingChanged changes one input at a time.
func TestInputsTellWhetherAnythingChanged(t *testing.T) {
	fresh := func() (fstest.MapFS, Env) {
		return fstest.MapFS{
			"etc/k.conf":     {Data: []byte("include d/*.conf\ninclude gone.conf\n@a router\n$X=${_ENV SITE}\n~SEQ(i,1) a ${X}\n")},
			"etc/d/one.conf": {Data: []byte("global_defs { }\n")},
		}, Env{ConfigID: "b", LookupEnv: func(string) (string, bool) { return "north", true }}
	}
	fsys, env := fresh()
	cfg, _ := Load(fsys, "/etc/k.conf", env)
	if diff := cmp.Diff([]string{"/etc/k.conf", "/etc/d/one.conf"}, cfg.Inputs.Files()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	changes := map[string]struct {
		change func(fstest.MapFS, *Env)
		same   bool
	}{
		"nothing":                 {func(fstest.MapFS, *Env) {}, true},
		"another file":            {func(f fstest.MapFS, _ *Env) { f["etc/x"] = &fstest.MapFile{} }, true},
		"the main file":           {func(f fstest.MapFS, _ *Env) { f["etc/k.conf"].Data = append(f["etc/k.conf"].Data, '#') }, false},
		"an included file":        {func(f fstest.MapFS, _ *Env) { f["etc/d/one.conf"].Data = []byte("x") }, false},
		"a byte of a file":        {func(f fstest.MapFS, _ *Env) { f["etc/d/one.conf"].Data = []byte("global_defs {} \n") }, false},
		"an emptied file":         {func(f fstest.MapFS, _ *Env) { f["etc/d/one.conf"].Data = nil }, false},
		"a file the glob matches": {func(f fstest.MapFS, _ *Env) { f["etc/d/two.conf"] = &fstest.MapFile{} }, false},
		"a file that was missing": {func(f fstest.MapFS, _ *Env) { f["etc/gone.conf"] = &fstest.MapFile{} }, false},
		"an execute bit":          {func(f fstest.MapFS, _ *Env) { f["etc/d/one.conf"].Mode = 0o755 }, false},
		"the configuration id":    {func(_ fstest.MapFS, e *Env) { e.ConfigID = "a" }, false},
		"an environment variable": {func(_ fstest.MapFS, e *Env) {
			e.LookupEnv = func(string) (string, bool) { return "south", true }
		}, false},
	}
	for name, tt := range changes {
		t.Run(name, func(t *testing.T) {
			fsys, env := fresh()
			tt.change(fsys, &env)
			if got := cfg.Inputs.Unchanged(fsys, env.Text()); got != tt.same {
				t.Errorf("Unchanged is %v", got)
			}
			again, _ := Load(fsys, "/etc/k.conf", env)
			if got := again.Inputs.Equal(cfg.Inputs); got != tt.same {
				t.Errorf("equal inputs: %v", got)
			}
		})
	}
	random, _ := load(t, "router_id ${_RANDOM}\n")
	if random.Inputs.Unchanged(fstest.MapFS{"test.conf": {Data: []byte("router_id ${_RANDOM}\n")}}, syntax.Env{}) {
		t.Error("a configuration with random numbers is taken for unchanged")
	}
}
