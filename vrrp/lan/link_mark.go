package lan

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A virtual link carries, as its alias (ip-link(8)), whose it is and what the settings of its parent were before: they
// outlive a process that is killed, and the next one restores them.
//
//	vigil PID arp_filter=0 arp_ignore=0

const markWord = "vigil"

// mark is the alias of a link of this process.
func mark(before map[string]uint32) string {
	words := []string{markWord, strconv.Itoa(os.Getpid())}
	for name, value := range before {
		words = append(words, fmt.Sprintf("%s=%d", name, value))
	}
	slices.Sort(words[2:])
	return strings.Join(words, " ")
}

// readMark reads an alias; ok is false for one that we have not written.
func readMark(alias string) (pid int, before map[string]uint32, ok bool) {
	words := strings.Fields(alias)
	if len(words) < 2 || words[0] != markWord {
		return 0, nil, false
	}
	pid, err := strconv.Atoi(words[1])
	if err != nil || pid <= 0 {
		return 0, nil, false
	}
	before = make(map[string]uint32)
	for _, w := range words[2:] {
		name, text, _ := strings.Cut(w, "=")
		if value, err := strconv.ParseUint(text, 10, 32); err == nil {
			before[name] = uint32(value)
		}
	}
	return pid, before, true
}

// ownMark reports whether a link with that alias is ours to remove: of this process, or of one that is no more.
func ownMark(alias string) bool {
	pid, _, ok := readMark(alias)
	return ok && (pid == os.Getpid() || !alive(pid))
}

// Abandoned reports whether a link with that alias was made by a process that is no more.
func Abandoned(alias string) bool {
	pid, _, ok := readMark(alias)
	return ok && pid != os.Getpid() && !alive(pid)
}

func alive(pid int) bool {
	_, err := os.Stat("/proc/" + strconv.Itoa(pid))
	return err == nil
}

// numberOfName finds a name in a file of iproute2: lines of a number and a name, and comments.
func numberOfName(text, name string) (uint32, bool) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) >= 2 && f[1] == name {
			if n, err := strconv.ParseUint(f[0], 0, 32); err == nil {
				return uint32(n), true
			}
		}
	}
	return 0, false
}
