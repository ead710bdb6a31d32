// Package vm runs a program as root in a throw-away virtual machine whose kernel has IPVS: Debian's stock kernel under QEMU,
// with this machine's file system as its root over virtio-9p, so that the guest has the same programs and files. The kernel
// package is downloaded and unpacked into a cache, never installed.
//
// The guest is emulated (TCG) unless a trial boot shows that KVM works here: that /dev/kvm exists proves nothing. Under
// emulation times are several times longer than real ones; only ratios of one run mean anything.
package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vigil/integration/debian"
	"vigil/internal/testlan"
)

// Usual is the release of Debian whose kernel runs unless another is asked for.
const Usual = "bookworm"

// Guest is one program to run in a virtual machine of its own.
type Guest struct {
	Suite    string // of Debian, whose kernel it is; "": Usual
	Argv     []string
	Dir      string   // working directory; "" is this one
	Env      []string // NAME=VALUE, beside the guest's own PATH, HOME, TMPDIR and VIGIL_IN_VM=1
	CPUs     int      // 0: 2
	MemoryMB int      // 0: 2048
	Limit    time.Duration
	Stdout   io.Writer // what the program writes to standard output and error, as it comes
	Notice   io.Writer // what is being installed or downloaded; one line each
}

// Run boots the guest, waits, and returns the program's exit status. An error means that there is none: the machine did not
// boot, or the time was up; it holds the end of the console's text.
func Run(ctx context.Context, g Guest) (int, error) {
	if os.Geteuid() != 0 {
		return 0, errors.New("virtual machine: needs root, for the guest's root is this machine's file system")
	}
	if g.Suite == "" {
		g.Suite = Usual
	}
	m, err := prepare(ctx, g.Suite, g.Notice)
	if err != nil {
		return 0, err
	}
	told := time.AfterFunc(time.Minute, func() { say(g.Notice, "waiting for the machine of another run (%s)", lockFile()) })
	unlock, err := debian.Lock(ctx, lockFile())
	told.Stop()
	if err != nil {
		return 0, err
	}
	defer unlock()
	kvm := m.kvmWorks(ctx)
	return m.boot(ctx, g, kvm)
}

// work is the directory of one boot.
type work struct{ dir string }

func (w work) init() string    { return filepath.Join(w.dir, "init.sh") }
func (w work) status() string  { return filepath.Join(w.dir, "status") }
func (w work) console() string { return filepath.Join(w.dir, "console") }

func (m *machine) boot(ctx context.Context, g Guest, kvm bool) (int, error) {
	scratch, err := testlan.NewScratch("vigil-vm-")
	if err != nil {
		return 0, err
	}
	defer scratch.Remove()
	w := work{scratch.Path}
	if g.Dir == "" {
		if g.Dir, err = os.Getwd(); err != nil {
			return 0, err
		}
	}
	if g.CPUs == 0 {
		g.CPUs = 2
	}
	if g.MemoryMB == 0 {
		g.MemoryMB = 2048
	}
	if g.Limit == 0 {
		g.Limit = 10 * time.Minute
	}
	if err := os.WriteFile(w.init(), []byte(initScript(m, w, g)), 0o755); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Limit)
	defer cancel()
	// The machine ends with the thread that starts it, hence with this process, however that ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", m.qemuArgs(w, g, kvm)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdout = struct{ io.Writer }{g.Stdout} // a pipe in any case: QEMU opens it again by name
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	runErr := cmd.Run()
	text, err := os.ReadFile(w.status())
	if err == nil {
		if status, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return status, nil
		}
	}
	if ctx.Err() != nil {
		runErr = fmt.Errorf("not finished after %v: %w", g.Limit, ctx.Err())
	}
	return 0, fmt.Errorf("virtual machine: no exit status: %w\n%s\nend of the console:\n%s", errors.Join(runErr, err),
		strings.TrimSpace(complaint.String()), tail(w.console(), 30))
}

