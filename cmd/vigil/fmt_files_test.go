package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigil/confparse/syntax"
)

// contents returns the text of a file.
func contents(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFmtWriteReplacesTheFile(t *testing.T) {
	name := file(t, tracked)
	if err := os.Chmod(name, 0o604); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(name, 12, 34); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := call(t, "", "fmt", "-w", name); code != exitOK || out != "" || errs != "" {
		t.Fatal(code, out, errs)
	}
	if d := cmp.Diff(syntax.Layout(tracked), contents(t, name)); d != "" {
		t.Errorf("the file (-want +got):\n%s", d)
	}
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if before.Mode() != after.Mode() || was.Uid != is.Uid || was.Gid != is.Gid {
		t.Errorf("mode %v owner %d:%d became %v %d:%d", before.Mode(), was.Uid, was.Gid, after.Mode(), is.Uid, is.Gid)
	}
	if was.Ino == is.Ino {
		t.Error("the file was written over, not replaced")
	}
	again := is.Ino
	if code, _, _ := call(t, "", "fmt", "-w", name); code != exitOK {
		t.Error(code)
	}
	if after, err = os.Stat(name); err != nil || after.Sys().(*syscall.Stat_t).Ino != again {
		t.Error("a file that is laid out already was replaced", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

func TestFmtWriteKeepsASymbolicLink(t *testing.T) {
	name := file(t, tracked)
	link := filepath.Join(t.TempDir(), "link.conf")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call(t, "", "fmt", "-w", link); code != exitOK {
		t.Fatal(code, errs)
	}
	if to, err := os.Readlink(link); err != nil || to != name || contents(t, name) != syntax.Layout(tracked) {
		t.Error(to, err, contents(t, name))
	}
}

func TestFmtWriteLeavesADamagedFileAlone(t *testing.T) {
	const broken = "vrrp_instance VI {\n   interface eth0\n"
	bad, good := file(t, broken), file(t, tracked)
	code, out, errs := call(t, "", "fmt", "-w", bad, good)
	if code != exitErrors || out != "" || !strings.Contains(errs, bad+":") {
		t.Error(code, out, errs)
	}
	if contents(t, bad) != broken {
		t.Error("the damaged file was changed")
	}
	if contents(t, good) != syntax.Layout(tracked) {
		t.Error("the other file was not laid out")
	}
}

func TestReplaceFileSeesAChange(t *testing.T) {
	name := file(t, "as it is now\n")
	if err := replaceFile(name, "as it was\n", "new\n"); err == nil || contents(t, name) != "as it is now\n" {
		t.Error(err, contents(t, name))
	}
}

func TestFmtStatus(t *testing.T) {
	same, other, broken := file(t, clean), file(t, tracked), file(t, "}\n")
	for name, test := range map[string]struct {
		args []string
		code int
		out  string
	}{
		"prints":                {[]string{same}, exitOK, clean},
		"prints two":            {[]string{same, other}, exitOK, clean + syntax.Layout(tracked)},
		"lists":                 {[]string{"-l", same, other}, exitWarnings, other + "\n"},
		"lists nothing":         {[]string{"-l", same}, exitOK, ""},
		"checks":                {[]string{"--check", same, other}, exitWarnings, ""},
		"an error outweighs":    {[]string{"-l", broken, other}, exitErrors, other + "\n"},
		"no difference":         {[]string{"-d", same}, exitOK, ""},
		"writes standard input": {[]string{"-w", "-"}, exitUsage, ""},
		"writes and checks":     {[]string{"-w", "--check", same}, exitUsage, ""},
		"a missing file":        {[]string{filepath.Join(t.TempDir(), "none"), same}, exitErrors, clean},
		"writes and lists":      {[]string{"-w", "-l", file(t, tracked), same}, exitOK, "*"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := call(t, "", append([]string{"fmt"}, test.args...)...)
			if test.out == "*" {
				test.out = test.args[2] + "\n"
			}
			if code != test.code || out != test.out {
				t.Errorf("%d, want %d\n%s%s", code, test.code, cmp.Diff(test.out, out), errs)
			}
		})
	}
}

func TestFmtDiffOfStandardInput(t *testing.T) {
	code, out, _ := call(t, "a {\nb\n}\n", "fmt", "-d", "-")
	want := "--- <stdin>.orig\n+++ <stdin>\n@@ -1,3 +1,3 @@\n a {\n-b\n+    b\n }\n"
	if code != exitWarnings || out != want {
		t.Errorf("%d %s", code, cmp.Diff(want, out))
	}
}

// TestUnifiedIsWhatPatchReads has patch apply differences of random texts.
func TestUnifiedIsWhatPatchReads(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("patch is not installed")
	}
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		text := func(label string) string {
			list := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "}", "", "d", "e", "f"}), 0, 40).Draw(rt, label)
			s := strings.Join(list, "\n")
			if rapid.Bool().Draw(rt, "ends") {
				s += "\n"
			}
			return s
		}
		before, after := text("before"), text("after")
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, []byte(before), 0o644); err != nil {
			rt.Fatal(err)
		}
		d := unified("f", before, after)
		if d == "" {
			if before != after {
				rt.Fatal("no difference")
			}
			return
		}
		cmd := exec.Command("patch", "-s", "-o", name+".new", name)
		cmd.Stdin = strings.NewReader(d)
		if out, err := cmd.CombinedOutput(); err != nil {
			rt.Fatalf("%v: %s\n%s", err, out, d)
		}
		if got, err := os.ReadFile(name + ".new"); err != nil || string(got) != after {
			rt.Fatalf("%q, want %q; %v\n%s", got, after, err, d)
		}
	})
}
