package confparse

import (
	"testing"
	"testing/fstest"
)

func TestOverlayReplacesAndAddsAFile(t *testing.T) {
	base := fstest.MapFS{
		"etc/a.conf": {Data: []byte("global_defs {\nrouter_id old\n}\n"), Mode: 0o644},
		"etc/b.conf": {Data: []byte("include a.conf\n"), Mode: 0o644},
	}
	for _, test := range []struct{ name, overlaid, want string }{
		{"/etc/b.conf", "/etc/other.conf", "old"},
		{"/etc/b.conf", "/etc/a.conf", "new"},
		{"/etc/b.conf", "etc/./a.conf", "new"},
		{"/nowhere/new.conf", "/nowhere/new.conf", "new"},
	} {
		cfg, ds := Load(Overlay(base, test.overlaid, "global_defs {\nrouter_id new\n}\n"), test.name, Env{})
		if codeList(ds) != "" || cfg.Global.RouterID != test.want {
			t.Errorf("%s with %s: router_id %s, %v", test.name, test.overlaid, cfg.Global.RouterID, ds)
		}
	}
}

func TestOverlayKeepsTheSystemsNames(t *testing.T) {
	cfg, ds := Load(Overlay(OSFS(), "<stdin>", "global_defs {\nrouter_id new\n}\n"), "<stdin>", Env{})
	if codeList(ds) != "" || cfg.Global.RouterID != "new" {
		t.Errorf("router_id %s, %v", cfg.Global.RouterID, ds)
	}
}
