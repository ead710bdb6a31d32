package vm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestQuoteIsOneWordToTheShell(t *testing.T) {
	for _, word := range []string{"", "plain", "two words", "it's", `$HOME "x" \n * ;`, "a\nb"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("quote(%q): the shell reads %q, %v", word, out, err)
		}
	}
}

func TestInitScriptIsValidShellAndRunsTheProgram(t *testing.T) {
	dir := t.TempDir()
	w := work{dir}
	keeper = "/bin/it's"
	defer func() { keeper = "" }()
	script := initScript(&machine{"/cache with space"}, w, Guest{Argv: []string{"prog", "it's"}, Dir: "/some dir", Env: []string{"A=b c", "EMPTY="}})
	if err := os.WriteFile(w.init(), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-n", w.init()).CombinedOutput(); err != nil {
		t.Fatalf("sh -n: %v: %s\n%s", err, out, script)
	}
	for _, want := range []string{"cd '/some dir'\n", "export A='b c'\n", "export EMPTY=''\n", `'prog' 'it'\''s' </dev/null >$out 2>&1` + "\n",
		timestampsEnv + `=1 '/bin/it'\''s' </dev/null`, "VIGIL_IN_VM=1", "echo $? >'" + w.status() + "'; sync\n"} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %q:\n%s", want, script)
		}
	}
}

func TestQemuArgs(t *testing.T) {
	m, w := &machine{"/cache"}, work{"/w"}
	emulated := strings.Join(m.qemuArgs(w, Guest{CPUs: 3, MemoryMB: 512}, false), " ")
	for _, want := range []string{"tcg,thread=multi", "-smp 3", "-m 512", "run=/w/init.sh", "/cache/vmlinuz", "/cache/initrd"} {
		if !strings.Contains(emulated, want) {
			t.Errorf("%q is not in %s", want, emulated)
		}
	}
	if kvm := strings.Join(m.qemuArgs(w, Guest{CPUs: 1, MemoryMB: 512}, true), " "); !strings.Contains(kvm, "-accel kvm") ||
		strings.Contains(kvm, "tcg") || strings.Contains(kvm, "mitigations") {
		t.Errorf("with KVM: %s", kvm)
	}
}

// A guest that is emulated trusts the TSC exactly if this machine does, or could.
func TestEmulatedClock(t *testing.T) {
	const steady, halting = "fpu constant_tsc nonstop_tsc", "fpu constant_tsc tsc"
	for _, c := range []struct {
		clocks, flags string
		want          bool
	}{
		{"tsc kvm-clock", halting, true}, {"kvm-clock tsc", "", true}, {"kvm-clock", steady, true}, {"kvm-clock", halting, false},
		{"hpet acpi_pm", steady, false}, {"notsc", steady, false}, {"", "", false},
	} {
		got := emulated(steadyTSC(strings.Fields(c.clocks), strings.Fields(c.flags)))
		if strings.Contains(got, "tsc=reliable") != c.want || !strings.Contains(got, "mitigations=off") {
			t.Errorf("%q with %q: %q", c.clocks, c.flags, got)
		}
	}
}

// The archive is read back by the reference implementation where there is one, and by the layout otherwise.
func TestArchiveIsCpioNewc(t *testing.T) {
	var b bytes.Buffer
	a := archive{w: &b}
	a.add("dir", 0o040755, nil)
	a.add("dir/file", 0o100644, []byte("hello"))
	a.add("TRAILER!!!", 0, nil)
	if a.err != nil {
		t.Fatal(a.err)
	}
	names := map[string]string{}
	rest := b.Bytes()
	for len(rest) > 0 {
		if string(rest[:6]) != "070701" {
			t.Fatalf("no magic at offset %d: %q", b.Len()-len(rest), rest[:6])
		}
		field := func(i int) (n int) {
			fmt.Sscanf(string(rest[6+8*i:14+8*i]), "%x", &n)
			return n
		}
		size, nameSize := field(6), field(11)
		name := string(rest[110 : 110+nameSize-1])
		start := (110 + nameSize + 3) &^ 3
		names[name] = string(rest[start : start+size])
		rest = rest[(start+size+3)&^3:]
	}
	if len(names) != 3 || names["dir/file"] != "hello" {
		t.Errorf("entries %q", names)
	}
	if path, err := exec.LookPath("cpio"); err == nil {
		cmd := exec.Command(path, "-t", "--quiet")
		cmd.Stdin = bytes.NewReader(b.Bytes())
		if out, err := cmd.Output(); err != nil || string(out) != "dir\ndir/file\n" {
			t.Errorf("cpio -t: %v, %q", err, out)
		}
	}
}

func TestPlainModule(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "a.ko")
	if err := os.WriteFile(plain, []byte("module"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"", "xz", "zstd"} {
		path := plain
		if program != "" {
			if _, err := exec.LookPath(program); err != nil {
				continue // where machines are built it is installed first
			}
			if out, err := exec.Command(program, "-kq", plain).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			path += map[string]string{"xz": ".xz", "zstd": ".zst"}[program]
		}
		if text, name, err := plainModule(t.Context(), path); string(text) != "module" || name != "a.ko" || err != nil {
			t.Errorf("%s: %q, %q, %v", path, text, name, err)
		}
	}
	broken := plain + ".xz"
	if err := os.WriteFile(broken, []byte("no xz"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := plainModule(t.Context(), broken); err == nil {
		t.Error("a module that cannot be unpacked is no error")
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console")
	if err := os.WriteFile(path, []byte("a\nb\nc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{2: "b\nc", 9: "a\nb\nc"} {
		if got := tail(path, n); got != want {
			t.Errorf("tail %d = %q, want %q", n, got, want)
		}
	}
	if got := tail(path+"x", 2); !strings.Contains(got, "no such file") {
		t.Errorf("tail of nothing = %q", got)
	}
}

// The machine's own program keeps a socket open that wants time stamps, for as long as it runs.
func TestMainKeepsTimestamps(t *testing.T) {
	if err := keepTimestamps(); err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	raw, err := kept.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var on int
	if e := raw.Control(func(fd uintptr) { on, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS) }); e != nil || err != nil || on != 1 {
		t.Errorf("%d, %v, %v", on, e, err)
	}
}
