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
	func(p *printer, t *TrackScript) { scriptBlock.print(p, "vrrp_script", t.Name, t) }).withoutEffect()

// scriptBlock is the rows of vrrp_script.
var scriptBlock = blockOf[TrackScript]{
	ownRow("script", "", func(d *decoder, n *Node, t *TrackScript) {
		if s, ok := d.script(n, false); ok {
			t.Script = s
		}
	}, func(p *printer, t *TrackScript) { p.line("script", command(t.Script.Argv)) }),
	ownRow("user", "script_user", func(d *decoder, n *Node, t *TrackScript) {
		d.blockAccount(n, &t.Script.Account, false)
		d.scriptAccount, d.accountAt = t.Script.Account, n
	}, func(p *printer, t *TrackScript) {
		if w := accountWords(t.Script.Account); w != "" {
			p.line("user" + w)
		}
	}),
	period("interval", "1", time.Second, func(t *TrackScript) *time.Duration { return &t.Interval }),
	period("timeout", "interval", 0, func(t *TrackScript) *time.Duration { return &t.Timeout }),
	weightRow(253, false, 0, func(t *TrackScript) *int { return &t.Weight }, func(t *TrackScript) *bool { return &t.Reverse }),
	attempts("rise", func(t *TrackScript) *int { return &t.Rise }),
	attempts("fall", func(t *TrackScript) *int { return &t.Fall }),
	flagRow("init_fail", func(t *TrackScript) *bool { return &t.InitFail }),
}

// period is a keyword with a time of which 0 means one second.
func period(name, def string, without time.Duration, field func(*TrackScript) *time.Duration) row[TrackScript] {
	r := durationRow(name, decimal(0, 4294_000_000), field).because(def)
	r.dur = func(d *decoder, v time.Duration) { *field(here[TrackScript](d)) = d.oneSecondAtLeast(v) }
	r.reset = func(t *TrackScript) { *field(t) = without }
	r.print = func(p *printer, t *TrackScript) { p.line(name, *field(t)) }
	return r
}

// attempts is a keyword with a count that is 1 when it cannot be read.
func attempts(name string, field func(*TrackScript) *int) row[TrackScript] {
	r := numberRow(name, whole(1, maxInt32), 1, field)
	r.bad = func(d *decoder) { *field(here[TrackScript](d)) = 1 }
	return r
}

func (d *decoder) oneSecondAtLeast(v time.Duration) time.Duration {
	if v == 0 {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeRaised,
			fmt.Sprintf("%s cannot be 0, setting to 1", d.n.Keyword.Text), "")
		return time.Second
	}
	return max(v.Round(time.Millisecond), time.Millisecond)
}

// trackScript decodes a vrrp_script block and settles it.
func (d *decoder) trackScript(n *Node) {
	if !d.needName(n) {
		return
	}
	ts := &TrackScript{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}
	d.scriptAccount = Account{}
	scriptBlock.decode(d, n, ts)
	ts.Script.Account = d.scriptAccount
	if ts.Timeout == 0 {
		ts.Timeout = ts.Interval
	}
	if len(ts.Script.Argv) == 0 {
		if sys := d.env.System; sys.Account != nil && ts.Script.Account.User != "" {
			if _, _, err := d.accountIDs(&ts.Script); err != nil {
				d.about(d.accountAt, diag.CodeNoAccount, "Unable to set uid/gid for script ", err.Error())
			}
		}
		d.atEnd(n, diag.CodeTrackerDropped, fmt.Sprintf("No script set for vrrp_script %s - removing", ts.Name), "")
		return
	}
	if d.env.System.Account == nil || d.runnable(n, ts) {
		d.cfg.Scripts = append(d.cfg.Scripts, ts)
	}
}

// runnable looks whether the program of a tracker can be run as its account. It returns false to drop the tracker.
func (d *decoder) runnable(n *Node, ts *TrackScript) bool {
	uid, gid, err := d.accountIDs(&ts.Script)
	switch {
	case err != nil && ts.Script.Account.User != "":
		d.about(d.accountAt, diag.CodeNoAccount, fmt.Sprintf("Unable to set uid/gid for script '%s'",
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
