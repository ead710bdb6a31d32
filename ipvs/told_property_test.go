package ipvs_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
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

// listener is who reads the lines about virtual and real servers, and knows of them what those say, by their names.
type listener struct {
	up    map[string]bool
	wrong []string
}

func (l *listener) hear(e ipvs.Event) {
	vs := e.VirtualServer.String()
	server := vs + " " + e.Server.String()
	switch e.Kind {
	case pool.ServerUp, pool.ServerDown:
		l.becomes(server, e.Kind == pool.ServerUp, false)
	case pool.ServerGone:
		if was, said := l.up[server]; said && was != e.Up {
			l.wrong = append(l.wrong, fmt.Sprintf("%s goes as if it had been told to be up: %v", server, e.Up))
		}
		if delete(l.up, server); e.Final && !l.up[vs] {
			delete(l.up, vs) // its end is not told when its quorum was lost
		}
	case pool.QuorumGained, pool.QuorumLost:
		if l.becomes(vs, e.Kind == pool.QuorumGained, e.Initial); e.Final {
			delete(l.up, vs)
		}
	}
}

// becomes takes note of a line. That it is down may be said again where a sorry server has come.
func (l *listener) becomes(name string, up, again bool) {
	if was, said := l.up[name]; said && was == up && !(again && !up) {
		l.wrong = append(l.wrong, fmt.Sprintf("%s is told twice to be up: %v", name, up))
	}
	l.up[name] = up
}

// toldStep is one of what happens in TestWhatIsToldIsTrue, and a number that says which server, configuration or time.
type toldStep struct {
	kind  string
	which int
	waits bool // for what comes of it
}

func drawToldSteps(t *rapid.T) (steps []toldStep) {
	kinds := []string{"server", "server", "server", "server", "server", "reload", "time", "faults", "no faults"}
	for range rapid.IntRange(3, 25).Draw(t, "steps") {
		steps = append(steps, toldStep{rapid.SampledFrom(kinds).Draw(t, "step"), rapid.IntRange(0, 100).Draw(t, "which"), rapid.Bool().Draw(t, "waits")})
	}
	return steps
}

// TestWhatIsToldIsTrue: whatever fails, recovers and is reloaded, however busy or unwilling the kernel is: nobody is told the same of
// one object twice, and what was told last is so. Guards take part, and virtual servers of a name that have little else in common.
func TestWhatIsToldIsTrue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var texts []string
		var specs []ipvs.Spec
		for i, label := range []string{"a ", "b ", "c "} {
			text := drawConfiguration(rt, label, 2-i)
			for _, guard := range []string{"panic_threshold 50", "flap_damping 2 60", "hysteresis 1", "alpha"} {
				if rapid.Bool().Draw(rt, label+guard) {
					text = strings.ReplaceAll(text, "lvs_method", guard+"\nlvs_method")
				}
			}
			texts, specs = append(texts, text), append(specs, specFrom(t, text))
		}
		steps := drawToldSteps(rt)
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = playTold(t, specs, steps) })
		if len(wrong) > 0 {
			rt.Fatalf("%s\n%+v\n%s", strings.Join(wrong, "\n"), steps, strings.Join(texts, "\nthen\n"))
		}
	})
}

// everyThird has every third operation refused, or its answer lost.
func everyThird(which int) func(ipvs.Op) ipvstest.Fault {
	n := 0
	return func(ipvs.Op) (f ipvstest.Fault) {
		if n++; n%3 == 0 {
			f.Err = []error{syscall.ENOBUFS, syscall.EPERM, syscall.ENOMEM}[which%3]
			f.Done = f.Err == syscall.ENOBUFS && n%2 == 0
		}
		return f
	}
}

func playTold(t *testing.T, specs []ipvs.Spec, steps []toldStep) []string {
	l := &listener{up: make(map[string]bool)}
	k := ipvstest.New()
	r := run(t, k, ipvs.Options{AuditPeriod: -1, Tell: l.hear})
	var health ipvs.Health // as the checks have it
	var servers []confparse.RealServerID
	var panics map[confparse.RealServerID]bool // those that panic_threshold may hold in
	load := func(s ipvs.Spec) {
		before := health.RealServers
		health.RealServers, servers = make(map[confparse.RealServerID]ipvs.RealServerHealth), nil
		panics = make(map[confparse.RealServerID]bool)
		for _, vs := range s.VirtualServers {
			for _, rs := range vs.Pool.Servers {
				id := confparse.RealServerID{VS: vs.ID, Addr: rs.Addr, Port: rs.Port}
				was, known := before[id]
				health.RealServers[id] = ipvs.RealServerHealth{Up: was.Up || !known, Weight: rs.Weight}
				servers, panics[id] = append(servers, id), vs.Pool.Guards.PanicThreshold > 0
			}
		}
		r.Set(s, ipvs.Health{RealServers: maps.Clone(health.RealServers)})
	}
	load(specs[0])
	for _, step := range steps {
		switch step.kind {
		case "server":
			if len(servers) > 0 {
				id := servers[step.which%len(servers)]
				h := health.RealServers[id]
				h.Up = !h.Up
				health.RealServers[id] = h
				r.Report([]ipvs.HealthChange{{Server: id, RealServerHealth: h}})
			}
		case "reload":
			load(specs[step.which%len(specs)])
		case "time":
			time.Sleep(time.Duration(step.which) * time.Second)
		case "faults":
			k.SetFault(everyThird(step.which))
		case "no faults":
			k.SetFault(nil)
		}
		if step.waits {
			synctest.Wait()
		}
	}
	k.SetFault(nil)
	time.Sleep(10 * time.Minute) // what was refused is tried again, and no guard remembers
	synctest.Wait()
	for _, p := range r.Pools() {
		name := p.VirtualServer.String()
		if up, said := l.up[name]; up != p.QuorumUp || !said && p.QuorumUp {
			l.wrong = append(l.wrong, fmt.Sprintf("the quorum of %s is %v, and told %v", name, p.QuorumUp, up))
		}
	}
	for id, guarded := range panics {
		name := id.VS.String() + " " + netip.AddrPortFrom(id.Addr, id.Port).String()
		if up, said := l.up[name]; said && !guarded && up != health.RealServers[id].Up {
			l.wrong = append(l.wrong, fmt.Sprintf("%s is told to be up: %v", name, up))
		}
	}
	if err := r.stop(); err != nil || len(k.Table()) > 0 {
		l.wrong = append(l.wrong, fmt.Sprint("after the end: ", slices.Collect(maps.Keys(k.Table())), err))
	}
	return l.wrong
}
