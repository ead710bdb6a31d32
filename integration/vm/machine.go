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
	"time"

	"vigil/integration/debian"
)

// machine is a directory of the cache that holds an unpacked kernel and an initial file system.
type machine struct{ dir string }

func (m *machine) root() string    { return filepath.Join(m.dir, "kernel") } // the unpacked packages
func (m *machine) kernel() string  { return filepath.Join(m.dir, "vmlinuz") }
func (m *machine) initrd() string  { return filepath.Join(m.dir, "initrd") }
func (m *machine) kvmNote() string { return filepath.Join(debian.CacheDir(), "kvm") }

// lockFile is locked by the one machine that runs on this computer.
func lockFile() string {
	if path := os.Getenv("VIGIL_VM_LOCK"); path != "" {
		return path
	}
	return filepath.Join(debian.CacheDir(), "vm.lock")
}

// programs are what the machine and the tests in it need.
var programs = append([]string{"qemu-system-x86_64", "busybox", "modprobe", "xz", "zstd", "dpkg-deb"}, debian.Peers...)

// prepare makes the machine of a release of Debian if it is not there yet.
func prepare(ctx context.Context, suite string, notice io.Writer) (*machine, error) {
	if err := debian.Install(ctx, notice, programs...); err != nil {
		return nil, err
	}
	release, unlock, err := debian.Open(ctx, suite)
	if err != nil {
		return nil, err
	}
	defer unlock()
	m := &machine{release.Dir}
	if _, err := os.Stat(m.initrd()); err == nil {
		return m, nil
	}
	if err := m.fetch(ctx, release, notice); err != nil {
		return nil, fmt.Errorf("kernel for the virtual machine: %w", err)
	}
	return m, m.pack(ctx)
}

// fetch unpacks the package that linux-image-amd64 stands for, with those into which newer releases divide it.
func (m *machine) fetch(ctx context.Context, release *debian.Release, notice io.Writer) error {
	const meta = "linux-image-amd64"
	images, err := release.Depends(ctx, meta, "linux-image-")
	if err != nil {
		return err
	}
	if len(images) != 1 {
		return fmt.Errorf("%s of %s stands for the packages %q, want one", meta, release.Suite, images)
	}
	parts, err := release.Depends(ctx, images[0], "linux-")
	if err != nil {
		return err
	}
	version := strings.TrimPrefix(images[0], "linux-image-")
	parts = slices.DeleteFunc(parts, func(p string) bool { return !strings.HasSuffix(p, version) })
	say(notice, "downloading the Debian package %s to run in a virtual machine; it is unpacked in %s, not installed", images[0], m.dir)
	return release.Unpack(ctx, m.root(), append(parts, images[0])...)
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
	depmod, err := debian.LookPath("depmod")
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, depmod, "-b", m.root(), version).CombinedOutput(); err != nil {
		return fmt.Errorf("index the kernel's modules: %w\n%s", err, out)
	}
	kernel, err := os.ReadFile(filepath.Join(m.root(), "boot", "vmlinuz-"+version))
	if errors.Is(err, os.ErrNotExist) {
		kernel, err = os.ReadFile(filepath.Join(versions[0], "vmlinuz"))
	}
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
	modprobe, err := debian.LookPath("modprobe")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range names {
		text, err := exec.CommandContext(ctx, modprobe, "-d", m.root(), "-S", version, "--show-depends", name).Output()
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

func say(w io.Writer, format string, args ...any) {
	if w != nil {
		fmt.Fprintf(w, format+"\n", args...)
	}
}
