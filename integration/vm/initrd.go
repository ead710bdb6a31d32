package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vigil/integration/debian"
)

// initScript0 mounts the host's file system and hands over to the script that the kernel's command line names.
const initScript0 = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
while read m; do /bin/busybox insmod /modules/$m; done </order
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose host /newroot
run=$(/bin/busybox sed 's/.*run=\([^ ]*\).*/\1/' /proc/cmdline)
/bin/busybox umount /proc
exec /bin/busybox switch_root /newroot $run
`

// writeInitrd writes an initial file system: a static busybox and the modules, to be loaded in the given order.
func writeInitrd(ctx context.Context, w io.Writer, modules []string) error {
	busybox, err := debian.LookPath("busybox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	a := archive{w: w}
	for _, dir := range []string{"bin", "modules", "newroot", "proc", "dev"} {
		a.add(dir, 0o040755, nil)
	}
	a.add("bin/busybox", 0o100755, program)
	a.add("init", 0o100755, []byte(initScript0))
	var order []string
	for _, path := range modules {
		text, name, err := plainModule(ctx, path)
		if err != nil {
			return err
		}
		order = append(order, name)
		a.add("modules/"+name, 0o100644, text)
	}
	a.add("order", 0o100644, []byte(strings.Join(order, "\n")+"\n"))
	a.add("TRAILER!!!", 0, nil)
	return a.err
}

// plainModule reads a module, unpacking it if the package has it compressed: busybox cannot be trusted to.
func plainModule(ctx context.Context, path string) (text []byte, name string, err error) {
	name = filepath.Base(path)
	for suffix, program := range map[string]string{".xz": "xz", ".zst": "zstd"} {
		plain, packed := strings.CutSuffix(name, suffix)
		if !packed {
			continue
		}
		text, err = exec.CommandContext(ctx, program, "-dcq", path).Output()
		if err != nil {
			return nil, "", fmt.Errorf("unpack %s: %w", path, err)
		}
		return text, plain, nil
	}
	text, err = os.ReadFile(path)
	return text, name, err
}

// archive writes the cpio format "newc" that the kernel reads (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	w     io.Writer
	inode int
	err   error // the first one
}

func (a *archive) add(name string, mode int, content []byte) {
	if a.err != nil {
		return
	}
	a.inode++
	header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.inode, mode, 0, 0, 1, 0, len(content),
		0, 0, 0, 0, len(name)+1, 0)
	head := header + name + "\x00"
	head += strings.Repeat("\x00", -len(head)&3)
	_, a.err = io.WriteString(a.w, head)
	if a.err == nil {
		_, a.err = a.w.Write(append(content[:len(content):len(content)], make([]byte, -len(content)&3)...))
	}
}
