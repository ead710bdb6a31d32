package testlan

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// family calls f with the directory in /proc of each process of the program's group, and its stat from the state on.
func (p *Process) family(f func(dir string, stat []string)) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		text, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended
		}
		_, rest, found := strings.Cut(string(text), ") ") // the name before it may hold anything
		stat := strings.Fields(rest)
		if found && len(stat) > 12 && stat[2] == strconv.Itoa(p.group) {
			f(dir, stat)
		}
	}
}

// CPU is the processor time that the processes of the program's group have used. The kernel counts it in hundredths of a second.
func (p *Process) CPU() time.Duration {
	ticks := 0
	p.family(func(_ string, stat []string) {
		user, _ := strconv.Atoi(stat[11])
		system, _ := strconv.Atoi(stat[12])
		ticks += user + system
	})
	return time.Duration(ticks) * 10 * time.Millisecond
}

// Memory is the resident memory of the processes of the program's group in MB.
func (p *Process) Memory() float64 {
	kb := 0
	p.family(func(dir string, _ []string) {
		text, _ := os.ReadFile(dir + "/status")
		for _, line := range strings.Split(string(text), "\n") {
			if value, found := strings.CutPrefix(line, "VmRSS:"); found {
				n, _ := strconv.Atoi(strings.Fields(value)[0])
				kb += n
			}
		}
	})
	return float64(kb) / 1024
}
