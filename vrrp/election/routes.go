package election

import "vigil/internal/routing"

// Route is a route that a virtual router has while it is MASTER.
type Route struct {
	routing.Route
	NoTrack bool // nobody cares when it is lost
}

// Rule is a policy rule that a virtual router has while it is MASTER.
type Rule struct {
	routing.Rule
	NoTrack bool // nobody cares when it is lost
}

// Promote is the setting of an interface by which the kernel keeps the other addresses of a subnet when the first one is
// removed, whoever removes it (promote_secondaries).
type Promote struct{ Link string }

// Static is something that is in place as long as the process runs, whatever the states of the virtual routers.
type Static struct {
	Resource   Resource
	TrackGroup string // whose members are in FAULT while it is not in place; "" = nobody
}

func (Promote) resource() {}
func (Route) resource()   {}
func (Rule) resource()    {}
