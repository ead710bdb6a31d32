package lan_test

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vigil/vrrp/lan/lantest"
)

// withoutSysctls runs f on a thread for which /proc/sys is read-only, as in most containers.
func withoutSysctls(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		for _, m := range []struct {
			source, target string
			flags          uintptr
		}{{"", "/", unix.MS_REC | unix.MS_PRIVATE}, {"/proc/sys", "/proc/sys", unix.MS_BIND},
			{"", "/proc/sys", unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY}} {
			if err == nil {
				err = unix.Mount(m.source, m.target, "", m.flags, "")
			}
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestLinkWhereSettingsAreReadOnly: it is made, and what could not be set is said each time until it can be.
func TestLinkWhereSettingsAreReadOnly(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	sysctl(t, a, "net/ipv4/conf/all/rp_filter", "2")
	var said []string
	withoutSysctls(t, func() {
		for range 3 {
			link, _, err := a.Kernel.MakeLink(vmac51)
			if err == nil || !link.Up || link.Name != "vrrp.51" {
				t.Errorf("%+v, %v", link, err)
			} else {
				said = append(said, err.Error())
			}
		}
	})
	for _, text := range said {
		if text != said[0] || !strings.Contains(text, "eth0/rp_filter: read-only") || !strings.Contains(text, "vrrp.51/disable_ipv6: read-only") {
			t.Errorf("%q, the first was %q", text, said[0])
		}
	}
	if link, _, err := a.Kernel.MakeLink(vmac51); err != nil || !link.Up {
		t.Errorf("when it can be written: %+v, %v", link, err)
	}
	expect(t, "then", parentSettings(t, a), "1 1 2 2 0")
	if err := a.Kernel.RemoveLink("vrrp.51"); err != nil {
		t.Error(err)
	}
	expect(t, "afterwards", parentSettings(t, a), "0 0 0 0 2")
}
