package namespace

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// inside is the network namespace that the thread of the caller is in.
func inside(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// unprivileged runs f on a thread without capabilities, which ends with it.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		var none [2]unix.CapUserData
		err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestOwnNamespaceNeedsNoCapability: containers give NET_ADMIN and NET_RAW, and setns(2) wants SYS_ADMIN even for the
// namespace that one is in, by whatever name it was opened.
func TestOwnNamespaceNeedsNoCapability(t *testing.T) {
	here := inside(t)
	for name, open := range map[string]func() (Network, error){
		"the thread's": OfThread,
		"of a path":    func() (Network, error) { return At("/proc/thread-self/ns/net") },
	} {
		unprivileged(t, func() {
			n, err := open()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			defer n.Close()
			did := ""
			if err := n.Do(func() error { did = inside(t); return nil }); err != nil || did != here {
				t.Errorf("%s: %v, in %q, want %q", name, err, did, here)
			}
		})
	}
}

// TestOtherNamespace: it is entered, left again whatever f says, and not entered without the capability.
func TestOtherNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making network namespaces needs root")
	}
	holder := exec.Command("unshare", "-n", "sh", "-c", "echo; read end")
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := holder.StdinPipe()
	if err == nil {
		err = holder.Start()
	}
	if err == nil {
		_, err = out.Read(make([]byte, 1)) // it is in its namespace
	}
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer in.Close()
	path := "/proc/" + strconv.Itoa(holder.Process.Pid) + "/ns/net"
	want, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := At(path)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here := inside(t)
	for _, said := range []error{nil, errors.New("failed")} {
		did := ""
		if err := n.Do(func() error { did = inside(t); return said }); !errors.Is(err, said) || did != want || inside(t) != here {
			t.Errorf("%v, in %q, want %q, and now in %q", err, did, want, inside(t))
		}
	}
	unprivileged(t, func() {
		if err := n.Do(func() error { return nil }); !errors.Is(err, unix.EPERM) {
			t.Errorf("without the capability: %v", err)
		}
	})
}

func TestNoNamespace(t *testing.T) {
	if _, err := At("/nonexistent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
