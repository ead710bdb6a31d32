package vrrp

import (
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// hostConfigured is what has come of telling the Network about the host, before a request is applied.
type hostConfigured struct {
	request request
	err     error
}

// take begins to apply a request. What it wants of the host comes first, on a goroutine of its own: the firewall may be at work
// for seconds. No other request is taken meanwhile.
func (r *Runner) take(req request) {
	if r.stopping || req.spec.Host == r.hosted {
		r.apply(req)
		return
	}
	r.hosted, r.configuring = req.spec.Host, true
	r.io.Go(func() {
		done := hostConfigured{req, r.network.Configure(lanSettings(&req.spec.Host))}
		select {
		case r.configured <- done:
		case <-r.quit:
		}
	})
}

// hostIsConfigured applies the request that has waited.
func (r *Runner) hostIsConfigured(done hostConfigured) {
	r.configuring = false
	if done.err != nil {
		instanceLog{logger: r.log, name: "vrrp"}.failed("cannot configure the host", done.err)
	}
	r.apply(done.request)
}

// lanSettings is h for the Network.
func lanSettings(h *election.HostSettings) lan.Settings {
	f := &h.Filter
	s := lan.Settings{NoLocalIGMP: h.NoLocalIGMP}
	s.Filter.Table, s.Filter.Priority, s.Filter.Counters, s.Filter.ByIndex = f.Table, f.Priority, f.Counters, f.ByIndex
	s.Filter.Input, s.Filter.Output = f.Chains[0], f.Chains[1]
	sets := &s.Filter.Sets
	for i, to := range []*string{&sets.Addresses4, &sets.Addresses6, &sets.LinkLocal, &sets.VMAC4, &sets.VMAC6, &sets.Discovery} {
		*to = f.Sets[i]
	}
	return s
}
