package confparse

import "fmt"

// validate settles what depends on more than one block.
func (d *decoder) validate() {
	d.validateVRRP()
	d.validateScripts()
	d.validateSyncDaemon()
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
	d.rep.report(Diagnostic{Code: CodeScriptSecurity, Summary: summary,
		Detail: "write enable_script_security in global_defs"}, 0)
}

// validateSyncDaemon looks for the instance that lvs_sync_daemon follows.
func (d *decoder) validateSyncDaemon() {
	s := &d.cfg.Global.SyncDaemon
	if s.Interface == "" || s.Instance == "" {
		return
	}
	if d.instances[s.Instance] == nil {
		d.rep.report(Diagnostic{Code: CodeSyncInstance, Subject: s.Range, Summary: fmt.Sprintf(
			"Unable to find vrrp instance %s for lvs_sync_daemon - ignoring", s.Instance)}, 0)
		*s = SyncDaemon{}
	}
}
