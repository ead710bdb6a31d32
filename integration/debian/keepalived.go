package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Keepalived returns the directory that holds the program keepalived of another release, to be put first in PATH, and nothing
// else. Behind it is a tree with the libraries of that release.
func Keepalived(ctx context.Context, suite string, notice io.Writer) (string, error) {
	r, unlock, err := Open(ctx, suite)
	if err != nil {
		return "", err
	}
	defer unlock()
	bin := r.path("bin")
	program := filepath.Join(bin, "keepalived")
	if _, err := os.Stat(program); err == nil {
		return bin, nil
	}
	say(notice, "downloading keepalived of Debian %s with its libraries; they are unpacked in %s, not installed", suite, r.Dir)
	root := r.path("keepalived")
	if err := r.UnpackWithLibraries(ctx, root, "keepalived"); err != nil {
		return "", err
	}
	script, err := start(root)
	if err != nil {
		return "", err
	}
	// Renamed into place: its presence means that all is there.
	err = errors.Join(os.MkdirAll(bin, 0o755), os.WriteFile(program+".new", []byte(script), 0o755), os.Rename(program+".new", program))
	return bin, err
}

// start is a shell script that runs keepalived below root on the libraries there: the dynamic loader of that tree is told where
// they are, and in a mount namespace of its own the program finds the file that its package has in /etc/keepalived.
func start(root string) (string, error) {
	for _, where := range []string{"lib64", "usr/lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"} {
		loader := filepath.Join(root, where, "ld-linux-x86-64.so.2")
		if info, err := os.Lstat(loader); err != nil || !info.Mode().IsRegular() { // a link may lead out of the tree
			continue
		}
		libraries := strings.Join([]string{filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "lib/x86_64-linux-gnu")}, ":")
		return fmt.Sprintf(`#!/bin/sh
exec unshare --mount --propagation private sh -c 'mount --bind %[1]s/etc/keepalived /etc/keepalived && exec "$@"' sh \
	%[2]s --argv0 keepalived --library-path %[3]s %[1]s/usr/sbin/keepalived "$@"
`, root, loader, libraries), nil
	}
	return "", fmt.Errorf("the tree %s has no dynamic loader", root)
}
