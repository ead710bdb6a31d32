package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/ipvs"
	"vigil/vrrp"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// apply makes next the desired state of all parts, starting those it needs. Gains come before losses: a service is in
// the table before the address that leads to it is announced. At an error nothing of next may be relied on.
func (d *daemon) apply(next Desired) error {
	if d.opts.Checkers && (d.ipvs != nil || len(next.IPVS.VirtualServers) > 0) {
		if err := d.applyServices(next); err != nil {
			return err
		}
	}
	if d.opts.VRRP && (d.vrrp != nil || len(next.VRRP.Instances) > 0) {
		return d.applyRouters(next.VRRP)
	}
	return nil
}

// applyServices hands services and checks to their parts. On first use it starts them, and fails when the kernel's
// table cannot be had.
func (d *daemon) applyServices(next Desired) error {
	if d.ipvs != nil {
		d.ipvs.Set(next.IPVS, healthOf(next.Checks, d.checks.Apply(next.Checks)))
		return nil
	}
	reg := prometheus.NewRegistry() // of its own, to be dropped with the parts when they cannot start
	checks := healthcheck.NewManager(healthcheck.Options{Logger: d.log.With(componentKey, "checkers"), Registerer: reg})
	table := ipvs.NewReconciler(ipvs.Options{
		Open: d.openKernel, Logger: d.log.With(componentKey, "ipvs"), Registerer: reg,
		StatePath: d.statePath("-ipvs.json"), KeepOnStop: d.opts.KeepIPVS,
	})
	table.Set(next.IPVS, healthOf(next.Checks, checks.Apply(next.Checks)))
	t := startTask("ipvs", d.ended, table.Run)
	headStart := time.NewTimer(ipvsHeadStart)
	defer headStart.Stop()
	select {
	case <-table.Ready():
	case <-headStart.C:
	case <-t.done:
		return fmt.Errorf("virtual servers are configured: %w", t.err)
	}
	d.ipvs, d.tasks.ipvs = table, t
	d.checks, d.tasks.checks = checks, startTask("healthcheck", d.ended, checks.Run)
	d.view.services(d.checks, d.ipvs, reg)
	return nil
}

func (d *daemon) openKernel(ctx context.Context) (ipvs.Kernel, error) {
	if d.opts.Kernel != nil {
		return d.opts.Kernel()
	}
	return ipvs.OpenKernel(ctx, ipvs.KernelOptions{Logger: d.log.With(componentKey, "ipvs")})
}

func (d *daemon) openNetwork() (Network, error) {
	if d.opts.Network != nil {
		return d.opts.Network()
	}
	return lan.OpenKernel()
}

// applyRouters hands the virtual routers to their part, starting it on first use.
func (d *daemon) applyRouters(next election.Spec) error {
	if d.vrrp == nil {
		reg := prometheus.NewRegistry()
		network, err := d.openNetwork()
		if err != nil {
			return fmt.Errorf("vrrp: %w", err)
		}
		r, err := vrrp.NewRunner(vrrp.Options{Network: network, Logger: d.log.With(componentKey, "vrrp"), Registerer: reg,
			HeartbeatFile: d.statePath("-vrrp.beat"), KeepOnStop: d.opts.KeepVRRP})
		if err != nil {
			return err
		}
		d.vrrp = r
		d.tasks.vrrp = startTask("vrrp", d.ended, func(ctx context.Context) error {
			return errors.Join(r.Run(ctx), network.Close())
		})
		d.view.routers(d.vrrp, reg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), vrrpStopLimit)
	defer cancel()
	return d.vrrp.Apply(ctx, next)
}

// healthOf is the Snapshot of a Spec as IPVS wants it, which takes what is not mentioned for up with its configured
// weight: of thousands of servers a few are worth a word.
func healthOf(spec healthcheck.Spec, s healthcheck.Snapshot) ipvs.Health {
	h := newHealth()
	for i, vs := range s.VirtualServers {
		for k, rs := range vs.RealServers {
			if !rs.Up || rs.Weight != spec.VirtualServers[i].RealServers[k].Weight {
				h.RealServers[rs.ID] = ipvs.RealServerHealth{Up: rs.Up, Weight: rs.Weight}
			}
		}
	}
	return h
}

// changeOfHealth is a batch of changes as IPVS wants it.
func changeOfHealth(changes []healthcheck.Change) ipvs.Health {
	h := newHealth()
	for _, c := range changes {
		if c.RealServer.Addr.IsValid() {
			h.RealServers[c.RealServer] = ipvs.RealServerHealth{Up: c.Up, Weight: c.Weight}
		}
	}
	return h
}

func newHealth() ipvs.Health {
	return ipvs.Health{RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth)}
}
