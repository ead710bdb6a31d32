package debian

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMirror(t *testing.T) {
	const stanza = "Types: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a line", map[string]string{"sources.list": "# deb http://old.example/debian bookworm main\ndeb http://mirror.example/debian bookworm main\n"},
			"http://mirror.example/debian"},
		{"options", map[string]string{"sources.list": "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian/ sid contrib main # mine\n"},
			"http://mirror.example/debian/"},
		{"a stanza", map[string]string{"sources.list.d/debian.sources": stanza}, "http://mirror.example/debian"},
		{"other archives first", map[string]string{"sources.list": "deb http://a.example/tools tools main\ndeb http://b.example/security bookworm-security main\n",
			"sources.list.d/a.sources": "Types: deb\nURIs: http://c.example\nSuites: nodistro\nComponents: main\n\n# ours\n" + stanza}, "http://mirror.example/debian"},
		{"folded and commented", map[string]string{"sources.list.d/debian.sources": "Types: deb\nURIs:\n# the near one\n http://mirror.example/debian\n http://far.example/debian\nSuites: trixie\nComponents: main\n"},
			"http://mirror.example/debian"},
		{"disabled", map[string]string{"sources.list.d/debian.sources": "Enabled: no\n" + stanza}, ""},
		{"sources only", map[string]string{"sources.list": "deb-src http://mirror.example/debian bookworm main\n"}, ""},
		{"not for apt", map[string]string{"sources.list.d/debian.sources.save": stanza}, ""},
		{"nothing", nil, ""},
	} {
		etc := t.TempDir()
		if err := os.Mkdir(filepath.Join(etc, "sources.list.d"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := mirror(etc); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestDependencies(t *testing.T) {
	const text = "linux-image-7.0-amd64\n  Depends: kmod\n  Depends: linux-modules-7.0-amd64\n |Depends: linux-initramfs-tool\n    dracut\n  Depends: linux-base\n  Conflicts: linux-image-6\n"
	if got, want := dependencies(text, "linux-"), []string{"linux-modules-7.0-amd64", "linux-base"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, program := range Peers {
		if packages[program] == "" {
			t.Errorf("no package is known for %s", program)
		}
	}
	packages["no-such-program"], packages["no-such-other"] = "a-package", "a-package"
	defer delete(packages, "no-such-program")
	defer delete(packages, "no-such-other")
	if got := missing([]string{"no-such-program", "no-such-other"}); !slices.Equal(got, []string{"a-package"}) {
		t.Errorf("missing: %q", got)
	}
	program := filepath.Join(os.Getenv("PATH"), "no-such-program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := missing([]string{"no-such-program"}); got != nil {
		t.Errorf("with the program in PATH missing: %q", got)
	}
}

// The script hands its arguments and its exit status through, on a tree whose loader is a shell script.
func TestStartOfAnotherReleasesProgram(t *testing.T) {
	root := t.TempDir()
	if _, err := start(root, "usr/sbin/keepalived", ""); err == nil {
		t.Error("a tree without a dynamic loader is no error")
	}
	loader := filepath.Join(root, "usr/lib64/ld-linux-x86-64.so.2")
	if err := os.MkdirAll(filepath.Dir(loader), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(loader, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, etc := range []string{"", "/etc/keepalived"} {
		script, err := start(root, "usr/sbin/keepalived", etc)
		if err != nil {
			t.Fatal(err)
		}
		// Without the rights to mount, what comes after the mount is what can be looked at.
		script = strings.Replace(script, "unshare --mount --propagation private sh -c 'mount --bind "+root+"/etc/keepalived /etc/keepalived && exec", "sh -c 'exec", 1)
		cmd := exec.Command("sh", "-c", script, "keepalived", "-f", "a file")
		out, _ := cmd.Output()
		got := strings.Split(strings.TrimSpace(string(out)), "\n")
		if want := filepath.Join(root, "usr/sbin/keepalived"); len(got) < 3 || !slices.Equal(got[len(got)-3:], []string{want, "-f", "a file"}) {
			t.Errorf("the loader is given %q, want %s, -f and one word at the end", got, want)
		}
		if status := cmd.ProcessState.ExitCode(); status != 3 {
			t.Errorf("exit status %d, want the program's, 3", status)
		}
	}
}

func TestLockIsExclusiveAndGivesUpInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, path); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("second lock: %v, want the deadline", err)
	}
	unlock()
	again, err := Lock(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestCacheDir(t *testing.T) {
	t.Setenv("VIGIL_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if got := CacheDir(); got != "/var/cache/vigil" {
		t.Errorf("without variables: %s", got)
	}
	t.Setenv("XDG_CACHE_HOME", "/x")
	if got := CacheDir(); got != "/x/vigil" {
		t.Errorf("with XDG_CACHE_HOME: %s", got)
	}
	t.Setenv("VIGIL_CACHE", "/y")
	if got := CacheDir(); got != "/y" {
		t.Errorf("with VIGIL_CACHE: %s", got)
	}
}
