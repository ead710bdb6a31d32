package confparse

import (
	"fmt"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// MiscDetail is what MISC_CHECK runs.
type MiscDetail struct {
	Script  Script
	Timeout time.Duration // misc_timeout; the virtual server's delay_loop
	Dynamic bool
}

// miscRows are the rows that MISC_CHECK has besides its times.
var miscRows = blockOf[checkerScratch]{
	ownRow("misc_path", "", func(d *decoder, n *Node, c *checkerScratch) {
		if s, ok := d.script(n, false); ok {
			c.Detail.(*MiscDetail).Script = s
		}
	}, func(p *printer, c *checkerScratch) { p.line("misc_path", command(c.Detail.(*MiscDetail).Script.Argv)) }),
	ownRow("user", "script_user", func(d *decoder, n *Node, c *checkerScratch) {
		d.blockAccount(n, &c.account, true)
		c.accountAt = n
	}, func(p *printer, c *checkerScratch) {
		if w := accountWords(c.Detail.(*MiscDetail).Script.Account); w != "" {
			p.line("user" + w)
		}
	}),
	secondsRow("misc_timeout", secs(0, maxBurstSeconds), 0,
		func(c *checkerScratch) *time.Duration { return &c.Detail.(*MiscDetail).Timeout }).
		because("the virtual server's delay_loop").
		printed(func(p *printer, c *checkerScratch) {
			if x := c.Detail.(*MiscDetail); x.Timeout%time.Second == 0 {
				p.seconds("misc_timeout", x.Timeout)
			}
		}),
	flagRow("misc_dynamic", func(c *checkerScratch) *bool { return &c.Detail.(*MiscDetail).Dynamic }),
}

// settleMisc looks whether there is a program that can be run.
func (d *decoder) settleMisc(n *Node, c *checkerScratch) bool {
	x := c.Detail.(*MiscDetail)
	x.Script.Account = c.account
	if len(x.Script.Argv) == 0 {
		return d.dropChecker(n, "No script path has been specified for MISC_CHECKER - skipping")
	}
	return d.usableMisc(n, x, c.accountAt)
}

// usableMisc checks the program of a MISC_CHECK as far as the System can tell.
func (d *decoder) usableMisc(n *Node, x *MiscDetail, accountAt *Node) bool {
	sys := d.env.System
	if sys.Account == nil {
		return true
	}
	shown := "'" + strings.Join(x.Script.Argv, "' '") + "'"
	uid, gid, ok := d.miscAccount(n, x, accountAt, shown)
	if !ok || sys.Program == nil {
		return ok
	}
	switch d.program(&x.Script, uid, gid) {
	case programNone:
		return true
	case ProgramMissing:
		d.about(n, diag.CodeNotifyMissing, "Disabling misc script "+shown+" since not found/accessible", "")
		return false
	case ProgramNotExecutable:
		d.about(n, diag.CodeNotifyMissing, fmt.Sprintf("WARNING - script '%s' is not executable for uid:gid %d:%d - "+
			"disabling.", x.Script.Argv[0], uid, gid), "")
		return false
	case ProgramInsecure:
		d.insecure = true
		if d.cfg.Global.Daemon.ScriptSecurity && uid == 0 {
			d.about(n, diag.CodeScriptInsecure, fmt.Sprintf("Unsafe permissions found for script '%s' - disabling.",
				x.Script.Argv[0]), "somebody who is not root could change what is run as root")
			return false
		}
	}
	d.scripts = append(d.scripts, n)
	return true
}

func (d *decoder) miscAccount(n *Node, x *MiscDetail, accountAt *Node, shown string) (uid, gid uint32, ok bool) {
	own := x.Script.Account.User != ""
	if d.noAccount && !own {
		d.atEnd(n, diag.CodeNoAccount, "Unable to set default user for misc script "+shown+" - removing", "")
		return 0, 0, false
	}
	uid, gid, err := d.accountIDs(&x.Script)
	switch {
	case err != nil && own:
		d.about(accountAt, diag.CodeNoAccount, "Failed to set uid/gid for misc checker script "+shown+" - removing", err.Error())
	case err != nil:
		d.atEnd(n, diag.CodeNoAccount, "Unable to set default user for misc script "+shown+" - removing", err.Error())
	}
	return uid, gid, err == nil
}
