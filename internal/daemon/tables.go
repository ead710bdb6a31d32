package daemon

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"vigil/internal/boot"
	"vigil/internal/firewall"
	"vigil/internal/status"
	"vigil/internal/wholefile"
	"vigil/ipvs"
)

// firewallState ends the name of the file that remembers what our tables of nftables are called.
const firewallState = "-nftables"

// tables is the part that remembers the names of the tables of nftables which other parts make, so that those of a run that was
// killed go at the next start, also if its configuration does not use them. It comes before all others, and ends after them.
type tables struct {
	surroundings
	remove func(names []string) (gone []string, err error)

	begun  bool
	noted  []string // in the file
	left   []string // by an earlier process, and could not be removed
	wanted []string // by the configuration that is in force
}

func newTables(s surroundings) *tables {
	return &tables{surroundings: s, remove: firewall.RemoveTables}
}

func (*tables) String() string           { return "tables of nftables" }
func (*tables) diff(_, _ Desired) []Step { return nil } // the parts that make them tell
func (*tables) status(*status.Status)    {}
func (*tables) unready() string          { return "" }

// tablesOf are the names of the tables that parts make for next.
func (t *tables) tablesOf(next Desired) (names []string) {
	if t.opts.VRRP && next.VRRP.Host.Filter.Table != "" {
		names = append(names, next.VRRP.Host.Filter.Table)
	}
	marked := func(vs ipvs.VirtualServerSpec) bool { return len(vs.Marked) > 0 }
	if t.opts.Checkers && slices.ContainsFunc(next.IPVS.VirtualServers, marked) {
		names = append(names, next.IPVS.Firewall.Table)
	}
	return names
}

func (t *tables) prepare(_ context.Context, next Desired) (prepared, error) {
	return prepared{commit: func(context.Context) error {
		wanted := t.tablesOf(next)
		if !t.begun {
			t.begun = true
			t.removeLeft(wanted)
		}
		t.note(wanted, t.wanted, t.left) // what goes by a reload goes in its time
		t.wanted = wanted
		return nil
	}}, nil
}

// removeLeft removes the tables that an earlier process has left, but for those that are to be there.
func (t *tables) removeLeft(keep []string) {
	t.noted = t.load()
	t.left = slices.DeleteFunc(slices.Clone(t.noted), func(name string) bool { return slices.Contains(keep, name) })
	if len(t.left) == 0 {
		return
	}
	gone, err := t.remove(t.left)
	for _, name := range gone {
		t.log.Info(fmt.Sprintf("removed table %s of nftables left by an earlier process", name))
	}
	if err != nil {
		t.log.Warn("tables of nftables of an earlier process may have stayed behind", "err", err)
		return
	}
	t.left = nil
}

// stop forgets the tables, for those who made them have deleted them. Those that are to stay are remembered.
func (t *tables) stop() error {
	if t.opts.KeepVRRP || t.opts.KeepIPVS {
		return nil
	}
	if !t.begun { // a start that came to nothing
		t.removeLeft(nil)
	}
	t.note(t.left)
	return nil
}

// load returns the names that an earlier process of this boot has noted.
func (t *tables) load() []string {
	path := t.statePath(firewallState)
	if path == "" {
		return nil
	}
	text, _ := os.ReadFile(path) // without it there are none
	lines := strings.Fields(string(text))
	if id, err := boot.ID(); err != nil || len(lines) == 0 || lines[0] != id {
		return nil
	}
	return lines[1:]
}

// note has the file hold names: a line for the boot and one for each of them.
func (t *tables) note(lists ...[]string) {
	names := slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists...))))
	path := t.statePath(firewallState)
	if path == "" || slices.Equal(names, t.noted) {
		return
	}
	t.noted = names
	if len(names) == 0 {
		_ = os.Remove(path) // names of tables that are not there do no harm
		return
	}
	id, err := boot.ID()
	if err == nil {
		err = wholefile.Write(path, []byte(id+"\n"+strings.Join(names, "\n")+"\n"), 0o600)
	}
	if err != nil {
		t.log.Warn("cannot remember tables of nftables across a crash", "err", err)
	}
}
