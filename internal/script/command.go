package script

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is a program to run.
type Command struct {
	Argv []string // at least one word
	File string   // that is executed; "" = the first word, which is searched in PATH when it is a bare name
	As   Identity
	// Timeout is how long it may take from its start; 0 = as long as it likes.
	Timeout time.Duration
	// Late, if there is one, is called once when that is over, before the program is made to end; when its start takes twice the
	// time; and when it has waited for its turn, or to be started, for ten times that.
	Late func()
	// Progress, if there is one, says how far it is. It must not be that of another program that runs.
	Progress *Progress
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
	if c.File != "" && argv[0] == c.Argv[0] {
		cmd.Path, cmd.Err = c.File, nil
	}
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	cmd.Env, cmd.Dir = environment(os.Environ()), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	var err error
	cmd.SysProcAttr.Credential, err = c.As.change()
	return cmd, err
}

// environment is env without what would change which code a program runs.
func environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "IFS" || name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH"
	})
}
