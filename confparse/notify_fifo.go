package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// FIFO is a named pipe that receives events.
type FIFO struct {
	Path    string // "" = none
	Account Account
	Owner   Identity // settled from Account
	Script  Script   // the program that reads it
}

// fifoRows are the two rows of a pipe.
func fifoRows(name string, of func(*Global) *FIFO) blockOf[Global] {
	return blockOf[Global]{
		ownRow(name, "", func(d *decoder, n *Node, g *Global) { d.fifo(n, of(g)) }, func(p *printer, g *Global) {
			if f := of(g); f.Path != "" {
				p.line(name, quoted(f.Path)+accountWords(f.Account))
			}
		}),
		globalScriptRow(name+"_script", func(g *Global) *Script { return &of(g).Script }),
	}
}

// globalScriptRow is a keyword of global_defs with a program, of which the first one counts.
func globalScriptRow(name string, field func(*Global) *Script) row[Global] {
	return ownRow(name, "", func(d *decoder, n *Node, g *Global) { d.globalScript(n, field(g)) },
		func(p *printer, g *Global) { p.script(name, *field(g)) })
}

// globalScript decodes a script of global_defs.
func (d *decoder) globalScript(n *Node, to *Script) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	d.notifyScript(n, "global", to)
}

// fifo decodes "PATH [USER [[:]GROUP]]".
func (d *decoder) fifo(n *Node, f *FIFO) {
	words := d.scriptWords(n)
	switch {
	case len(words) == 0:
		d.missing(n, true)
		return
	case f.Path != "":
		d.about(n, diag.CodeRepeated, n.Keyword.Text+" already specified - ignoring "+words[0], "")
		return
	}
	f.Path = d.intern(words[0])
	if len(words) > 1 {
		f.Account = d.account(words[1:])
	}
	if d.env.System.Account == nil {
		return
	}
	s := Script{Account: f.Account}
	if _, _, err := d.accountIDs(&s); err != nil && f.Account.User != "" {
		d.about(n, diag.CodeNoAccount, fmt.Sprintf("Unable to find the owner of %s - ignoring it", f.Path), err.Error())
	}
	f.Owner = s.RunAs
}
