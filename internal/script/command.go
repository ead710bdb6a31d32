package script

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Command is a program to run.
type Command struct {
	Argv []string // at least one word
	As   Identity
	// Timeout is how long it may take from its start; 0 = as long as it likes.
	Timeout time.Duration
}

// Identity is who a program is run as.
type Identity struct {
	UID, GID uint32
	// Supplementary: with the further groups of the user. Otherwise it has none.
	Supplementary bool
}

// shell is what runs a program that says of itself neither that it is a binary nor what interprets it.
const shell = "/bin/sh"

// prepare returns the process to start. A command that begins with "<" is only a redirection, as in "</etc/ready": the
// shell finds out whether the file can be read.
func (c Command) prepare() (*exec.Cmd, error) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return nil, errors.New("there is no program to run")
	}
	argv := c.Argv
	if strings.HasPrefix(argv[0], "<") {
		argv = []string{shell, "-c", strings.Join(argv, " ")}
	}
	return c.process(argv)
}

// throughShell returns the process that interprets a program without an interpreter, as execvp(3) does.
func (c Command) throughShell(path string) (*exec.Cmd, error) {
	return c.process(append([]string{shell, path}, c.Argv[1:]...))
}

// process returns a process in a group of its own, with nothing of the daemon but the environment: no descriptors, no
// input, and its output goes nowhere. It ends with the thread that starts it.
func (c Command) process(argv []string) (*exec.Cmd, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	cmd.Env, cmd.Dir = environment(os.Environ()), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if os.Geteuid() != 0 && c.As.UID == uint32(os.Geteuid()) && c.As.GID == uint32(os.Getegid()) {
		return cmd, nil
	}
	groups, err := c.As.groups()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.As.UID, Gid: c.As.GID, Groups: groups}
	return cmd, nil
}

// groups are the supplementary groups.
func (i Identity) groups() ([]uint32, error) {
	if !i.Supplementary {
		return nil, nil
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(i.UID), 10))
	if err != nil {
		return nil, fmt.Errorf("groups of user %d: %w", i.UID, err)
	}
	names, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user %s: %w", u.Username, err)
	}
	var groups []uint32
	for _, name := range names {
		if n, err := strconv.ParseUint(name, 10, 32); err == nil {
			groups = append(groups, uint32(n))
		}
	}
	return groups, nil
}

// environment is env without what would change which code a program runs.
func environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "IFS" || name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH"
	})
}
