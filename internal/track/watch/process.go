package watch

import (
	"slices"
	"strings"

	"vigil/confparse"
)

// maxComm is how much of a process's name the kernel keeps (TASK_COMM_LEN without the NUL).
const maxComm = 15

// matches reports whether a process is one of p. name is what the kernel calls it (/proc/PID/comm); argv is its command line,
// which is only looked at when p.NeedsArgv.
func (p Process) matches(name string, argv []string) bool {
	if !p.needsArgv() {
		own := p.Process[strings.LastIndexByte(p.Process, '/')+1:]
		return name == own[:min(len(own), maxComm)]
	}
	return len(argv) > 0 && argv[0] == p.Process && p.matchesParams(argv[1:])
}

// needsArgv reports whether the name of a process does not say whether it is one of p.
func (p Process) needsArgv() bool { return p.FullCommand || p.Match != confparse.MatchNone }

func (p Process) matchesParams(params []string) bool {
	n := len(p.Params)
	switch p.Match {
	case confparse.MatchExact:
		return slices.Equal(params, p.Params)
	case confparse.MatchPartial: // the first ones
		return len(params) >= n && slices.Equal(params[:n], p.Params)
	case confparse.MatchInitial: // the first ones, of the last of which it is the beginning
		return n == 0 || len(params) >= n && slices.Equal(params[:n-1], p.Params[:n-1]) && strings.HasPrefix(params[n-1], p.Params[n-1])
	}
	return true
}

// enough reports whether that many processes are as p wants it.
func (p Process) enough(count int) bool {
	return uint64(count) >= uint64(p.Quorum) && uint64(count) <= uint64(p.QuorumMax)
}

// census is which of the processes that run are of which Process. It is told what happens and knows no /proc.
type census struct {
	list []Process
	pids []map[int]bool // by the index of list
}

func newCensus(list []Process) *census {
	c := &census{list: list, pids: make([]map[int]bool, len(list))}
	for i := range c.pids {
		c.pids[i] = make(map[int]bool)
	}
	return c
}

// needsArgv reports whether anything wants to see command lines.
func (c *census) needsArgv() bool { return slices.ContainsFunc(c.list, Process.needsArgv) }

// is says what the process pid is called now.
func (c *census) is(pid int, name string, argv []string) {
	for i, p := range c.list {
		if p.matches(name, argv) {
			c.pids[i][pid] = true
		} else {
			delete(c.pids[i], pid)
		}
	}
}

// forked says that child is a copy of parent.
func (c *census) forked(parent, child int) {
	for _, pids := range c.pids {
		if pids[parent] {
			pids[child] = true
		}
	}
}

// ended says that there is no process pid.
func (c *census) ended(pid int) {
	for _, pids := range c.pids {
		delete(pids, pid)
	}
}

// counts are how many processes of each there are.
func (c *census) counts() []int {
	list := make([]int, len(c.pids))
	for i, pids := range c.pids {
		list[i] = len(pids)
	}
	return list
}
