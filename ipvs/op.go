package ipvs

import "fmt"

// OpKind is the kind of a change to the kernel's table.
type OpKind uint8

// The kinds. Those about services and destinations are in the order in which Diff puts them.
const (
	AddService OpKind = iota + 1
	AddDest
	SetService
	SetDest
	DelDest
	DelService // removes the service's destinations as well

	ZeroCounters // of one service and its destinations; of all of them if Service is the zero key
	SetTimeouts
	StartSync
	StopSync
)

const kinds = StopSync + 1

var opNames = [kinds]string{"", "add_service", "add_dest", "set_service", "set_dest", "del_dest", "del_service",
	"zero_counters", "set_timeouts", "start_sync", "stop_sync"}

// String returns the kind as metrics label it, such as "add_dest".
func (k OpKind) String() string {
	if int(k) < len(opNames) {
		return opNames[k]
	}
	return fmt.Sprintf("op_%d", uint8(k))
}

// Op is one change to what the kernel has. Service is set for the kinds about services and destinations, Attrs for
// AddService and SetService, Dest for the three kinds about destinations, DestAttrs for AddDest and SetDest, Timeouts
// for SetTimeouts, Sync for StartSync and, of it Role and ID, for StopSync.
type Op struct {
	Kind      OpKind
	Service   ServiceKey
	Attrs     ServiceAttrs
	Dest      DestKey
	DestAttrs DestAttrs
	Timeouts  *Timeouts
	Sync      *SyncDaemon
}

// String describes the change for an operator, such as "add tcp 192.0.2.1:80 -> 192.0.2.10:80 weight 1".
func (o Op) String() string {
	switch o.Kind {
	case AddService:
		return fmt.Sprintf("add %v %s", o.Service, o.Attrs.Scheduler)
	case SetService:
		return fmt.Sprintf("set %v %s", o.Service, o.Attrs.Scheduler)
	case DelService:
		return fmt.Sprintf("delete %v", o.Service)
	case AddDest:
		return fmt.Sprintf("add %v -> %v weight %d", o.Service, o.Dest, o.DestAttrs.Weight)
	case SetDest:
		return fmt.Sprintf("set %v -> %v weight %d", o.Service, o.Dest, o.DestAttrs.Weight)
	case DelDest:
		return fmt.Sprintf("delete %v -> %v", o.Service, o.Dest)
	case ZeroCounters:
		return fmt.Sprintf("zero %v", o.Service)
	case SetTimeouts:
		return fmt.Sprintf("set timeouts %+v", *o.Timeouts)
	case StartSync:
		return fmt.Sprintf("start sync daemon %v", o.Sync)
	case StopSync:
		return fmt.Sprintf("stop sync daemon %v", o.Sync)
	}
	return o.Kind.String()
}
