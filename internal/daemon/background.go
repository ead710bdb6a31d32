package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

const (
	// backgroundMark tells the re-executed process that it is the one in the background, and the directory in which the
	// command was given: the name of the configuration file is relative to that.
	backgroundMark = "VIGIL_BACKGROUND"
	// startedFD is the file descriptor on which that process says that it has started.
	startedFD = 3
)

// Background puts the daemon with the command line argv, of which o is the meaning, into the background. A Go process
// cannot fork, so it starts its own executable again in a new session, with the working directory "/" and no terminal.
//
// In that process goOn is true, and o is completed. The one that was called waits for the other, and is to exit with
// status: 0 once the daemon runs, or what it has ended with instead.
func Background(o *Options, argv []string) (goOn bool, status int, err error) {
	if dir := os.Getenv(backgroundMark); dir != "" {
		if err := os.Unsetenv(backgroundMark); err != nil {
			return false, ExitFatal, err
		}
		if !filepath.IsAbs(o.ConfigFile) {
			o.ConfigFile = filepath.Join(dir, o.ConfigFile)
		}
		o.background = dir
		syscall.CloseOnExec(startedFD)
		pipe := os.NewFile(startedFD, "started")
		o.Started = func() {
			_, _ = pipe.Write([]byte{0}) // whoever waited may have been killed
			pipe.Close()
		}
		return true, 0, nil
	}
	path, err := os.Executable()
	if err == nil {
		status, err = startAndWait(path, argv)
	}
	if err != nil {
		return false, ExitFatal, fmt.Errorf("go into the background: %w", err)
	}
	return false, status, nil
}

// startAndWait starts path in the background and waits until it has started or ended.
func startAndWait(path string, argv []string) (status int, err error) {
	here, err := os.Getwd()
	if err != nil {
		here = "/" // the directory has been removed: names relative to it lead nowhere
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	cmd := exec.Command(path)
	cmd.Args = argv
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), backgroundMark+"="+here)
	cmd.ExtraFiles = []*os.File{w} // startedFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// Until the other one catches them they must not end it. This one has only to wait.
	signal.Ignore(HandledSignals()...)
	err = cmd.Start() // stdin, stdout and stderr are /dev/null
	w.Close()
	if err != nil {
		return 0, err
	}
	if n, _ := io.ReadFull(r, make([]byte, 1)); n == 1 {
		return 0, cmd.Process.Release()
	}
	// It has closed the pipe without a word, so it ends.
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	return ExitFatal, nil // killed by a signal
}

// recordFile is RecordFile as seen from the directory in which the command was given.
func (o *Options) recordFile() string {
	if o.background == "" || o.RecordFile == "" || filepath.IsAbs(o.RecordFile) {
		return o.RecordFile
	}
	return filepath.Join(o.background, o.RecordFile)
}
