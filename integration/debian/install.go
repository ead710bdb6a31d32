package debian

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// packages has the Debian package of each program that Install knows.
var packages = map[string]string{
	"bird":               "bird2",
	"chromium":           "chromium",
	"busybox":            "busybox-static",
	"conntrackd":         "conntrackd",
	"curl":               "curl",
	"dnsmasq":            "dnsmasq-base",
	"dpkg-deb":           "dpkg",
	"ip":                 "iproute2",
	"ipvsadm":            "ipvsadm",
	"keepalived":         "keepalived",
	"modprobe":           "kmod",
	"nft":                "nftables",
	"nginx":              "nginx-light",
	"openssl":            "openssl",
	"patch":              "patch",
	"qemu-system-x86_64": "qemu-system-x86",
	"smtpd":              "opensmtpd",
	"sysctl":             "procps",
	"unshare":            "util-linux",
	"vtysh":              "frr",
	"xz":                 "xz-utils",
	"zstd":               "zstd",
}

// Peers are the programs that the tests talk to and use.
var Peers = []string{"bird", "conntrackd", "curl", "dnsmasq", "keepalived", "ip", "ipvsadm", "nft", "nginx", "openssl", "patch", "smtpd", "sysctl",
	"unshare", "vtysh"}

// Install installs the packages of the programs that are missing on this machine, with a line on notice that says so. Lists and
// downloads are its own; for the lock of dpkg it waits.
func Install(ctx context.Context, notice io.Writer, programs ...string) error {
	missing := missing(programs)
	if len(missing) == 0 {
		return nil
	}
	dir := filepath.Join(CacheDir(), "machine")
	if err := os.MkdirAll(filepath.Join(dir, "lists/partial"), 0o755); err != nil {
		return err
	}
	unlock, err := Lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	say(notice, "installing the Debian packages %s", strings.Join(missing, ", "))
	own := []string{"-qq", "-o", "Dir::State::lists=" + filepath.Join(dir, "lists"), "-o", "Dir::Cache=" + filepath.Join(dir, "apt"),
		"-o", "DPkg::Lock::Timeout=600"}
	if err := os.MkdirAll(filepath.Join(dir, "apt/archives/partial"), 0o755); err != nil {
		return err
	}
	configured := quietly(ctx, "", "dpkg", "--configure", "-a") // it may have been killed in the midst of another installation
	// A source that has nothing to do with Debian may fail to update: what counts is whether the packages can be had.
	updated := quietly(ctx, "", "apt-get", append(own, "update")...)
	err = quietly(ctx, "", "apt-get", slices.Concat(own, []string{"install", "-y", "--no-install-recommends"}, missing)...)
	if err != nil {
		return errors.Join(err, updated, configured)
	}
	return os.RemoveAll(filepath.Join(dir, "apt"))
}

// missing lists the packages of the programs that are not here.
func missing(programs []string) (names []string) {
	for _, program := range programs {
		if _, err := LookPath(program); err == nil {
			continue
		}
		if pkg := packages[program]; !slices.Contains(names, pkg) {
			names = append(names, pkg)
		}
	}
	return names
}

// LookPath is exec.LookPath, with a look into the directories of the administrator's programs, which PATH may lack.
func LookPath(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, found := exec.LookPath(filepath.Join(dir, program)); found == nil {
			return path, nil
		}
	}
	return "", err
}
