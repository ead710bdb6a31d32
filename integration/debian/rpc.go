package debian

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

// RPC returns how to run a program of Python that has gRPC's library: the interpreter, and the environment that it needs. They
// are unpacked, not installed, and are of the release of Balancers.
func RPC(ctx context.Context, notice io.Writer) (python string, env []string, err error) {
	dir := filepath.Join(CacheDir(), balancersSuite)
	python = filepath.Join(dir, "rpc", "python3.11")
	usr := filepath.Join(dir, "python3-grpcio", "usr")
	env = []string{"PYTHONHOME=" + usr, "PYTHONPATH=" + filepath.Join(usr, "lib/python3/dist-packages"), "PYTHONDONTWRITEBYTECODE=1"}
	if _, err := os.Stat(python); err == nil { // also for a machine without a network
		return python, env, nil
	}
	r, unlock, err := Open(ctx, balancersSuite)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	_, err = r.program(ctx, "rpc", "python3-grpcio", "usr/bin/python3.11", "", notice)
	return python, env, err
}
