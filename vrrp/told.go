package vrrp

import (
	"vigil/confparse"
	"vigil/vrrp/election"
)

// hooksOf returns the programs of a master that are waited for.
func hooksOf(h *confparse.MasterHooks) election.Hooks {
	return election.Hooks{
		PreMaster: confparse.ProgramOf(&h.PreMaster), PreMasterTimeout: h.PreMasterTimeout,
		EnsureMaster: confparse.ProgramOf(&h.EnsureMaster), EnsureInterval: h.EnsureInterval,
	}
}

// audience returns who is told of the transitions of an instance or a sync group.
func audience(n *confparse.Notify) election.Audience {
	return election.AudienceOf(election.Told{
		Master: confparse.ProgramOf(&n.Master), Backup: confparse.ProgramOf(&n.Backup), Fault: confparse.ProgramOf(&n.Fault),
		Stop: confparse.ProgramOf(&n.Stop), Deleted: confparse.ProgramOf(&n.Deleted), Any: confparse.ProgramOf(&n.Any),
		LowerMaster: confparse.ProgramOf(&n.MasterRxLowerPrio), SaysDeleted: n.DeletedSet,
		Mail: n.Mail, Priorities: n.PriorityChanges,
	})
}
