package confparse

import (
	"vigil/confparse/diag"
)

// settle settles what depends on more than one block.
func (d *decoder) settle() {
	d.settleVRRP()
	d.validateScripts()
	d.settleSyncDaemon()
}

// untilEnd is about for what keepalived finds out where block, around n, ends: that is the line it names.
func (d *decoder) untilEnd(n, block *Node, code Code, summary, detail string, related ...Place) {
	d.toldAtEnd(block, func() { d.about(n, code, summary, detail, related...) })
}

// toldAtEnd gives what f reports the line that keepalived names for it, which is the one where block ends.
func (d *decoder) toldAtEnd(block *Node, f func()) {
	before := d.rep.Len()
	f()
	for i := before; i < d.rep.Len() && block.CloseLine() != 0; i++ {
		d.rep.At(i).EndLine = block.CloseLine()
	}
}

// echoAtEnd adds what keepalived says where the block of n ends to the diagnostic reported last.
func (d *decoder) echoAtEnd(n *Node, text string) {
	if k := d.rep.Len() - 1; k >= 0 && n.CloseLine() != 0 {
		at := Range{File: n.Range().File, Start: Pos{Line: n.CloseLine(), Col: 1}, End: Pos{Line: n.CloseLine(), Col: 1}}
		d.rep.At(k).Echoes = append(d.rep.At(k).Echoes, Place{Range: at, Note: text})
	}
}

// validateScripts reports programs that are run although nobody vouches for what they are.
func (d *decoder) validateScripts() {
	if len(d.scripts) == 0 || d.cfg.Global.Daemon.ScriptSecurity {
		return
	}
	summary := "SECURITY VIOLATION - scripts are being executed but script_security not enabled."
	if d.insecure {
		summary += " There are insecure scripts."
	}
	d.rep.Report(Diagnostic{Code: diag.CodeScriptSecurity, Summary: summary,
		Detail: "write enable_script_security in global_defs"}, 0)
}
