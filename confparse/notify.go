package confparse

// Notify is the scripts of an instance or a group.
type Notify struct {
	Backup, Master, Fault, Stop, Any Script
	Deleted                          Script
	DeletedSet                       bool
	MasterRxLowerPrio                Script
	PriorityChanges                  Switch // notify_priority_changes
	Mail                             Switch // smtp_alert
}

// watcher is what an instance and a sync group have in common: what they watch, and whom they tell.
type watcher struct {
	name     string // for messages
	notify   *Notify
	tracking *Tracking
}

func (w *watcher) part() *watcher { return w }

// notifyRows are the rows of vrrp_instance and vrrp_sync_group about whom they tell.
var notifyRows = blockOf[watcher]{
	notifyRow("notify_master", func(x *Notify) *Script { return &x.Master }),
	notifyRow("notify_backup", func(x *Notify) *Script { return &x.Backup }),
	notifyRow("notify_fault", func(x *Notify) *Script { return &x.Fault }),
	notifyRow("notify_stop", func(x *Notify) *Script { return &x.Stop }),
	notifyRow("notify", func(x *Notify) *Script { return &x.Any }),
	notifyRow("notify_master_rx_lower_pri", func(x *Notify) *Script { return &x.MasterRxLowerPrio }).onlyIn(in(inInstance)),
	ownRow("notify_deleted", "a FAULT event", (*decoder).notifyDeleted, func(p *printer, w *watcher) {
		if len(w.notify.Deleted.Argv) > 0 {
			p.script("notify_deleted", w.notify.Deleted)
		} else {
			p.flag(w.notify.DeletedSet, "notify_deleted")
		}
	}).onlyIn(in(inInstance)),
	switchRow("smtp_alert", "smtp_alert_vrrp", func(w *watcher) *Switch { return &w.notify.Mail }),
	switchRow("notify_priority_changes", "vrrp_notify_priority_changes",
		func(w *watcher) *Switch { return &w.notify.PriorityChanges }),
}

// notifyRow is a script that is run when the state changes.
func notifyRow(name string, of func(*Notify) *Script) row[watcher] {
	return ownRow(name, "", func(d *decoder, n *Node, w *watcher) { d.notifyScript(n, w.name, of(w.notify)) },
		func(p *printer, w *watcher) { p.script(name, *of(w.notify)) })
}

// notifyDeleted decodes "notify_deleted [SCRIPT]"; bare, the script of a fault is run.
func (d *decoder) notifyDeleted(n *Node, w *watcher) {
	w.notify.DeletedSet = true
	if len(n.Args) > 0 {
		d.notifyScript(n, w.name, &w.notify.Deleted)
	}
}
