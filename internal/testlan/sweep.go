package testlan

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	scratchPrefix = "vigil-testlan-"
	labVariable   = "VIGIL_LAB" // in the environment of every program of a lab: the lab's scratch directory
	namedPrefix   = "vigil-"
	namedDir      = "/run/netns" // where `ip netns` keeps its names
)

// Sweep removes what labs of killed runs left: programs that outlived them, and with those their namespaces, then their files.
// What belongs to a run that lives is not touched.
func Sweep() error {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		dir := labOf(filepath.Join(process, "environ"))
		// It is looked for where the program sees it: a container or another root has other directories of the same names.
		if dir == "" || !abandoned(filepath.Join(process, "root", dir)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(process)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
	return errors.Join(SweepScratch(scratchPrefix), sweepNames(namedDir))
}

// labOf reads from the environment of a process which lab's program it is; "" is none, or a process that has ended.
func labOf(environ string) string {
	text, err := os.ReadFile(environ)
	if err != nil {
		return ""
	}
	for entry := range bytes.SplitSeq(text, []byte{0}) {
		if dir, ours := bytes.CutPrefix(entry, []byte(labVariable+"=")); ours {
			return string(dir)
		}
	}
	return ""
}

// sweepNames removes the names vigil-PID-N-HOST that labs had in /run/netns before they did without names, where the process is
// gone. Such a name may be no mount, or no longer: the first `ip netns add` of a machine hides the mounts made before it.
func sweepNames(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, namedPrefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(name), namedPrefix), "-")
		pid, err := strconv.Atoi(digits)
		if err != nil || pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if err := unix.Unmount(name, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("unmount namespace %s: %w", name, err))
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove the name of namespace %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
