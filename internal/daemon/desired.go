package daemon

import (
	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/ipvs"
	"vigil/vrrp"
)

// Desired is what the world must look like: no positions, all defaults applied, never changed after construction.
type Desired struct {
	VRRP   vrrp.Spec
	Checks healthcheck.Spec
	IPVS   ipvs.Spec
}

// NewDesired derives the desired state from a configuration without errors.
func NewDesired(c *confparse.Config) Desired {
	return Desired{VRRP: vrrp.FromConfig(c), Checks: healthcheck.FromConfig(c), IPVS: ipvs.FromConfig(c)}
}
