package testlan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netns"
)

const (
	namePrefix = "vigil-"
	netnsDir   = "/run/netns" // where `ip netns` keeps its names
)

// Sweep removes the namespaces of labs whose process is gone, with the programs that still run in them.
func Sweep() error {
	entries, err := os.ReadDir(netnsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list namespaces: %w", err)
	}
	var errs []error
	for _, e := range entries {
		pid, ours := owner(e.Name())
		if !ours || alive(pid) {
			continue
		}
		for _, p := range inhabitants(filepath.Join(netnsDir, e.Name())) {
			_ = syscall.Kill(p, syscall.SIGKILL) // it may have ended by itself
		}
		if err := netns.DeleteNamed(e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("delete namespace %s: %w", e.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// owner reads the process id out of a namespace name.
func owner(name string) (pid int, ours bool) {
	rest, ours := strings.CutPrefix(name, namePrefix)
	if !ours {
		return 0, false
	}
	digits, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(digits)
	return pid, err == nil && pid > 0
}

func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// inhabitants lists the processes whose network namespace is the one mounted at path.
func inhabitants(path string) []int {
	var want syscall.Stat_t
	if syscall.Stat(path, &want) != nil {
		return nil
	}
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, link := range links {
		var st syscall.Stat_t
		if syscall.Stat(link, &st) != nil || st.Ino != want.Ino || st.Dev != want.Dev {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
