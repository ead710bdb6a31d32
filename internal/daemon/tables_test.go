package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	markedGroup = "virtual_server_group G {\n192.0.2.11-12 80\n}\n" +
		"virtual_server group G {\nlb_algo rr\nprotocol TCP\nreal_server 198.51.100.1 80 {\n}\n}\n"
	shutInstance = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 51\npriority 100\nno_accept\nvirtual_ipaddress {\n192.0.2.1/24\n}\n}\n"
)

// kernelTables are the tables of nftables of a machine, as tables removes them.
type kernelTables struct {
	there []string
	err   error
}

func (k *kernelTables) remove(names []string) (gone []string, err error) {
	k.there = slices.DeleteFunc(k.there, func(name string) bool {
		is := slices.Contains(names, name)
		if is {
			gone = append(gone, name)
		}
		return is && k.err == nil
	})
	return gone, k.err
}

// life is what one daemon after the other does, with state files in one directory.
type life struct {
	t      *testing.T
	dir    string
	kernel kernelTables
	log    logBuffer
}

// begins returns the part of a daemon that has just begun.
func (l *life) begins(edit func(*Options)) *tables {
	o := DefaultOptions()
	o.PIDFiles.Daemon = filepath.Join(l.dir, "keepalived.pid")
	if edit != nil {
		edit(&o)
	}
	p := newTables(surroundings{opts: &o, log: slog.New(slog.NewTextHandler(&l.log, nil))})
	p.remove = l.kernel.remove
	return p
}

// takes has the part take a configuration, and makes the tables that others would make for it.
func (l *life) takes(p *tables, config string) {
	l.t.Helper()
	d := desired(l.t, config)
	next, err := p.prepare(context.Background(), d)
	if err == nil {
		err = next.commit(context.Background())
	}
	if err != nil {
		l.t.Fatal(err)
	}
	for _, name := range p.tablesOf(d) {
		if !slices.Contains(l.kernel.there, name) {
			l.kernel.there = append(l.kernel.there, name)
		}
	}
}

func (l *life) want(what string, tables ...string) {
	l.t.Helper()
	if !slices.Equal(l.kernel.there, tables) {
		l.t.Errorf("%s: tables %q, want %q\n%s", what, l.kernel.there, tables, &l.log)
	}
}

// TestTablesOfAKilledRun: each start takes what the configuration before it needed and this one does not, and nothing else.
func TestTablesOfAKilledRun(t *testing.T) {
	named := "global_defs {\nnftables mine\nnftables_ipvs marks\n}\n"
	both := named + shutInstance + markedGroup
	for name, tt := range map[string]struct {
		next string
		edit func(*Options)
		want []string
	}{
		"neither is used":                  {"", nil, []string{"foreign"}},
		"both are used":                    {both, nil, []string{"foreign", "mine", "marks"}},
		"marks only":                       {named + markedGroup, nil, []string{"foreign", "marks"}},
		"marks of nobody":                  {named + shutInstance, nil, []string{"foreign", "mine"}},
		"under other names":                {"global_defs {\nnftables_ipvs\n}\n" + shutInstance + markedGroup, nil, []string{"foreign", "keepalived", "keepalived_ipvs"}},
		"another daemon with its own file": {"", func(o *Options) { o.PIDFiles.Daemon += ".other" }, []string{"foreign", "mine", "marks"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &life{t: t, dir: t.TempDir(), kernel: kernelTables{there: []string{"foreign"}}}
			l.takes(l.begins(nil), both) // and it is killed
			l.want("before", "foreign", "mine", "marks")
			p := l.begins(tt.edit)
			l.takes(p, tt.next)
			l.want("after", tt.want...)
			if tt.edit != nil {
				return
			}
			l.takes(l.begins(nil), "") // killed again
			l.want("in the end", "foreign")
		})
	}
}

// TestTablesOfAReload: a daemon that is killed after a reload has left the tables of either configuration, or of both.
func TestTablesOfAReload(t *testing.T) {
	l := &life{t: t, dir: t.TempDir()}
	p := l.begins(nil)
	l.takes(p, "global_defs {\nnftables one\n}\n"+shutInstance)
	l.takes(p, "global_defs {\nnftables two\n}\n"+shutInstance)
	l.want("before", "one", "two")
	l.takes(l.begins(nil), "")
	l.want("after")
	// What went by an earlier reload may be somebody else's by now.
	p = l.begins(nil)
	for _, name := range []string{"one", "two", "three"} {
		l.kernel.there = nil
		l.takes(p, "global_defs {\nnftables "+name+"\n}\n"+shutInstance)
	}
	l.kernel.there = []string{"one", "two", "three"}
	l.takes(l.begins(nil), "")
	l.want("after", "one")
}

// TestTablesOfAStop: an orderly end leaves no file; a start that comes to nothing takes what it found, unless it is to stay.
func TestTablesOfAStop(t *testing.T) {
	l := &life{t: t, dir: t.TempDir()}
	stop := func(p *tables) {
		t.Helper()
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
	files := func(want int) {
		t.Helper()
		if list, err := os.ReadDir(l.dir); err != nil || len(list) != want {
			t.Errorf("%d files (%v), want %d", len(list), err, want)
		}
	}
	p := l.begins(nil)
	l.takes(p, shutInstance)
	files(1)
	stop(p)
	files(0)
	l.kernel.there = nil
	l.takes(l.begins(nil), shutInstance) // killed
	stop(l.begins(func(o *Options) { o.KeepVRRP = true }))
	l.want("when addresses are to stay", "keepalived")
	stop(l.begins(nil))
	l.want("after a start that came to nothing")
	files(0)
}

// TestTablesThatCannotBeRemoved are tried again at the next start, and told.
func TestTablesThatCannotBeRemoved(t *testing.T) {
	l := &life{t: t, dir: t.TempDir()}
	l.takes(l.begins(nil), shutInstance)
	l.kernel.err = errors.New("not now")
	p := l.begins(nil)
	l.takes(p, "")
	l.want("refused", "keepalived")
	if !strings.Contains(l.log.String(), "not now") {
		t.Errorf("the log:\n%s", &l.log)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	l.kernel.err = nil
	l.takes(l.begins(nil), "")
	l.want("allowed")
}

// TestTablesOfAnotherBoot are nobody's: whoever has one of that name now has made it.
func TestTablesOfAnotherBoot(t *testing.T) {
	l := &life{t: t, dir: t.TempDir(), kernel: kernelTables{there: []string{"keepalived"}}}
	for _, text := range []string{"", "\n", "no id\nkeepalived\n", "00000000-0000-0000-0000-000000000000\nkeepalived\n"} {
		if err := os.WriteFile(filepath.Join(l.dir, "keepalived"+firewallState), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l.takes(l.begins(nil), "")
		l.want(text, "keepalived")
	}
}
