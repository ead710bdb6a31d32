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

func (Route) resource() {}
func (Rule) resource()  {}
