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

// notifyRow is a row for a script of an instance, a group or both.
func notifyRow(name string, blocks blockSet, of func(*Notify) *Script) keyword {
	return keyword{name: name, in: blocks, pending: true, decode: func(d *decoder, n *Node) {
		d.notifyScript(n, d.owner(), of(d.notify()))
	}}
}

var bothVRRP = in(inInstance, inSyncGroup)

// notify returns the notifications of the block being decoded.
func (d *decoder) notify() *Notify {
	if d.vi != nil {
		return &d.vi.Notify
	}
	return &d.sg.Notify
}

func (p *printer) notify(n *Notify) {
	p.script("notify_master", n.Master)
	p.script("notify_backup", n.Backup)
	p.script("notify_fault", n.Fault)
	p.script("notify_stop", n.Stop)
	p.script("notify", n.Any)
	p.script("notify_master_rx_lower_pri", n.MasterRxLowerPrio)
	if len(n.Deleted.Argv) > 0 {
		p.script("notify_deleted", n.Deleted)
	} else {
		p.flag(n.DeletedSet, "notify_deleted")
	}
	p.toggle("smtp_alert", n.Mail)
	p.toggle("notify_priority_changes", n.PriorityChanges)
}
