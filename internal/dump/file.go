package dump

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Infix returns a name with more before its last dot: "keepalived.data" and "x" make "keepalived.x.data".
func Infix(name, more string) string {
	if more == "" {
		return name
	}
	ending := filepath.Ext(name)
	return strings.TrimSuffix(name, ending) + "." + more + ending
}

// Path is where a dump goes: to name, which is below dir unless it is absolute; with a slash at its end it is a directory that
// usual is in. dir is TMPDIR if that is a directory's absolute name, and /tmp otherwise.
func Path(name, usual, tmpdir string) string {
	dir := "/tmp"
	if info, err := os.Stat(tmpdir); filepath.IsAbs(tmpdir) && err == nil && info.IsDir() {
		dir = tmpdir
	}
	switch {
	case name == "":
		name = usual
	case strings.HasSuffix(name, "/"):
		name = filepath.Join(name, usual)
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// Write makes text what is in the file at path, with that mode whatever the umask: who reads it has either what was there or all of the new.
// Nothing is followed that somebody else may have put in its place.
func Write(path string, text []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
