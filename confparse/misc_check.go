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

// usableMisc checks the program of a MISC_CHECK as far as the System can tell.
func (d *decoder) usableMisc(n *Node, x *MiscDetail) bool {
	sys := d.env.System
	if sys.Account == nil {
		return true
	}
	shown := "'" + strings.Join(x.Script.Argv, "' '") + "'"
	uid, gid, ok := d.miscAccount(n, x, shown)
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
	}
	d.scripts = append(d.scripts, n)
	return true
}

func (d *decoder) miscAccount(n *Node, x *MiscDetail, shown string) (uid, gid uint32, ok bool) {
	if a := x.Script.Account; a.User != "" {
		uid, gid, err := d.env.System.Account(a.User, a.Group)
		if err != nil {
			d.about(d.ck.accountAt, diag.CodeNoAccount, "Failed to set uid/gid for misc checker script "+shown+" - removing", err.Error())
		}
		return uid, gid, err == nil
	}
	if d.noAccount {
		d.atEnd(n, diag.CodeNoAccount, "Unable to set default user for misc script "+shown+" - removing", "")
		return 0, 0, false
	}
	uid, gid, err := d.accountIDs(&x.Script)
	if err != nil {
		d.atEnd(n, diag.CodeNoAccount, "Unable to set default user for misc script "+shown+" - removing", err.Error())
	}
	return uid, gid, err == nil
}
