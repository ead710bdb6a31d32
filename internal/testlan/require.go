package testlan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// RequireNetns skips the test, saying why, where network namespaces cannot be made. With REQUIRE_NETNS=1 it fails instead.
func RequireNetns(t testing.TB) {
	t.Helper()
	if err := netnsUsable(); err != nil {
		unmet(t, "REQUIRE_NETNS", fmt.Errorf("needs network namespaces: %w", err))
	}
}

// ForTest makes an empty lab that ends with the test. Where network namespaces cannot be made it skips the test, as RequireNetns.
func ForTest(t testing.TB) *Lab {
	t.Helper()
	RequireNetns(t)
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// RequireIPVS skips the test, saying why, where the kernel has no IPVS. With REQUIRE_IPVS=1 it fails instead.
func RequireIPVS(t testing.TB) {
	t.Helper()
	RequireNetns(t)
	if err := HaveIPVS(); err != nil {
		unmet(t, "REQUIRE_IPVS", err)
	}
}

// RequirePeer skips the test, saying why, if missing is an error: a program of Debian's that it talks to is not there. With
// REQUIRE_NETNS=1 it fails instead, for whoever requires namespaces has had the peers installed.
func RequirePeer(t testing.TB, missing error) {
	t.Helper()
	if missing != nil {
		unmet(t, "REQUIRE_NETNS", fmt.Errorf("needs a peer that is not installed: %w", missing))
	}
}

// RequireModule skips the test, saying why, if missing is an error: this kernel lacks something that Debian's have. With
// VIGIL_TEST_KERNEL=1, in the virtual machines of Debian's kernels, it fails instead.
func RequireModule(t testing.TB, missing error) {
	t.Helper()
	if missing != nil {
		unmet(t, "VIGIL_TEST_KERNEL", missing)
	}
}

func unmet(t testing.TB, variable string, reason error) {
	t.Helper()
	if os.Getenv(variable) == "1" {
		t.Fatalf("%v (%s=1)", reason, variable)
	}
	t.Skip(reason)
}

// netnsUsable tries in a thread that is thrown away.
func netnsUsable() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- unix.Unshare(unix.CLONE_NEWNET)
	}()
	return <-result
}

// HaveIPVS loads ip_vs if the kernel has it as a module, and says what is missing otherwise. The only proof taken is that
// the generic netlink family exists: other calls succeed on a kernel without it.
func HaveIPVS() error {
	if _, err := netlink.GenlFamilyGet("IPVS"); err == nil {
		return nil
	}
	_ = exec.CommandContext(context.Background(), "modprobe", "ip_vs").Run() // judged by the family below
	if _, err := netlink.GenlFamilyGet("IPVS"); err != nil {
		return fmt.Errorf("this kernel has no IPVS (generic netlink family: %w); these tests run in the virtual machine", err)
	}
	return nil
}
