package ipvs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// IPVS is unloaded, and with it the table: it is noticed whatever is done next, the status says so, and once it can be
// had again everything is programmed anew.
func TestLostIPVSComesBack(t *testing.T) {
	a, b := service(1, 2), service(2, 1)
	for _, c := range []struct {
		name    string
		meet    func(r *rig) // what meets the loss
		spec    ipvs.Spec    // what is wanted then
		health  ipvs.Health
		restore func(k *ipvstest.Kernel) // what others do before we come
	}{
		{"a change of health", func(r *rig) { r.health(serverHealth(a, 0, false, 1)) }, specOf(a, b),
			serverHealth(a, 0, false, 1), nil},
		{"an audit", func(r *rig) { r.audited() }, specOf(a, b), ipvs.Health{}, nil},
		{"a reload that adds", func(r *rig) { r.set(specOf(a, b, service(3, 1)), ipvs.Health{}) },
			specOf(a, b, service(3, 1)), ipvs.Health{}, nil},
		{"a reload that removes", func(r *rig) { r.set(specOf(b), ipvs.Health{}) }, specOf(b), ipvs.Health{}, nil},
		{"somebody restores an old table", func(r *rig) { r.audited() }, specOf(a, b), ipvs.Health{},
			func(k *ipvstest.Kernel) {
				k.Edit(func(t ipvs.Table) {
					t[a.Services[0].Key] = ipvs.Service{Attrs: attrs(a.Services[0].Key, "rr"),
						Dests: dests("9.9.9.9:80", ipvs.DestAttrs{})}
				})
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, ipvstest.New(), ipvs.Options{})
				defer r.stop()
				r.set(specOf(a, b), ipvs.Health{})
				if r.Status().Lost {
					t.Error("lost before it is")
				}
				r.kernel.Unload()
				c.meet(r)
				time.Sleep(time.Second)
				synctest.Wait()
				st := r.Status()
				if !st.Lost || st.Services != 0 || st.Destinations != 0 || len(st.Failing) != 1 ||
					st.Failing[0].Service != (ipvs.ServiceKey{}) {
					t.Errorf("status while it is lost: %+v", st)
				}
				r.kernel.Load()
				if c.restore != nil {
					c.restore(r.kernel)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				r.wantTable(ipvs.Desired(c.spec, c.health))
				if st := r.Status(); st.Lost || len(st.Failing) > 0 {
					t.Errorf("status afterwards: %+v", st)
				}
				if err := r.stop(); err != nil || len(r.kernel.Table()) > 0 {
					t.Errorf("stop: %v, left %v", err, r.kernel.Table())
				}
			})
		})
	}
}

// Unloaded and loaded again before anybody looked: the old connection does not reach the new IPVS.
func TestIPVSLoadedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens := 0
		k := ipvstest.New()
		r := run(t, k, ipvs.Options{Open: func(ctx context.Context) (ipvs.Kernel, error) { opens++; return k.Open(ctx) }})
		defer r.stop()
		s := service(1, 2)
		r.set(specOf(s), ipvs.Health{})
		k.Unload()
		k.Load()
		r.audited()
		r.wantTable(ipvs.Desired(specOf(s), ipvs.Health{}))
		if opens != 2 || r.Status().Lost {
			t.Errorf("opened %d times, status %+v", opens, r.Status())
		}
	})
}

// With IPVS gone there is nothing to remove at the end, and the end does not wait for it.
func TestStopWhileIPVSIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, ipvstest.New(), ipvs.Options{})
		r.set(specOf(service(1, 2)), ipvs.Health{})
		r.kernel.Unload()
		start := time.Now()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("the stop took %v", took)
		}
	})
}
