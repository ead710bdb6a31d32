package confparse

import (
	"strconv"
	"time"

	"vigil/confparse/diag"
)

// MasterHooks are the programs of a master that are waited for. keepalived does not have them.
type MasterHooks struct {
	PreMaster        Script // pre_master
	PreMasterTimeout time.Duration
	EnsureMaster     Script // ensure_master
	EnsureInterval   time.Duration
}

// The defaults of the words behind the programs.
const (
	preMasterTimeout     = 5 * time.Second
	ensureMasterInterval = 30 * time.Second
)

// preMaster is a program that is done before the addresses appear.
var preMaster = hookRow("pre_master", "timeout", decimal(10_000, 3600_000_000), preMasterTimeout,
	func(h *MasterHooks) (*Script, *time.Duration) { return &h.PreMaster, &h.PreMasterTimeout })

// ensureMaster is a program that is run until it succeeds, and again to verify it.
var ensureMaster = hookRow("ensure_master", "interval", decimal(1_000_000, 86_400_000_000), ensureMasterInterval,
	func(h *MasterHooks) (*Script, *time.Duration) { return &h.EnsureMaster, &h.EnsureInterval })

// hookRow is KEYWORD COMMAND [USER [[:]GROUP]] [OPTION SECONDS].
func hookRow(name, option string, v value, def time.Duration, of func(*MasterHooks) (*Script, *time.Duration)) row[instanceScratch] {
	return ownRow(name, "", func(d *decoder, n *Node, vi *instanceScratch) {
		s, span := of(&vi.Hooks)
		d.hook(n, string(vi.Name), option, v, def, s, span)
	}, func(p *printer, vi *instanceScratch) {
		if s, span := of(&vi.Hooks); len(s.Argv) > 0 {
			p.line(name, command(s.Argv)+accountWords(s.Account), option, strconv.FormatFloat(span.Seconds(), 'f', -1, 64))
		}
	}).from(ours)
}

// hook decodes a program that is waited for, with the seconds behind it.
func (d *decoder) hook(n *Node, owner, option string, v value, def time.Duration, s *Script, span *time.Duration) {
	words, given := d.scriptWords(n), s.Range.File != ""
	length := def
	switch last := len(words) - 1; {
	case last > 0 && words[last] == option:
		d.report(n, n.RangeOf(n.Args[len(n.Args)-1]), diag.CodeMissingArgument, n.Keyword.Text+" "+option+" without a time", "it is "+
			strconv.FormatFloat(def.Seconds(), 'f', -1, 64)+" s")
		words = words[:last]
	case last > 1 && words[last-1] == option:
		if t, ok := d.seconds(n, n.Args[len(n.Args)-1], v); ok {
			length = t
		}
		words = words[:last-1]
	}
	d.notifyScriptOf(n, words, owner, s)
	if !given && len(s.Argv) > 0 {
		*span = length
	}
}
