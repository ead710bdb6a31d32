package ipvs

import (
	"context"
	"errors"

	"vigil/confparse"
)

// ServerConnections are the connections that the kernel has to a real server, in all services of its virtual server.
type ServerConnections struct {
	Server   confparse.RealServerID
	Active   int
	Inactive int // they are ending, or are of UDP
	Clients  int // that come to it again within their persistence_timeout
}

// errNoKernel says that the kernel's table is not open at present.
var errNoKernel = errors.New("the kernel's IPVS is not at hand")

// Connections reads what the kernel has of the real servers that want says, in the order of the Spec. It may be called from any
// goroutine, and asks the kernel.
func (r *Reconciler) Connections(ctx context.Context, want func(confparse.RealServerID) bool) ([]ServerConnections, error) {
	kernel := r.metrics.kernel.Load()
	if kernel == nil {
		return nil, errNoKernel
	}
	type place struct {
		service ServiceKey
		dest    DestKey
	}
	var list []ServerConnections
	where := make(map[place][]int) // in list: virtual servers may share a service
	keys := make(map[ServiceKey]bool)
	pools := *r.pools.Load()
	for p := range pools {
		spec := pools[p].spec
		for i := range spec.Pool.Servers {
			id := spec.serverID(i)
			if !want(id) {
				continue
			}
			for n := range spec.Services {
				at := place{spec.Services[n].Key, spec.destKey(n, i)}
				keys[at.service] = true
				where[at] = append(where[at], len(list))
			}
			list = append(list, ServerConnections{Server: id})
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	stats, err := (*kernel).Stats(ctx, func(k ServiceKey) bool { return keys[k] }, true)
	if err != nil {
		return nil, err
	}
	for _, s := range stats {
		for _, d := range s.Dests {
			for _, i := range where[place{s.Key, d.Key}] {
				list[i].Active += int(d.Active)
				list[i].Inactive += int(d.Inactive)
				list[i].Clients += int(d.Persistent)
			}
		}
	}
	return list, nil
}
