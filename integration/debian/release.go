// Package debian gets kernels and programs out of Debian's archive: those of this machine's release, which it installs, and those
// of other releases, which it unpacks into a cache and never installs.
//
// It works on package lists and a cache of its own, which it fetches anew when something is missing: the machine's may be months
// old and name packages that are no longer there, and another process may hold their locks.
package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Release is one release of Debian in a directory of the cache. Open gives one to one process at a time.
type Release struct {
	Suite string // as the archive calls it: bookworm, trixie, sid
	Dir   string

	updated bool
}

// CacheDir is VIGIL_CACHE, or below XDG_CACHE_HOME, or /var/cache/vigil.
func CacheDir() string {
	if dir := os.Getenv("VIGIL_CACHE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "vigil")
	}
	return "/var/cache/vigil"
}

// Open waits until no other process is at work on the release's directory and makes it if need be.
func Open(ctx context.Context, suite string) (r *Release, unlock func(), err error) {
	r = &Release{Suite: suite, Dir: filepath.Join(CacheDir(), suite)}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, nil, err
	}
	unlock, err = Lock(ctx, filepath.Join(r.Dir, "lock"))
	return r, unlock, err
}

// options keep apt from the machine's sources, lists, cache, preferences and list of what is installed; the lock of Open stands
// for apt's own.
func (r *Release) options(args ...string) []string {
	o := []string{"-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", "-o", "APT::Install-Recommends=0",
		"-o", "Acquire::Languages=none"}
	for name, value := range map[string]string{"Etc::sourcelist": r.path("sources.list"), "Etc::sourceparts": r.path("empty"),
		"Etc::preferences": "/dev/null", "Etc::preferencesparts": r.path("empty"), "State::lists": r.path("lists"), "State::status": r.path("status"), "Cache": r.path("apt")} {
		o = append(o, "-o", "Dir::"+name+"="+value)
	}
	return append(o, args...)
}

func (r *Release) path(name string) string { return filepath.Join(r.Dir, name) }

// update fetches the lists, once.
func (r *Release) update(ctx context.Context) error {
	if r.updated {
		return nil
	}
	uri, err := mirror("/etc/apt")
	if err != nil {
		return err
	}
	source := fmt.Sprintf("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", uri, r.Suite)
	err = errors.Join(os.WriteFile(r.path("sources.list"), []byte(source), 0o644), os.WriteFile(r.path("status"), nil, 0o644),
		os.MkdirAll(r.path("empty"), 0o755), os.MkdirAll(r.path("lists/partial"), 0o755), os.MkdirAll(r.archives("partial"), 0o755))
	if err == nil {
		err = quietly(ctx, "", "apt-get", r.options("update")...)
	}
	r.updated = err == nil
	return err
}

// Depends lists what a package needs by the names that begin with prefix.
func (r *Release) Depends(ctx context.Context, pkg, prefix string) ([]string, error) {
	if err := r.update(ctx); err != nil {
		return nil, err
	}
	text, err := exec.CommandContext(ctx, "apt-cache", r.options("depends", pkg)...).Output()
	if err != nil {
		return nil, fmt.Errorf("what %s of %s depends on: %w", pkg, r.Suite, err)
	}
	return dependencies(string(text), prefix), nil
}

// dependencies reads the output of `apt-cache depends`.
func dependencies(text, prefix string) (names []string) {
	for line := range strings.Lines(text) {
		if dep, found := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); found && strings.HasPrefix(dep, prefix) {
			names = append(names, dep)
		}
	}
	return names
}

// Unpack downloads packages and unpacks them below root, which holds nothing else then.
func (r *Release) Unpack(ctx context.Context, root string, packages ...string) error {
	return r.unpack(ctx, root, append([]string{"download"}, packages...))
}

// UnpackWithLibraries is Unpack for a program: all that its package depends on comes with it, whatever this machine has.
func (r *Release) UnpackWithLibraries(ctx context.Context, root, pkg string) error {
	return r.unpack(ctx, root, []string{"install", "--download-only", "-y", pkg})
}

func (r *Release) unpack(ctx context.Context, root string, command []string) error {
	if err := r.update(ctx); err != nil {
		return err
	}
	// What a killed run left is not what is asked for.
	err := errors.Join(os.RemoveAll(root), os.RemoveAll(r.archives()), os.MkdirAll(r.archives("partial"), 0o755))
	if err == nil {
		err = quietly(ctx, r.archives(), "apt-get", r.options(command...)...)
	}
	if err != nil {
		return err
	}
	files, err := filepath.Glob(r.archives("*.deb"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("apt-get %s left no package", strings.Join(command, " "))
	}
	for _, file := range files {
		if err == nil {
			err = quietly(ctx, "", "dpkg-deb", "-x", file, root)
		}
	}
	return errors.Join(err, os.RemoveAll(r.archives()))
}

// archives is where apt puts packages, and what it is told to download.
func (r *Release) archives(name ...string) string {
	return filepath.Join(append([]string{r.Dir, "apt/archives"}, name...)...)
}

// quietly runs a program whose output matters only if it fails.
func quietly(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func say(w io.Writer, format string, args ...any) {
	if w != nil {
		fmt.Fprintf(w, format+"\n", args...)
	}
}

// Lock waits until this process alone holds the file. The lock ends with the process.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for %s: %w", path, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
