package confparse

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"vigil/confparse/syntax"
)

// System is what can be asked about the machine a configuration is for. A nil function means "do not check".
type System struct {
	// Interface reports whether there is a network interface of this name.
	Interface func(name string) bool
	// MTU returns the largest packet of an interface, and false when that is not known.
	MTU func(name string) (int, bool)
	// Account resolves a user and a group; an empty group is the user's own.
	Account func(user, group string) (uid, gid uint32, err error)
	// Program says whether a file can be run as uid and gid.
	Program func(path string, uid, gid uint32) ProgramState
	// RealPath returns the file that a program is, without symbolic links; a bare name is searched in PATH. "" = unknown.
	RealPath func(path string) string
	// KeyFile reads a file with a key, of which it need not return more than a few hundred bytes.
	KeyFile func(path string) ([]byte, fs.FileMode, error)
	// Namespace reports whether there is a named network namespace.
	Namespace func(name string) bool
	// RouteNames returns what a table of iproute2 in a directory names, such as rt_tables, and nothing when there is none.
	RouteNames func(dir, file string) map[string]uint32
	// Resolve reports whether a host name has an address.
	Resolve func(host string) bool
	// MemberFile says what is wrong with a file of real_servers_from, or nil.
	MemberFile func(path string) error
}

// ProgramState is what can be wrong with a program.
type ProgramState uint8

// The states of a program. An insecure one can be changed by others than root.
const (
	ProgramOK ProgramState = iota
	ProgramMissing
	ProgramNotExecutable
	ProgramInsecure
)

// OSSystem returns the System of this machine. Interfaces are listed once, at the first question.
func OSSystem() System {
	interfaces := sync.OnceValue(func() map[string]int {
		mtu := map[string]int{}
		list, _ := net.Interfaces()
		for _, i := range list {
			mtu[i.Name] = i.MTU
		}
		return mtu
	})
	return System{
		Interface:  func(name string) bool { _, ok := interfaces()[name]; return ok },
		MTU:        func(name string) (int, bool) { mtu, ok := interfaces()[name]; return mtu, ok },
		Account:    osAccount,
		Program:    osProgram,
		RealPath:   osRealPath,
		KeyFile:    osKeyFile,
		Namespace:  func(name string) bool { _, err := os.Stat("/run/netns/" + name); return err == nil },
		RouteNames: osRouteNames,
		Resolve:    func(host string) bool { a, err := net.LookupHost(host); return err == nil && len(a) > 0 },
	}
}

func osKeyFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syntax.NoWait, 0) // a pipe would be waited for
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is no regular file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	return content, info.Mode(), err
}

func osAccount(name, group string) (uid, gid uint32, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		if n, numErr := strconv.ParseUint(name, 10, 32); numErr == nil {
			u, err = &user.User{Uid: strconv.FormatUint(n, 10), Gid: "0"}, nil
		}
	}
	if err != nil {
		return 0, 0, fmt.Errorf("no user %s", name)
	}
	gidText := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		switch n, numErr := strconv.ParseUint(group, 10, 32); {
		case err == nil:
			gidText = g.Gid
		case numErr == nil:
			gidText = strconv.FormatUint(n, 10)
		default:
			return 0, 0, fmt.Errorf("no group %s", group)
		}
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("user %s: %w", name, err)
	}
	gd, err := strconv.ParseUint(gidText, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("group of user %s: %w", name, err)
	}
	return uint32(id), uint32(gd), nil
}

// osProgram follows keepalived's rules: a bare name is searched in PATH, the file must be executable for the account,
// and no component of its path may be writable for anybody but root.
func osProgram(path string, uid, gid uint32) ProgramState {
	path = inPath(path)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ProgramMissing
	}
	if !executableFor(info, uid, gid) {
		return ProgramNotExecutable
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ProgramMissing
	}
	for _, p := range []string{path, real} {
		for ; ; p = filepath.Dir(p) {
			if info, err := os.Lstat(p); err != nil || writableByOthers(info) {
				return ProgramInsecure
			}
			if p == "/" || p == "." {
				break
			}
		}
	}
	return ProgramOK
}

// inPath is where a bare name is found in PATH; other paths, and names that are not found, are as they are.
func inPath(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, name)
		}
	}
	return name
}

func osRealPath(path string) string {
	real, err := filepath.EvalSymlinks(inPath(path))
	if err != nil || !filepath.IsAbs(real) {
		return ""
	}
	return real
}

func executableFor(info fs.FileInfo, uid, gid uint32) bool {
	mode := info.Mode().Perm()
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case uid == 0 || !ok:
		return mode&0o111 != 0
	case st.Uid == uid:
		return mode&0o100 != 0
	case st.Gid == gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

func writableByOthers(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&fs.ModeSymlink != 0 {
		return false
	}
	if st.Uid != 0 {
		return true
	}
	if info.IsDir() && info.Mode()&fs.ModeSticky != 0 {
		return false
	}
	mode := info.Mode().Perm()
	return mode&0o002 != 0 || mode&0o020 != 0 && st.Gid != 0
}
