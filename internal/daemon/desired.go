package daemon

import (
	"sync"

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

// NewDesired derives the desired state from a configuration without errors, each part's on a processor of its own.
func NewDesired(c *confparse.Config) Desired {
	var (
		d     Desired
		parts sync.WaitGroup
	)
	parts.Go(func() { d.Checks = healthcheck.FromConfig(c) })
	parts.Go(func() { d.IPVS = ipvs.FromConfig(c) })
	d.VRRP = vrrp.FromConfig(c)
	parts.Wait()
	return d
}
