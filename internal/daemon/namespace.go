package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// namespaceMark tells the program that has executed itself again which network namespace it is in by now.
	namespaceMark = "VIGIL_NAMESPACE"
	// pidDirMark tells it that the directory of pid files is the namespace's own there.
	pidDirMark = "VIGIL_PID_DIR"
	// initNamespace is the network namespace of the machine's first process.
	initNamespace = "/proc/1/ns/net"
)

// namespacePath is where iproute2 keeps the network namespace called name.
func namespacePath(name string) string { return "/run/netns/" + name }

// errElsewhere says that the process belongs in another network namespace. Nothing has been opened yet.
var errElsewhere = errors.New("the process belongs in another network namespace")

// notEntered is an error with which keepalived ends without an exit status that says so.
type notEntered struct{ error }

func (e notEntered) Unwrap() error { return e.error }

// lines are those that keepalived writes about it, with what it does not know.
func (e notEntered) lines(name string) [2]string {
	first := e.Error()
	if rest, ok := strings.CutPrefix(first, "failed"); ok {
		first = "Failed" + rest
	}
	return [...]string{first, "Unable to set network namespace " + name + " - exiting"}
}

// Reentered completes o in a process that is in its network namespace because it has executed itself again there.
func (o *Options) Reentered() error {
	o.entered = os.Getenv(namespaceMark)
	o.ownPIDDir = o.entered != "" && os.Getenv(pidDirMark) != ""
	if comm, err := os.ReadFile("/proc/self/comm"); o.entered != "" && err == nil && strings.TrimSpace(string(comm)) == filepath.Base(ownImage) {
		_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0) // as it would be called if it had been executed by its name
	}
	return errors.Join(os.Unsetenv(namespaceMark), os.Unsetenv(pidDirMark))
}

// reexec executes the program again in the network namespace called name: a thread can be moved, a process with threads
// cannot, and the namespace of the thread that executes is that of all that come after it. It returns only to say why
// not. With dirs the directory of pid files becomes one of the namespace's own, as keepalived has it: what is
// /run/keepalived to the process and its scripts is /run/keepalived/NAME to everybody else. ready is called before the
// point of no return, and may call it off.
func reexec(o Options, name string, dirs bool, ready func() error) error {
	runtime.LockOSThread() // for good: whatever fails after this ends the process
	if err := enterNamespace(name); err != nil {
		return notEntered{err}
	}
	env := append(os.Environ(), namespaceMark+"="+name)
	if dirs {
		switch err := ownPIDDir(name); {
		case err == nil:
			defer leavePIDDir(name)
			env = append(env, pidDirMark+"="+pidDir)
		case o.usesPIDDir():
			return errPIDDir(name, err)
		default: // read-only, perhaps, which is why they are elsewhere
			o.Logger.Warn(errPIDDir(name, err).Error())
		}
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	if o.background != "" {
		env = append(env, backgroundMark+"="+o.background)
		if _, err := unix.FcntlInt(startedFD, unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("keep whoever waits for the start: %w", err)
		}
	}
	if err := ready(); err != nil {
		return err
	}
	err = syscall.Exec(path, os.Args, env)
	if errors.Is(err, fs.ErrNotExist) { // removed since, or not to be found by that name from this mount namespace
		err = syscall.Exec(ownImage, os.Args, env)
	}
	return fmt.Errorf("execute %s in network namespace %s: %w", path, name, err)
}

// ownImage is the program that runs, whatever has become of its file.
const ownImage = "/proc/self/exe"

// enterNamespace moves the calling thread.
func enterNamespace(name string) error {
	if strings.Contains(name, "/") || name == "." || name == ".." {
		return fmt.Errorf("failed to open %s: %q is no name of a network namespace", namespacePath(name), name)
	}
	fd, err := unix.Open(namespacePath(name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("failed to open %s: %w; create it first: ip netns add %s", namespacePath(name), err, name)
	case err != nil:
		return fmt.Errorf("failed to open %s: %w", namespacePath(name), err)
	}
	defer unix.Close(fd)
	switch err := unix.Setns(fd, unix.CLONE_NEWNET); {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("setns() to %s failed: %w; it takes CAP_SYS_ADMIN: run as root, or start the program in the namespace: "+
			"ip netns exec %s", namespacePath(name), err, name)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("setns() to %s failed: %w; it is no network namespace: ip netns del %s, ip netns add %s",
			namespacePath(name), err, name, name)
	case err != nil:
		return fmt.Errorf("setns() to %s failed: %w", namespacePath(name), err)
	}
	return nil
}

// ownPIDDir gives the calling thread, and what it executes, a mount namespace in which the directory of pid files is the
// network namespace's own. What others mount later is seen there too.
func ownPIDDir(name string) error {
	own := filepath.Join(pidDir, name)
	for _, dir := range []string{pidDir, own} {
		if err := makeDir(dir); err != nil {
			return err
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts follow those of others: %w", err)
	}
	if err := unix.Mount(own, pidDir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", own, pidDir, err)
	}
	return nil
}

func errPIDDir(name string, err error) error {
	return fmt.Errorf("give network namespace %s a directory %s of its own: %w", name, pidDir, err)
}

// leavePIDDir undoes ownPIDDir, unless somebody else has something in the directories.
func leavePIDDir(name string) {
	if err := unix.Unmount(pidDir, unix.MNT_DETACH); err != nil {
		return
	}
	_ = os.Remove(filepath.Join(pidDir, name))
	_ = os.Remove(pidDir)
}

// usesPIDDir reports whether a process that is to run in a network namespace has pid files where keepalived has them, and
// not all where the command line says.
func (o Options) usesPIDDir() bool {
	f := o.PIDFiles
	return f.Daemon == "" || o.VRRP && f.VRRP == "" || o.Checkers && f.Checkers == ""
}

// removePIDDir removes the directory of pid files, if there are any of ours in it, and that of the network namespace,
// unless somebody else has something in them.
func (o *Options) removePIDDir() {
	switch f := o.PIDFiles; {
	case o.ownPIDDir:
		leavePIDDir(o.entered)
	case slices.Contains([]string{filepath.Dir(f.Daemon), filepath.Dir(f.VRRP), filepath.Dir(f.Checkers)}, pidDir):
		_ = os.Remove(pidDir)
	}
}

// makeDirs makes a directory, and those above it, that all can read, whatever the umask.
func makeDirs(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if above := filepath.Dir(path); above != path {
		if err := makeDirs(above); err != nil {
			return err
		}
	}
	return makeDir(path)
}

// makeDir makes a directory that all can read, whatever the umask.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}
