package ipvs

import "fmt"

// OpKind is the kind of a change to the kernel's table.
type OpKind uint8

// The kinds, in the order in which Diff puts them.
const (
	AddService OpKind = iota + 1
	AddDest
	SetService
	SetDest
	DelDest
	DelService // removes the service's destinations as well
)

var opNames = [...]string{"", "add_service", "add_dest", "set_service", "set_dest", "del_dest", "del_service"}

// String returns the kind as metrics label it, such as "add_dest".
func (k OpKind) String() string {
	if int(k) < len(opNames) {
		return opNames[k]
	}
	return fmt.Sprintf("op_%d", uint8(k))
}

// Op is one change to the kernel's table. Attrs is set for AddService and SetService, Dest for the three kinds about
// destinations, DestAttrs for AddDest and SetDest.
type Op struct {
	Kind      OpKind
	Service   ServiceKey
	Attrs     ServiceAttrs
	Dest      DestKey
	DestAttrs DestAttrs
}

// String describes the change for an operator, such as "add tcp 192.0.2.1:80 -> 192.0.2.10:80 weight 1".
func (o Op) String() string {
	verb := [...]string{"?", "add", "add", "set", "set", "delete", "delete"}[min(int(o.Kind), 6)]
	switch o.Kind {
	case AddService, SetService:
		return fmt.Sprintf("%s %v %s", verb, o.Service, o.Attrs.Scheduler)
	case AddDest, SetDest:
		return fmt.Sprintf("%s %v -> %v weight %d", verb, o.Service, o.Dest, o.DestAttrs.Weight)
	case DelDest:
		return fmt.Sprintf("%s %v -> %v", verb, o.Service, o.Dest)
	}
	return fmt.Sprintf("%s %v", verb, o.Service)
}

// apply makes the change in t. It is what the kernel does when it accepts the operation.
func (t Table) apply(o Op) {
	switch o.Kind {
	case AddService:
		t[o.Service] = Service{Attrs: o.Attrs, Dests: make(map[DestKey]DestAttrs)}
	case SetService:
		t[o.Service] = Service{Attrs: o.Attrs, Dests: t[o.Service].Dests}
	case DelService:
		delete(t, o.Service)
	case AddDest, SetDest:
		t[o.Service].Dests[o.Dest] = o.DestAttrs
	case DelDest:
		delete(t[o.Service].Dests, o.Dest)
	}
}
