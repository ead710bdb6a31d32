package ipvs_test

import (
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

// Reloads that come more often than the audit do not put it off.
func TestAuditIsNotStarvedByReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		defer r.stop()
		a, b := service(1, 1), service(2, 1)
		r.set(specOf(a, b), ipvs.Health{})
		r.kernel.Edit(func(t ipvs.Table) { delete(t, a.Services[0].Key) })
		start := time.Now()
		for i := 0; len(r.kernel.Table()) < 2; i++ {
			if time.Since(start) > 2*time.Minute {
				t.Fatal("a deleted service is not repaired within two audits")
			}
			if i%2 == 0 {
				r.set(specOf(a, b, service(3, 1)), ipvs.Health{}) // without a need to touch a
			} else {
				r.set(specOf(a, b), ipvs.Health{})
			}
			r.kernel.Edit(func(t ipvs.Table) { delete(t, service(3, 1).Services[0].Key) })
			time.Sleep(50 * time.Second)
			synctest.Wait()
			r.kernel.Edit(func(t ipvs.Table) { delete(t, service(3, 1).Services[0].Key) })
		}
	})
}

// Every service has its turn within two periods, also while reloads put new ones in front of it all the time.
func TestAuditRoundCoversWhatReloadsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{AuditPeriod: time.Minute})
		defer r.stop()
		spec := bigSpec(700)
		last := spec.VirtualServers[699]
		r.set(spec, ipvs.Health{})
		r.kernel.Edit(func(t ipvs.Table) { delete(t, last.Services[0].Key) })
		for i := range 24 {
			front := append(bigSpec(700 + 100*(i%2)).VirtualServers[700:], spec.VirtualServers...)
			r.set(specOf(front...), ipvs.Health{})
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		if _, there := r.kernel.Table()[last.Services[0].Key]; !there {
			t.Error("a deleted service has not been repaired in two periods")
		}
	})
}

// A flood of changes does not keep the audit from its turn.
func TestAuditIsNotStarvedByChangesOfHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		defer r.stop()
		a, b := service(1, 1), service(2, 2)
		r.set(specOf(a, b), ipvs.Health{})
		r.kernel.Edit(func(t ipvs.Table) { delete(t, a.Services[0].Key) })
		for i := range 70 {
			r.health(serverHealth(b, 0, i%2 == 0, 1))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if len(r.kernel.Table()) != 2 {
			t.Error("a deleted service is not repaired")
		}
	})
}

// edit is `ipvsadm -e`: somebody else changes the destinations of a service.
func (r *rig) edit(s ipvs.VirtualServerSpec, change map[string]ipvs.DestAttrs) {
	r.kernel.Edit(func(t ipvs.Table) {
		for d, a := range change {
			t[s.Services[0].Key].Dests[netip.MustParseAddrPort(d)] = a
		}
	})
}

// audited waits for an audit and returns the operations that it took.
func (r *rig) audited() []string {
	time.Sleep(time.Minute)
	synctest.Wait()
	return r.ops()
}

const d1, d2 = "192.168.1.1:8080", "192.168.1.2:8080"

// weight is that of a destination of s in the kernel, or -1 if it is not there.
func (r *rig) weight(s ipvs.VirtualServerSpec, d string) int32 {
	a, ok := r.kernel.Table()[s.Services[0].Key].Dests[netip.MustParseAddrPort(d)]
	if !ok {
		return -1
	}
	return a.Weight
}

// withSorry is s with a sorry server.
func withSorry(s ipvs.VirtualServerSpec) ipvs.VirtualServerSpec {
	s.Pool.Sorry = pool.SorryServer{Addr: netip.MustParseAddr("192.168.1.9"), Port: 8080}
	return s
}

