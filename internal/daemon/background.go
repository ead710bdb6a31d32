package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// backgroundMark tells the re-executed process that it is the one in the background.
const backgroundMark = "VIGIL_BACKGROUND"

// Background puts the daemon into the background. A Go process cannot fork, so it starts its own executable again in
// a new session, with the working directory "/" and no terminal. It returns true in that process and false in the
// one that should now exit.
func Background(argv []string) (bool, error) {
	if os.Getenv(backgroundMark) != "" {
		if err := os.Unsetenv(backgroundMark); err != nil {
			return false, err
		}
		return true, nil
	}
	path, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("go into the background: %w", err)
	}
	cmd := exec.Command(path)
	cmd.Args = argv
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), backgroundMark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil { // stdin, stdout and stderr are /dev/null
		return false, fmt.Errorf("go into the background: %w", err)
	}
	return false, cmd.Process.Release()
}
