package ipvs_test

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

// step is one thing that happens in TestReconcilerAlwaysConverges. It is drawn before, since rapid draws only in the
// goroutine of its test.
type step struct {
	kind    string
	spec    ipvs.Spec
	health  ipvs.Health
	service ipvs.VirtualServerSpec
	gone    bool
	err     error
	every   int
	done    bool
}

func drawStep(t *rapid.T, specs []ipvs.VirtualServerSpec) step {
	kinds := []string{"set", "health", "health", "all", "sync", "meddle", "faults", "reads", "unload", "load"}
	st := step{kind: rapid.SampledFrom(kinds).Draw(t, "step")}
	st.service = specs[rapid.IntRange(0, len(specs)-1).Draw(t, "service")]
	switch st.kind {
	case "set":
		for _, s := range specs {
			if rapid.Bool().Draw(t, "in") {
				s.Services = slices.Clone(s.Services)
				s.Services[0].Attrs.Scheduler = rapid.SampledFrom([]string{"rr", "wlc"}).Draw(t, "scheduler")
				st.spec.VirtualServers = append(st.spec.VirtualServers, s)
			}
		}
	case "health":
		if n := len(st.service.Pool.Servers); n > 0 {
			st.health = serverHealth(st.service, rapid.IntRange(0, n-1).Draw(t, "server"),
				rapid.Bool().Draw(t, "up"), rapid.Int32Range(0, 3).Draw(t, "weight"))
		}
	case "all":
		st.health = serversHealth(st.service, rapid.Bool().Draw(t, "up"))
	case "meddle":
		st.gone = rapid.Bool().Draw(t, "gone")
	case "reads":
		st.every = rapid.IntRange(1, 3).Draw(t, "every")
		st.err = rapid.SampledFrom([]error{syscall.ENOBUFS, syscall.ETIMEDOUT}).Draw(t, "errno")
	case "faults":
		// A kernel may refuse, or its answer may be lost. It does not lie: EEXIST, ENOENT and ESRCH come by themselves
		// when somebody meddles.
		st.every = rapid.IntRange(1, 3).Draw(t, "every")
		if rapid.Bool().Draw(t, "refused") {
			st.err = rapid.SampledFrom([]error{syscall.ERANGE, syscall.ENOMEM, syscall.EPERM}).Draw(t, "errno")
			return st
		}
		st.err = rapid.SampledFrom([]error{syscall.ENOBUFS, syscall.ETIMEDOUT, errors.New("strange")}).Draw(t, "errno")
		st.done = rapid.Bool().Draw(t, "done")
	}
	return st
}

// do makes the step happen to r's kernel.
func (st step) do(k *ipvstest.Kernel) {
	switch st.kind {
	case "meddle":
		k.Edit(func(t ipvs.Table) {
			switch svc, ok := t[st.service.Services[0].Key]; {
			case !ok: // there is nothing to meddle with
			case st.gone:
				delete(t, st.service.Services[0].Key)
			default:
				clear(svc.Dests)
				svc.Dests[netip.MustParseAddrPort("192.168.1.1:8080")] = ipvs.DestAttrs{Weight: 8}
			}
		})
	case "unload":
		k.Unload()
	case "load":
		k.Load()
	case "reads":
		n := 0
		k.SetReadFault(func(ipvs.ServiceKey) error {
			if n++; n%st.every == 0 {
				return st.err
			}
			return nil
		})
	case "faults":
		n := 0
		k.SetFault(func(ipvs.Op) ipvstest.Fault {
			if n++; n%st.every == 0 {
				return ipvstest.Fault{Err: st.err, Done: st.done}
			}
			return ipvstest.Fault{}
		})
	}
}

// TestReconcilerAlwaysConverges: whatever is handed in, in whatever grouping, whatever fails, whoever meddles and however
// often IPVS is unloaded, once the faults end the table is the desired one, and no operation of an undisturbed run fails.
// At the end nothing of ours is left.
func TestReconcilerAlwaysConverges(t *testing.T) {
	specs := []ipvs.VirtualServerSpec{service(1, 3), service(2, 2), service(3, 0), service(4, 1)}
	specs[0].Pool.Sorry = pool.SorryServer{Addr: netip.MustParseAddr("192.168.1.1"), Port: 8080}
	specs[1].Pool.Sorry = pool.SorryServer{Addr: netip.MustParseAddr("192.168.9.9"), Port: 80, Inhibit: true}
	specs[1].Pool.Servers[0].InhibitOnFailure = true
	rapid.Check(t, func(rt *rapid.T) {
		steps := make([]step, rapid.IntRange(1, 12).Draw(rt, "steps"))
		for i := range steps {
			steps[i] = drawStep(rt, specs)
		}
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = play(t, steps) })
		for _, p := range problems {
			rt.Error(p)
		}
	})
}