// A weight that an operator has set is kept, and reported, until the configuration or a check changes that server.
func TestAuditKeepsTheWeightOfAnOperator(t *testing.T) {
	sorry := withSorry
	heavier := sorry(service(1, 2))
	heavier.Pool.Servers[0].Weight = 3
	other := sorry(service(1, 2))
	other.Services[0].Attrs.Scheduler = "rr"
	s := sorry(service(1, 2))
	for _, c := range []struct {
		name string
		then func(r *rig)
		want int32 // of the first server
		kept int   // overrides
	}{
		{"nothing happens", func(*rig) {}, 0, 1},
		{"audits pass", func(r *rig) { r.want(r.audited()); r.want(r.audited()) }, 0, 1},
		{"a reload without a change", func(r *rig) { r.want(r.set(specOf(sorry(service(1, 2))), ipvs.Health{})) }, 0, 1},
		{"a reload of something else", func(r *rig) {
			r.want(r.set(specOf(other), ipvs.Health{}), "set tcp 10.0.0.1:80 rr")
		}, 0, 1},
		{"a reload with another server in front", func(r *rig) {
			more := sorry(service(1, 3))
			more.Pool.Servers[0], more.Pool.Servers[2] = more.Pool.Servers[2], more.Pool.Servers[0]
			r.want(r.set(specOf(more), ipvs.Health{}), "add tcp 10.0.0.1:80 -> 192.168.1.3:8080 weight 1")
		}, 0, 1},
		{"a check of another server", func(r *rig) { r.health(serverHealth(s, 1, false, 1)) }, 0, 1},
		{"a reload that changes the server", func(r *rig) { r.set(specOf(heavier), ipvs.Health{}) }, 3, 0},
		{"a reload after which it is down", func(r *rig) { r.set(specOf(s), serverHealth(s, 0, false, 1)) }, -1, 0},
		{"a check that fails", func(r *rig) { r.health(serverHealth(s, 0, false, 1)) }, -1, 0},
		{"a check that fails and recovers", func(r *rig) {
			r.health(serverHealth(s, 0, false, 1))
			r.health(serverHealth(s, 0, true, 1))
		}, 1, 0},
		{"a check with another weight", func(r *rig) { r.health(serverHealth(s, 0, true, 4)) }, 4, 0},
		{"the quorum is lost and gained again", func(r *rig) {
			r.health(serverHealth(s, 1, false, 1))
			r.set(specOf(quorum(s, 2)), serverHealth(s, 1, false, 1))
			if got := r.weight(s, d1); got != -1 {
				t.Errorf("weight %d while the sorry server serves", got)
			}
			r.health(serverHealth(s, 1, true, 1))
		}, 1, 0},
		{"the operator puts it back", func(r *rig) {
			r.edit(s, map[string]ipvs.DestAttrs{d1: {Weight: 1}})
			r.want(r.audited())
		}, 1, 0},
		{"the operator deletes the server", func(r *rig) {
			r.kernel.Edit(func(t ipvs.Table) { delete(t[s.Services[0].Key].Dests, netip.MustParseAddrPort(d1)) })
			r.want(r.audited(), "add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1")
		}, 1, 0},
		{"the operator deletes the service", func(r *rig) {
			r.kernel.Edit(func(t ipvs.Table) { clear(t) })
			r.audited()
		}, 1, 0},
		{"an answer is lost", func(r *rig) {
			r.kernel.SetFault(func(ipvs.Op) ipvstest.Fault { return ipvstest.Fault{Err: syscall.ENOBUFS} })
			r.health(serverHealth(s, 1, true, 2))
			r.kernel.SetFault(nil)
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, ipvstest.New(), ipvs.Options{})
				defer r.stop()
				r.set(specOf(s), ipvs.Health{})
				r.edit(s, map[string]ipvs.DestAttrs{d1: {Weight: 0}})
				r.want(r.audited())
				want := []ipvs.Override{{Service: s.Services[0].Key, Destination: netip.MustParseAddrPort(d1), Own: 1}}
				if got := r.Status().Overrides; len(got) != 1 || got[0] != want[0] {
					t.Fatalf("overrides: %+v, want %+v", got, want)
				}
				c.then(r)
				if got := r.weight(s, d1); got != c.want {
					t.Errorf("weight %d, want %d", got, c.want)
				}
				if got := r.Status().Overrides; len(got) != c.kept {
					t.Errorf("overrides: %+v, want %d", got, c.kept)
				}
			})
		})
	}
}

// quorum is s with another quorum.
func quorum(s ipvs.VirtualServerSpec, n uint32) ipvs.VirtualServerSpec {
	s.Pool.Quorum = n
	return s
}

// What others change beside a weight is put right, and with AuditRepair weights are too.
func TestAuditRepairsTheRest(t *testing.T) {
	s := service(1, 2)
	for _, c := range []struct {
		name string
		mode ipvs.AuditMode
		want []string
	}{
		{"keep", ipvs.AuditKeep, []string{
			"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 0", "set tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 1",
			"delete tcp 10.0.0.1:80 -> 9.9.9.9:80"}},
		{"repair", ipvs.AuditRepair, []string{
			"set tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1", "set tcp 10.0.0.1:80 -> 192.168.1.2:8080 weight 1",
			"delete tcp 10.0.0.1:80 -> 9.9.9.9:80"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, ipvstest.New(), ipvs.Options{Audit: c.mode})
				defer r.stop()
				r.set(specOf(s), ipvs.Health{})
				r.edit(s, map[string]ipvs.DestAttrs{
					d1: {Weight: 0, Forwarding: confparse.DR}, // `ipvsadm -e -w 0` without -m
					d2: {Weight: 1, UpperThreshold: 5}, "9.9.9.9:80": {Weight: 1},
				})
				r.want(r.audited(), c.want...)
				if got := r.Status().Drift; got != 3 {
					t.Errorf("%d repairs counted, want 3", got)
				}
				r.want(r.audited())
			})
		})
	}
}

// An audit that reads a part of what it asked for judges that part alone.
func TestAuditOfAPartialRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		defer r.stop()
		spec := specOf(service(1, 1), service(2, 1), service(3, 1))
		r.set(spec, ipvs.Health{})
		third := spec.VirtualServers[2].Services[0].Key
		r.kernel.SetReadFault(func(k ipvs.ServiceKey) error {
			if k == third {
				return syscall.ENOBUFS
			}
			return nil
		})
		r.kernel.Edit(func(t ipvs.Table) {
			for _, s := range t {
				clear(s.Dests)
			}
		})
		r.want(r.audited(), "add tcp 10.0.0.1:80 -> 192.168.1.1:8080 weight 1",
			"add tcp 10.0.0.2:80 -> 192.168.2.1:8080 weight 1")
		r.kernel.SetReadFault(nil)
		r.want(r.audited(), "add tcp 10.0.0.3:80 -> 192.168.3.1:8080 weight 1")
	})
}
