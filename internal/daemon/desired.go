package daemon

import (
	"sync"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/bfd"
	"vigil/internal/track/watch"
	"vigil/ipvs"
	"vigil/vrrp"
)

// Desired is what the world must look like: no positions, all defaults applied, never changed after construction.
type Desired struct {
	VRRP     vrrp.Spec
	Checks   healthcheck.Spec
	IPVS     ipvs.Spec
	Sync     ipvs.SyncSpec
	Told     toldSpec
	BFD      bfd.Spec
	Tracking watch.Spec
	Program  programSpec
	Followed []followedServer // changes only with what follows, or with what is followed
	Members  membersSpec
}

// NewDesired derives the desired state from a configuration that has no errors and leaves nothing out.
func NewDesired(c *confparse.Config) Desired {
	d, _ := Desired{}.Updated(c)
	return d
}

// Updated derives the desired state from a configuration without errors that was loaded knowing the one d is of. It
// returns false when d lacks something that the configuration has left out as unchanged.
func (d Desired) Updated(c *confparse.Config) (next Desired, ok bool) {
	var (
		checks, services bool
		parts            sync.WaitGroup
	)
	parts.Go(func() { next.Checks, checks = d.Checks.Updated(c) })
	parts.Go(func() { next.IPVS, services = d.IPVS.Updated(c) })
	next.VRRP, next.BFD, next.Sync = vrrp.FromConfig(c), bfd.FromConfig(c), ipvs.SyncFromConfig(c)
	next.Tracking, next.Followed, next.Members = watch.FromConfig(c), followedOf(c), membersSpecOf(c)
	next.Told, next.Program = toldOf(&c.Global), programSpecOf(c)
	parts.Wait()
	return next, checks && services
}
