package confparse

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vigil/confparse/syntax"
)

// maxNames bounds how much of a table of iproute2 is read: they have some dozen lines.
const maxNames = 1 << 20

// osRouteNames reads a table of iproute2 as its programs do: the file itself, and what is in FILE.d.
func osRouteNames(dir, file string) map[string]uint32 {
	names := make(map[string]uint32)
	more, _ := filepath.Glob(filepath.Join(dir, file+".d", "*.conf"))
	for _, name := range append([]string{filepath.Join(dir, file)}, more...) {
		f, err := os.OpenFile(name, os.O_RDONLY|syntax.NoWait, 0) // a pipe would be waited for
		if err != nil {
			continue
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			text, _ := io.ReadAll(io.LimitReader(f, maxNames))
			addRouteNames(names, string(text))
		}
		f.Close()
	}
	return names
}

// addRouteNames adds the lines of a table: a number, in any base of C, and its name. A line that is neither that nor a
// comment is passed over. Of two numbers of one name the last counts.
func addRouteNames(names map[string]uint32, text string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) != 2 {
			continue
		}
		if n, err := strconv.ParseUint(words[0], 0, 32); err == nil {
			names[words[1]] = uint32(n)
		}
	}
}
