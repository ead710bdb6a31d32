package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reloadSpec is what surrounds a reload. That of the configuration that runs counts.
type reloadSpec struct {
	Check    bool   // reload_check_config: any error refuses it
	CheckLog string // where the errors are written; "" = nowhere
	TimeFile string // reload_time_file
	Repeat   bool   // reload_repeat
	Mark     bool   // reload_file: there is a file while the configuration is read
	MarkFile string // its name; "" = keepalived's
}

// errCheck is a configuration that reload_check_config refuses.
type errCheck struct{ log string }

func (e errCheck) Error() string {
	return "New config failed validation, see " + e.log + " for details"
}

// validate checks the configuration as --config-test does, if s asks for it. The errors are in the log file, which is emptied
// first.
func (s reloadSpec) validate(o Options, log *slog.Logger) error {
	if !s.Check {
		return nil
	}
	log.Debug("validate conf before Reload")
	name, w := os.DevNull, io.Discard
	if s.CheckLog != "" {
		f, err := os.OpenFile(s.CheckLog, os.O_TRUNC|os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
		if err != nil {
			log.Warn("reload_check_config: the errors cannot be kept", "err", err)
		} else {
			defer f.Close()
			name, w = s.CheckLog, f
		}
	}
	if code := checkConfig(o, environment(o), w); code != 0 {
		return errCheck{name}
	}
	return nil
}

// mark makes the file that is there while the configuration is read, and returns what removes it.
func (s reloadSpec) mark(id identity, log *slog.Logger) (remove func()) {
	if !s.Mark {
		return func() {}
	}
	name := s.MarkFile
	if name == "" {
		name = id.file("keepalived", ".reload")
	}
	if dir := filepath.Dir(name); s.MarkFile == "" {
		_ = makeDirs(dir) // or else the next says why not
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err == nil {
		err = f.Chmod(0o644) // whatever the umask
		f.Close()
	}
	if err != nil {
		log.Warn(fmt.Sprintf("reload_file %s cannot be made", name), "err", err)
		return func() {}
	}
	return func() {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			log.Warn(fmt.Sprintf("reload_file %s cannot be removed", name), "err", err)
		}
	}
}
