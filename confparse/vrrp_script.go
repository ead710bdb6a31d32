package confparse

import (
	"fmt"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// TrackScript is a vrrp_script block.
type TrackScript struct {
	Range    Range
	Name     string
	Script   Script
	Interval time.Duration // 1 s
	Timeout  time.Duration // the interval
	Weight   int           // -253..253; 0 = failure means FAULT
	Reverse  bool
	Rise     int // 1
	Fall     int // 1
	InitFail bool
}

var scriptsRow = blocksRow("vrrp_script", inScript, (*decoder).trackScript,
	func(c *Config) []*TrackScript { return c.Scripts },
	func(p *printer, t *TrackScript) {
		scriptBlock.print(p, "vrrp_script", t.Name, &scriptScratch{TrackScript: t})
	})

// scriptScratch is a vrrp_script in the making.
type scriptScratch struct {
	*TrackScript
	account   Account
	accountAt *Node // where it is written
}

// scriptBlock is the rows of vrrp_script.
var scriptBlock = blockOf[scriptScratch]{
	ownRow("script", "", func(d *decoder, n *Node, t *scriptScratch) {
		if s, ok := d.script(n, false); ok {
			t.Script = s
		}
	}, func(p *printer, t *scriptScratch) { p.line("script", command(t.Script.Argv)) }),
	ownRow("user", "script_user", func(d *decoder, n *Node, t *scriptScratch) {
		d.blockAccount(n, &t.account, false)
		t.accountAt = n
	}, func(p *printer, t *scriptScratch) {
		if w := accountWords(t.Script.Account); w != "" {
			p.line("user" + w)
		}
	}),
	period("interval", "1", time.Second, func(t *scriptScratch) *time.Duration { return &t.Interval }),
	period("timeout", "interval", 0, func(t *scriptScratch) *time.Duration { return &t.Timeout }),
	weightRow(253, 0, func(t *scriptScratch) *int { return &t.Weight }, func(t *scriptScratch) *bool { return &t.Reverse }, nil),
	attempts("rise", func(t *scriptScratch) *int { return &t.Rise }),
	attempts("fall", func(t *scriptScratch) *int { return &t.Fall }),
	flagRow("init_fail", func(t *scriptScratch) *bool { return &t.InitFail }),
}

// period is a keyword with a time of which 0 means one second.
func period(name, def string, without time.Duration, field func(*scriptScratch) *time.Duration) row[scriptScratch] {
	r := durationRow(name, decimal(0, 4294_000_000), field).because(def)
	r.dur = func(d *decoder, at site, v time.Duration) {
		*field(here[scriptScratch](at)) = d.oneSecondAtLeast(at.n, v)
	}
	r.reset = func(t *scriptScratch) { *field(t) = without }
	r.print = func(p *printer, t *scriptScratch) { p.line(name, *field(t)) }
	return r
}

// attempts is a keyword with a count that is 1 when it cannot be read.
func attempts(name string, field func(*scriptScratch) *int) row[scriptScratch] {
	r := numberRow(name, whole(1, maxInt32), 1, field)
	r.bad = func(d *decoder, at site) { *field(here[scriptScratch](at)) = 1 }
	return r
}

func (d *decoder) oneSecondAtLeast(n *Node, v time.Duration) time.Duration {
	if v == 0 {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeRaised,
			fmt.Sprintf("%s cannot be 0, setting to 1", n.Keyword.Text), "")
		return time.Second
	}
	return max(v.Round(time.Millisecond), time.Millisecond)
}

// trackScript decodes a vrrp_script block and settles it.
func (d *decoder) trackScript(n *Node) {
	if !d.needName(n) {
		return
	}
	ts := &scriptScratch{TrackScript: &TrackScript{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}}
	scriptBlock.decode(d, n, ts)
	ts.Script.Account = ts.account
	if ts.Timeout == 0 {
		ts.Timeout = ts.Interval
	}
	if len(ts.Script.Argv) == 0 {
		if sys := d.env.System; sys.Account != nil && ts.Script.Account.User != "" {
			if _, _, err := d.accountIDs(&ts.Script); err != nil {
				d.about(ts.accountAt, diag.CodeNoAccount, "Unable to set uid/gid for script ", err.Error())
			}
		}
		d.atEnd(n, diag.CodeTrackerDropped, fmt.Sprintf("No script set for vrrp_script %s - removing", ts.Name), "")
		return
	}
	if d.env.System.Account == nil || d.runnable(n, ts) {
		d.cfg.Scripts = append(d.cfg.Scripts, ts.TrackScript)
	}
}

// runnable looks whether the program of a tracker can be run as its account. It returns false to drop the tracker.
func (d *decoder) runnable(n *Node, ts *scriptScratch) bool {
	uid, gid, err := d.accountIDs(&ts.Script)
	switch {
	case err != nil && ts.Script.Account.User != "":
		d.about(ts.accountAt, diag.CodeNoAccount, fmt.Sprintf("Unable to set uid/gid for script '%s'",
			strings.Join(ts.Script.Argv, "' '")), err.Error())
		return false
	case err != nil:
		d.atEnd(n, diag.CodeNoAccount, fmt.Sprintf("Unable to set default user for vrrp script %s - removing", ts.Name),
			err.Error())
		return false
	}
	// keepalived keeps a tracker it cannot run until it knows whether anybody uses it.
	if d.env.System.Program == nil {
		return true
	}
	switch d.program(&ts.Script, uid, gid) {
	case programNone:
	case ProgramMissing:
		d.about(n, diag.CodeScriptMissing, fmt.Sprintf(
			"Disabling track script %s since not found/accessible", ts.Name), ts.Script.Argv[0])
		d.disabledScripts[ts.Name] = true
	case ProgramNotExecutable:
		d.about(n, diag.CodeScriptNotExecutable, fmt.Sprintf(
			"WARNING - script '%s' is not executable for uid:gid %d:%d - disabling.", ts.Script.Argv[0], uid, gid), "")
		d.disabledScripts[ts.Name] = true
	case ProgramInsecure:
		d.insecure = true
		if d.cfg.Global.Daemon.ScriptSecurity && uid == 0 {
			d.about(n, diag.CodeTrackerDropped, fmt.Sprintf("Disabling track script %s due to insecure", ts.Name),
				"somebody who is not root could change what is run as root: "+ts.Script.Argv[0])
			d.disabledScripts[ts.Name] = true
		} else {
			d.scripts = append(d.scripts, n)
		}
	default:
		d.scripts = append(d.scripts, n)
	}
	return true
}
