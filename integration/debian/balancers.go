package debian

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

// balancersSuite is the release whose HAProxy and nginx the examples are tried with.
const balancersSuite = "bookworm"

// balancers are the programs of Balancers, by their packages.
var balancers = map[string]string{"haproxy": "usr/sbin/haproxy", "nginx": "usr/sbin/nginx"}

// Balancers returns the directory that holds haproxy and nginx. They are unpacked, not installed: an installation would start them.
func Balancers(ctx context.Context, notice io.Writer) (string, error) {
	dir, here := filepath.Join(CacheDir(), balancersSuite, "balancers"), true
	for pkg := range balancers {
		if _, err := os.Stat(filepath.Join(dir, pkg)); err != nil {
			here = false
		}
	}
	if here { // also for a machine without a network, and one that cannot lock the cache
		return dir, nil
	}
	r, unlock, err := Open(ctx, balancersSuite)
	if err != nil {
		return "", err
	}
	defer unlock()
	for pkg, file := range balancers {
		if dir, err = r.program(ctx, "balancers", pkg, file, "", notice); err != nil {
			return "", err
		}
	}
	return dir, nil
}
