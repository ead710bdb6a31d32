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
	return r.program(ctx, "bin", "keepalived", "usr/sbin/keepalived", "/etc/keepalived", notice)
}

// program unpacks a package with its libraries and puts a script that runs its program into a directory, which is returned. In a
// mount namespace of its own the program finds the files that its package has in etc, if that is not "".
func (r *Release) program(ctx context.Context, bin, pkg, file, etc string, notice io.Writer) (dir string, err error) {
	dir = r.path(bin)
	script := filepath.Join(dir, filepath.Base(file))
	if _, err := os.Stat(script); err == nil {
		return dir, nil
	}
	say(notice, "downloading %s of Debian %s with its libraries; they are unpacked in %s, not installed", pkg, r.Suite, r.Dir)
	root := r.path(pkg)
	if err := r.UnpackWithLibraries(ctx, root, pkg); err != nil {
		return "", err
	}
	text, err := start(root, file, etc)
	if err != nil {
		return "", err
	}
	// Renamed into place: its presence means that all is there.
	err = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(script+".new", []byte(text), 0o755), os.Rename(script+".new", script))
	return dir, err
}

// start is a shell script that runs the program in file below root on the libraries there: the dynamic loader of that tree is told
// where they are.
func start(root, file, etc string) (string, error) {
	for _, where := range []string{"lib64", "usr/lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"} {
		loader := filepath.Join(root, where, "ld-linux-x86-64.so.2")
		if info, err := os.Lstat(loader); err != nil || !info.Mode().IsRegular() { // a link may lead out of the tree
			continue
		}
		private := ""
		if etc != "" {
			private = fmt.Sprintf(`unshare --mount --propagation private sh -c 'mount --bind %s%s %[2]s && exec "$@"' sh \
	`, root, etc)
		}
		libraries := strings.Join([]string{filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "lib/x86_64-linux-gnu")}, ":")
		return fmt.Sprintf(`#!/bin/sh
exec %s%s --argv0 %s --library-path %s %s "$@"
`, private, loader, filepath.Base(file), libraries, filepath.Join(root, file)), nil
	}
	return "", fmt.Errorf("the tree %s has no dynamic loader", root)
}
