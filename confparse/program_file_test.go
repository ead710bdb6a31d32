package confparse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFileOfAProgram: the symbolic links of a program are resolved when the file is read, of every kind of program, unless
// use_symlink_paths is on.
func TestFileOfAProgram(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	real, link := filepath.Join(dir, "v1.sh"), filepath.Join(dir, "current.sh")
	if err := os.WriteFile(real, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("v1.sh", link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	for _, tt := range []struct{ rule, option, path, want string }{
		{"a link", "", link, real},
		{"a link that is kept", "use_symlink_paths", link, ""},
		{"a link that is not kept", "use_symlink_paths off", link, real},
		{"the file itself", "", real, ""},
		{"a way round", "", dir + "/./" + "../" + filepath.Base(dir) + "/v1.sh", real},
		{"a name in PATH", "", "current.sh", real},
		{"a name in PATH that is kept", "use_symlink_paths", "current.sh", ""},
		{"a redirection", "", "<" + link, ""},
	} {
		text := strings.ReplaceAll("global_defs {\nscript_user root\nenable_script_security\n"+tt.option+"\nstartup_script PROGRAM\n}\nvrrp_script s {\nscript PROGRAM\n}\n"+
			"vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nnotify \"PROGRAM a\"\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n"+
			"virtual_server 192.0.2.1 80 {\nreal_server 192.0.2.9 80 {\nnotify_up PROGRAM\nMISC_CHECK {\nmisc_path PROGRAM\n}\n}\n}\n", "PROGRAM", tt.path)
		sys := OSSystem()
		sys.Interface = nil
		sys.Program = func(path string, uid, gid uint32) ProgramState { return ProgramOK } // whoever may write into /tmp
		cfg, ds := Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}, "k.conf", Env{System: sys})
		if cfg == nil || len(cfg.Scripts) == 0 {
			t.Fatal(tt.rule, ds)
		}
		rs := cfg.VirtualServers[0].RealServers[0]
		for what, s := range map[string]Script{"startup_script": cfg.Global.Daemon.Startup, "vrrp_script": cfg.Scripts[0].Script,
			"notify": cfg.Instances[0].Notify.Any, "notify_up": *rs.NotifyUp, "MISC_CHECK": rs.Checkers[0].Detail.(*MiscDetail).Script} {
			if p := ProgramOf(&s); s.File != tt.want || s.Argv[0] != tt.path || p.File != tt.want {
				t.Errorf("%s, %s: %q is executed for %q, want %q", tt.rule, what, s.File, s.Argv[0], tt.want)
			}
		}
	}
}
