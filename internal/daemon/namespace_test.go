package daemon

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

// onAThreadOfItsOwn runs f on a thread that is thrown away: it may be in another namespace afterwards.
func onAThreadOfItsOwn(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- f()
	}()
	return <-result
}

func TestNamespaceThatIsNone(t *testing.T) {
	enter := func(name string) error { return onAThreadOfItsOwn(func() error { return enterNamespace(name) }) }
	if err := enter("no-such-namespace"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such namespace: %v", err)
	}
	for _, name := range []string{"..", ".", "../../proc/self/ns/net", "/proc/self/ns/net"} {
		if err := enter(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestNothingIsExecutedWithoutANamespace: the program goes on, to say so.
func TestNothingIsExecutedWithoutANamespace(t *testing.T) {
	err := onAThreadOfItsOwn(func() error {
		return reexec(Options{}, "no-such-namespace", true, func() error {
			t.Error("about to execute")
			return errors.New("not so")
		})
	})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reexec: %v", err)
	}
}

// TestOnlyWhatKeepalivedForgivesIsForgiven: a namespace that cannot be entered ends the program without an exit status that
// says so; everything else on the way there does say so.
func TestOnlyWhatKeepalivedForgivesIsForgiven(t *testing.T) {
	err := onAThreadOfItsOwn(func() error { return reexec(Options{}, "no-such-namespace", false, nil) })
	if _, ok := errors.AsType[notEntered](err); !ok {
		t.Errorf("no such namespace: %v", err)
	}
}

// inAMachineOfItsOwn runs f where /run is empty but for the network namespace called here, with flags for its mount.
func inAMachineOfItsOwn(t *testing.T, flags uintptr, f func() error) error {
	t.Helper()
	testlan.RequireNetns(t)
	const here = "/run/netns/here"
	return onAThreadOfItsOwn(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
		return errors.Join(
			unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
			unix.Mount("run", "/run", "tmpfs", 0, ""),
			os.Mkdir("/run/netns", 0o755),
			os.WriteFile(here, nil, 0o644),
			unix.Mount("/proc/thread-self/ns/net", here, "", unix.MS_BIND, ""),
			unix.Mount("", "/run", "", unix.MS_REMOUNT|flags, ""),
			f(),
		)
	})
}

var errCalledOff = errors.New("called off")

// TestNothingStaysOfAMoveThatIsCalledOff: a stop may come just before the program executes itself again.
func TestNothingStaysOfAMoveThatIsCalledOff(t *testing.T) {
	err := inAMachineOfItsOwn(t, 0, func() error {
		err := reexec(Options{}, "here", true, func() error {
			if _, err := os.Stat(pidDir + "/here"); err == nil {
				t.Error("the directory is visible below its own")
			}
			return errCalledOff
		})
		if _, stat := os.Stat(pidDir); !errors.Is(stat, fs.ErrNotExist) {
			t.Errorf("%s is left behind: %v", pidDir, stat)
		}
		return err
	})
	if !errors.Is(err, errCalledOff) {
		t.Error(err)
	}
}

// TestPIDFilesElsewhereNeedNoDirectory: /run may be read-only, which is why they are elsewhere.
func TestPIDFilesElsewhereNeedNoDirectory(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		o     Options
		moves bool
	}{
		{"all", Options{VRRP: true, Checkers: true, PIDFiles: PIDFiles{Daemon: "/tmp/d", VRRP: "/tmp/v", Checkers: "/tmp/c"}}, true},
		{"all that are written", Options{VRRP: true, PIDFiles: PIDFiles{Daemon: "/tmp/d", VRRP: "/tmp/v"}}, true},
		{"not all", Options{VRRP: true, Checkers: true, PIDFiles: PIDFiles{Daemon: "/tmp/d", VRRP: "/tmp/v"}}, false},
		{"none", Options{VRRP: true}, false},
	} {
		tt.o.Logger = slog.New(slog.DiscardHandler)
		err := inAMachineOfItsOwn(t, unix.MS_RDONLY, func() error {
			return reexec(tt.o, "here", true, func() error { return errCalledOff })
		})
		if tt.moves && !errors.Is(err, errCalledOff) || !tt.moves && !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v", tt.rule, err)
		}
	}
}
