package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
)

// TestReloadCheckConfigRefusesAnyError: also one that a reload would go on with, and says where it is told.
func TestReloadCheckConfigRefusesAnyError(t *testing.T) {
	wrong := "frobnicate\n"
	log := filepath.Join(t.TempDir(), "check")
	for _, c := range []struct{ name, check, refusal, told string }{
		{"off", "", "", ""},
		{"bare", "reload_check_config", "New config failed validation, see /dev/null for details", ""},
		{"with a file", "reload_check_config " + log, "New config failed validation, see " + log + " for details", "Unknown keyword 'frobnicate'"},
		{"with a file that cannot be", "reload_check_config /nowhere/at/all", "New config failed validation, see /dev/null for details", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard := "global_defs {\n" + c.check + "\n}\n"
				i := begin(t, guard+oneService, nil)
				if c.told != "" {
					if err := os.WriteFile(log, []byte("of the last time"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				reply, _ := i.reload(guard + wrong)
				if c.refusal == "" {
					reply.want(t, "without the check", reloadApplied)
				} else {
					reply.want(t, "with the check", reloadRefused)
					if len(i.kernel.Table()) != 1 || !strings.Contains(i.log.String(), c.refusal) {
						t.Errorf("table %v\n%s", i.kernel.Table(), i.log.String())
					}
				}
				if text, err := os.ReadFile(log); c.told != "" && (err != nil || !strings.Contains(string(text), c.told) || strings.Contains(string(text), "last time")) {
					t.Errorf("%q, %v", text, err)
				}
				if c.refusal != "" { // mended, it is taken, with the check that the old one asks for
					reply, _ = i.reload(guard)
					reply.want(t, "mended", reloadApplied)
				}
				if err := i.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// watchedFiles tells whether a file exists whenever the configuration is opened.
type watchedFiles struct {
	fs.FS
	config, mark string
	seen         []bool
}

func (w *watchedFiles) Open(name string) (fs.File, error) {
	if name == w.config {
		info, err := os.Stat(w.mark)
		w.seen = append(w.seen, err == nil && info.Mode().Perm() == 0o644)
	}
	return w.FS.Open(name)
}

// TestReloadFileIsThereWhileTheConfigurationIsRead: by its own name or by keepalived's, and not after it.
func TestReloadFileIsThereWhileTheConfigurationIsRead(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own")
	for _, c := range []struct {
		name, keyword, mark string
	}{{"none", "", own}, {"its own", "reload_file " + own, own}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &watchedFiles{mark: c.mark}
				i := begin(t, "global_defs {\n"+c.keyword+"\n}\n", func(o *Options) {
					w.FS, w.config = os.DirFS(filepath.Dir(o.ConfigFile)), "k.conf"
					o.ConfigFile, o.Files = w.config, w
				})
				w.seen = nil
				reply, _ := i.reload("global_defs {\n" + c.keyword + "\n}\n" + oneService)
				reply.want(t, "a reload", reloadApplied)
				if len(w.seen) == 0 || w.seen[len(w.seen)-1] != (c.keyword != "") {
					t.Errorf("there while the configuration was opened: %v", w.seen)
				}
				if _, err := os.Stat(c.mark); err == nil {
					t.Error("it is still there")
				}
				if err := i.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
	for id, want := range map[identity]string{{}: "/run/keepalived.reload", {pidDir: true}: "/run/keepalived/keepalived.reload",
		{pidDir: true, instance: "x"}: "/run/keepalived/keepalived_x.reload"} {
		if got := id.file("keepalived", ".reload"); got != want {
			t.Errorf("%+v: %s, want %s", id, got, want)
		}
	}
}

// TestConfigSaveDir: what was loaded is kept each time, whole, in a form that can be read again, and by its owner only.
func TestConfigSaveDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "saved")
	synctest.Test(t, func(t *testing.T) {
		globals := "global_defs {\n config_save_dir " + dir + "\n}\n"
		i := begin(t, globals+oneService, nil)
		reply, _ := i.reload(globals + oneService + "# and a comment\nvirtual_server 192.0.2.77 80 {\n protocol UDP\n real_server 198.51.100.77 80 {\n }\n}\n")
		reply.want(t, "one more service", reloadApplied)
		reply, _ = i.reload(oneService)
		reply.want(t, "without the keyword", reloadApplied)
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
	files, _ := filepath.Glob(filepath.Join(dir, "keepalived.conf.*.*"))
	if info, err := os.Stat(dir); len(files) != 2 || err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", files, err)
	}
	for n, file := range files {
		cfg, diags := confparse.Load(confparse.OSFS(), file, confparse.Env{Hostname: "lb1"})
		if info, err := os.Stat(file); len(cfg.VirtualServers) != n+1 || diags.HasFatal() || err != nil || info.Mode().Perm() != 0o600 ||
			!strings.HasSuffix(file, "."+string(rune('0'+n))) {
			t.Errorf("%s: %d virtual servers, %v, %v", file, len(cfg.VirtualServers), diags, err)
		}
	}
}

// TestConfigSaveDirThatCannotBe: is told, and nothing else suffers.
func TestConfigSaveDirThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, "global_defs {\n config_save_dir /proc/nowhere\n}\n"+oneService, nil)
		time.Sleep(time.Second)
		if !strings.Contains(i.log.String(), "config_save_dir: the configuration is not saved") || len(i.kernel.Table()) != 1 {
			t.Error(i.log.String())
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