func play(t *testing.T, steps []step) (problems []string) {
	k := ipvstest.New()
	foreign := fwmark(9, confparse.IPv4)
	k.Edit(func(table ipvs.Table) { table[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")} })
	r := run(t, k, ipvs.Options{AuditPeriod: time.Minute, Audit: ipvs.AuditRepair})
	defer r.stop()
	r.set(ipvs.Spec{}, ipvs.Health{}) // with the first Spec behind it no failure to open is final
	var spec ipvs.Spec
	health := ipvs.Health{RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth)}
	disturbed := false
	for _, st := range steps {
		maps.Copy(health.RealServers, st.health.RealServers)
		switch st.kind {
		case "set":
			spec = st.spec
			r.Set(spec, ipvs.Health{RealServers: maps.Clone(health.RealServers)})
		case "health", "all":
			r.Report(changesOf(st.health))
		case "sync":
			r.sync()
		default:
			disturbed = true
			st.do(k)
		}
	}
	r.Set(spec, health)
	log := k.TakeLog()
	if err := r.Sync(t.Context()); err != nil {
		return []string{err.Error()}
	}
	k.SetFault(nil)
	k.SetReadError(nil)
	k.Load()
	if disturbed {
		time.Sleep(5 * time.Minute) // longer than any pause, and than an audit
	}
	synctest.Wait()
	want := ipvs.Desired(spec, health)
	others := 0 // unloading takes everybody's services away
	if !slices.ContainsFunc(steps, func(st step) bool { return st.kind == "unload" }) {
		want[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")}
		others = 1
	}
	if diff := diffTables(want, k.Table()); diff != "" {
		problems = append(problems, "table (-want +got):\n"+diff)
	}
	if err := r.stop(); err != nil {
		problems = append(problems, err.Error())
	}
	if left := k.Table(); len(left) != others {
		problems = append(problems, fmt.Sprintf("after the stop: %v", left))
	}
	for _, e := range append(log, k.TakeLog()...) {
		if e.Err != nil && !disturbed {
			problems = append(problems, fmt.Sprintf("%v: %v", e.Op, e.Err))
		}
	}
	return problems
}

// TestDiffOnTheTwin: the kernel accepts every operation of a diff in its order, and has the wanted table then.
func TestDiffOnTheTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := drawTable(t, "have"), drawTable(t, "want")
		k := ipvstest.New()
		for _, target := range []ipvs.Table{have, want} {
			ops := ipvs.Diff(k.Table(), target)
			for i, err := range k.Apply(t.Context(), ops) {
				if err != nil {
					t.Errorf("%v: %v", ops[i], err)
				}
			}
			if diff := diffTables(target, k.Table()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

func drawTable(t *rapid.T, label string) ipvs.Table {
	table := make(ipvs.Table)
	for range rapid.IntRange(0, 4).Draw(t, label) {
		k := rapid.SampledFrom([]ipvs.ServiceKey{tcp("10.0.0.1:80"), tcp("10.0.0.1:81"), tcp("[2001:db8::1]:80"),
			fwmark(1, confparse.IPv4), fwmark(1, confparse.IPv6)}).Draw(t, "key")
		a := attrs(k, rapid.SampledFrom(ipvstest.Schedulers).Draw(t, "scheduler"))
		a.Flags = rapid.SampledFrom([]ipvs.Flags{0, ipvs.Persistent, ipvs.OnePacket, 0x18}).Draw(t, "flags")
		s := ipvs.Service{Attrs: a, Dests: make(map[ipvs.DestKey]ipvs.DestAttrs)}
		for range rapid.IntRange(0, 3).Draw(t, "dests") {
			d := rapid.SampledFrom([]string{"192.168.0.1:80", "192.168.0.2:80", "[2001:db8::9]:80"}).Draw(t, "dest")
			s.Dests[netip.MustParseAddrPort(d)] = ipvs.DestAttrs{
				Weight: rapid.Int32Range(0, 3).Draw(t, "weight"), Forwarding: confparse.TUN,
				UpperThreshold: rapid.Uint32Range(5, 6).Draw(t, "upper"),
				Tunnel:         confparse.Tunnel{Type: rapid.SampledFrom([]confparse.TunnelType{confparse.IPIP, confparse.GRE}).Draw(t, "type")},
			}
		}
		table[k] = s
	}
	return table
}