func (m *machine) qemuArgs(w work, g Guest, kvm bool) []string {
	accel, boot := []string{"-accel", "tcg,thread=multi", "-cpu", "max,-smap,-smep"}, "console=ttyS0 quiet panic=-1"
	if kvm {
		accel = []string{"-accel", "kvm", "-cpu", "host"}
	} else {
		boot += " " + emulated(steadyTSC(clocks(), flags()))
	}
	return append(accel, "-smp", strconv.Itoa(g.CPUs), "-m", strconv.Itoa(g.MemoryMB),
		"-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot", "-serial", "file:"+w.console(),
		"-kernel", m.kernel(), "-initrd", m.initrd(), "-append", boot+" run="+w.init(),
		"-fsdev", "local,id=root,path=/,security_model=none,multidevs=remap",
		"-device", "virtio-9p-pci,fsdev=root,mount_tag=host",
		"-device", "virtio-serial-pci", "-chardev", "file,id=out,path=/dev/stdout", "-device", "virtserialport,chardev=out,name=out")
}

// emulated is what a guest's kernel is told because it is emulated. It distrusts the emulated TSC and then reads the HPET, at the
// cost of leaving the emulation each time that anything looks at the clock: 53 new connections a second instead of 480. The
// emulated TSC is this machine's own, and as good. Retpolines protect nobody there and make the kernel half as fast; nor do SMAP and
// SMEP, which its processors are without: they are lifted for each copy to a program, 60 s of tests take 56 without them.
func emulated(steady bool) string {
	if steady {
		return "mitigations=off tsc=reliable"
	}
	return "mitigations=off"
}

// steadyTSC reports whether the TSC of this machine is a clock: its kernel has it among those that it trusts, or it is a guest's whose
// clock, KVM's, counts the TSC as well, of processors in which it neither changes its rate nor stops.
func steadyTSC(clocks, flags []string) bool {
	has := func(flag string) bool { return slices.Contains(flags, flag) }
	return slices.Contains(clocks, "tsc") || slices.Contains(clocks, "kvm-clock") && has("constant_tsc") && has("nonstop_tsc")
}

// clocks are those that this machine's kernel trusts.
func clocks() []string {
	text, _ := os.ReadFile("/sys/devices/system/clocksource/clocksource0/available_clocksource")
	return strings.Fields(string(text))
}

// flags are what this machine's first processor can do.
func flags() []string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "flags" {
			return strings.Fields(value)
		}
	}
	return nil
}

// initScript is the guest's first program once its root is mounted. It shuts the machine down when the program has ended.
func initScript(m *machine, w work, g Guest) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#!/bin/sh")
	line("export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/dev/shm/tmp VIGIL_IN_VM=1")
	line("mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev")
	line("mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs run /run")
	line("mkdir -p /dev/shm/tmp; mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null")
	line("ip link set lo up; hostname vm")
	// Modules come from the cache: for the kernel itself, for modprobe -d, and for who looks in /lib/modules.
	line("printf '#!/bin/sh\\nexec modprobe -d %%s \"$@\"\\n' %s >/run/modprobe; chmod +x /run/modprobe", quote(m.root()))
	line("echo /run/modprobe >/proc/sys/kernel/modprobe")
	line("[ -d /lib/modules ] && mount -t tmpfs modules /lib/modules && ln -s %s/lib/modules/* /lib/modules/", quote(m.root()))
	line("export MODPROBE_OPTIONS='-d '%s", quote(m.root())) // this machine may have no /lib/modules
	line("modprobe -d %s -a virtio_console ip_vs bridge veth nlmon ipip dummy || echo 'modules are missing' >/dev/console", quote(m.root()))
	if keeper != "" {
		line("%s=1 %s </dev/null >/dev/console 2>&1 &", timestampsEnv, quote(keeper))
	}
	for _, e := range g.Env {
		name, value, _ := strings.Cut(e, "=")
		line("export %s=%s", name, quote(value))
	}
	line("n=0; while ! ls /dev/vport*p1 >/dev/null 2>&1 && [ $n -lt 2400 ]; do n=$((n+1)); sleep 0.05; done")
	line("out=$(ls /dev/vport*p1 | head -n 1)")
	line("cd %s", quote(g.Dir))
	var words []string
	for _, a := range g.Argv {
		words = append(words, quote(a))
	}
	line("%s </dev/null >$out 2>&1", strings.Join(words, " "))
	line("echo $? >%s; sync", quote(w.status()))
	line("echo o >/proc/sysrq-trigger; while :; do sleep 1; done")
	return b.String()
}

// quote makes a word safe for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func tail(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
