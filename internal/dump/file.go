package dump

import (
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
