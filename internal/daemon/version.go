package daemon

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Version is Vigil's own version.
const Version = "0.1.0"

// compatVersion is the keepalived release whose configuration and behaviour Vigil follows. It stands first in the
// output of -v, because exporters parse the second word as a keepalived version.
const (
	compatVersion = "v2.4.3"
	compatDate    = "08/13,2026"
)

// banner is the product as keepalived's logs name it.
func banner() string {
	return "Keepalived " + compatVersion + " (" + compatDate + "), Vigil " + Version
}

// WriteVersion prints what -v prints, laid out as keepalived does.
func WriteVersion(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nCopyright(C) 2026 the Vigil authors, Apache-2.0\n\nBuilt with %s\n", banner(), runtime.Version())
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		fmt.Fprintf(w, "Running on %s %s %s\n", unix.ByteSliceToString(u.Sysname[:]),
			unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Version[:]))
	}
	if d := distribution(); d != "" {
		fmt.Fprintf(w, "Distro: %s\n", d)
	}
	fmt.Fprint(w, "\nConfig options:  LVS VRRP VRRP_AUTH SYSTEMD_NOTIFY\n")
}

// distribution returns PRETTY_NAME of /etc/os-release, or "".
func distribution() string {
	b, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}
