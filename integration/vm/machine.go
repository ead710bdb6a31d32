package vm

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// machine is a cache directory that holds an unpacked kernel package and an initial file system.
type machine struct{ dir string }

func (m *machine) root() string    { return filepath.Join(m.dir, "root") } // the unpacked package
func (m *machine) kernel() string  { return filepath.Join(m.dir, "vmlinuz") }
func (m *machine) initrd() string  { return filepath.Join(m.dir, "initrd") }
func (m *machine) kvmNote() string { return filepath.Join(m.dir, "kvm") }
func (m *machine) lockFile() string {
	if path := os.Getenv("VIGIL_VM_LOCK"); path != "" {
		return path
	}
	return filepath.Join(m.dir, "lock")
}

// cacheDir is VIGIL_VM_CACHE, or below XDG_CACHE_HOME, or /var/cache/vigil.
func cacheDir() string {
	if dir := os.Getenv("VIGIL_VM_CACHE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "vigil")
	}
	return "/var/cache/vigil"
}

// Programs that the machine and the tests in it need, and the Debian packages that have them.
var packages = []struct{ program, pkg string }{
	{"qemu-system-x86_64", "qemu-system-x86"}, {"busybox", "busybox-static"}, {"modprobe", "kmod"}, {"xz", "xz-utils"},
	{"ip", "iproute2"}, {"ipvsadm", "ipvsadm"}, {"keepalived", "keepalived"}, {"unshare", "util-linux"},
}

// InstallPackages installs the Debian packages whose programs are missing, with a line on notice that says so.
func InstallPackages(ctx context.Context, notice io.Writer) error {
	var missing []string
	for _, p := range packages {
		if _, err := exec.LookPath(p.program); err != nil && !slices.Contains(missing, p.pkg) {
			missing = append(missing, p.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	say(notice, "installing the Debian packages %s", strings.Join(missing, ", "))
	if err := aptUpdate(ctx, missing[0]); err != nil {
		return err
	}
	args := append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)
	return quietly(ctx, "", "apt-get", args...)
}

// prepare makes the cache if it is not there yet.
func prepare(ctx context.Context, notice io.Writer) (*machine, error) {
	m := &machine{cacheDir()}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, filepath.Join(m.dir, "prepare.lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := InstallPackages(ctx, notice); err != nil {
		return nil, err
	}
	if _, err := os.Stat(m.initrd()); err == nil {
		return m, nil
	}
	if err := m.fetch(ctx, notice); err != nil {
		return nil, fmt.Errorf("kernel for the virtual machine: %w", err)
	}
	return m, m.pack(ctx)
}

// fetch downloads the package that linux-image-amd64 stands for and unpacks it.
func (m *machine) fetch(ctx context.Context, notice io.Writer) error {
	const meta = "linux-image-amd64"
	if err := aptUpdate(ctx, meta); err != nil {
		return err
	}
	text, err := exec.CommandContext(ctx, "apt-cache", "depends", meta).Output()
	if err != nil {
		return fmt.Errorf("apt-cache depends %s: %w", meta, err)
	}
	name := ""
	for _, line := range strings.Split(string(text), "\n") {
		if dep, found := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); found && strings.HasPrefix(dep, "linux-image-") {
			name = dep
			break
		}
	}
	if name == "" {
		return fmt.Errorf("%s depends on no kernel package", meta)
	}
	say(notice, "downloading the Debian package %s to run in a virtual machine; it is unpacked in %s, not installed", name, m.dir)
	tmp, err := os.MkdirTemp(m.dir, "download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o777); err != nil { // apt downloads as its own user
		return err
	}
	if err := quietly(ctx, tmp, "apt-get", "download", "-qq", name); err != nil {
		return err
	}
	files, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if len(files) != 1 {
		return fmt.Errorf("apt-get download %s left %d files", name, len(files))
	}
	if err := os.RemoveAll(m.root()); err != nil {
		return err
	}
	return quietly(ctx, "", "dpkg-deb", "-x", files[0], m.root())
}

// pack indexes the modules, copies the kernel, and writes the initial file system, last: its presence means all is there.
func (m *machine) pack(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(m.root(), "lib")); errors.Is(err, os.ErrNotExist) {
		if err := os.Symlink("usr/lib", filepath.Join(m.root(), "lib")); err != nil { // where newer packages have it
			return err
		}
	}
	versions, err := filepath.Glob(filepath.Join(m.root(), "lib/modules/*"))
	if err != nil || len(versions) != 1 {
		return fmt.Errorf("the kernel package has %d module directories", len(versions))
	}
	version := filepath.Base(versions[0])
	if err := quietly(ctx, "", "depmod", "-b", m.root(), version); err != nil {
		return err
	}
	kernel, err := os.ReadFile(filepath.Join(m.root(), "boot", "vmlinuz-"+version))
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.kernel(), kernel, 0o644); err != nil {
		return err
	}
	modules, err := m.modules(ctx, version, "9p", "9pnet_virtio", "virtio_pci")
	if err != nil {
		return err
	}
	tmp := m.initrd() + ".new"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	err = writeInitrd(ctx, z, modules)
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, m.initrd())
}

// modules lists the files to load, in order.
func (m *machine) modules(ctx context.Context, version string, names ...string) ([]string, error) {
	var files []string
	for _, name := range names {
		text, err := exec.CommandContext(ctx, "modprobe", "-d", m.root(), "-S", version, "--show-depends", name).Output()
		if err != nil {
			return nil, fmt.Errorf("modules that %s needs: %w", name, err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if f := strings.Fields(line); len(f) >= 2 && f[0] == "insmod" && !slices.Contains(files, f[1]) {
				files = append(files, f[1])
			}
		}
	}
	return files, nil
}

// kvmWorks boots a guest under KVM once per machine and boot and remembers whether it came to life.
func (m *machine) kvmWorks(ctx context.Context) bool {
	switch os.Getenv("VIGIL_VM_ACCEL") {
	case "tcg":
		return false
	case "kvm":
		return true
	}
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err != nil {
		return false
	} else {
		f.Close()
	}
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	note, _ := os.ReadFile(m.kvmNote())
	if answer, known := strings.CutPrefix(string(note), string(id)); known && len(id) > 0 {
		return answer == "yes"
	}
	status, err := m.boot(ctx, Guest{Argv: []string{"true"}, CPUs: 1, Limit: 15 * time.Second, Stdout: io.Discard}, true)
	works := err == nil && status == 0
	answer := "no"
	if works {
		answer = "yes"
	}
	_ = os.WriteFile(m.kvmNote(), append(id, answer...), 0o644) // only saves the next trial
	return works
}

// aptUpdate fetches the package lists if they do not know the package.
func aptUpdate(ctx context.Context, pkg string) error {
	if out, err := exec.CommandContext(ctx, "apt-cache", "show", pkg).Output(); err == nil && len(out) > 0 {
		return nil
	}
	return quietly(ctx, "", "apt-get", "update", "-qq")
}

// quietly runs a program whose output matters only if it fails.
func quietly(ctx context.Context, dir string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func say(w io.Writer, format string, args ...any) {
	if w != nil {
		fmt.Fprintf(w, format+"\n", args...)
	}
}

// lock waits until this process alone holds the file.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for %s: %w", path, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
