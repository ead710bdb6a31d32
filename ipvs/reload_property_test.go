package ipvs_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// drawn draws a part of a configuration.
type drawn struct {
	t     *rapid.T
	label string
	b     strings.Builder
}

func (d *drawn) pick(what string, of ...string) string {
	return rapid.SampledFrom(of).Draw(d.t, d.label+what)
}
func (d *drawn) chance(what string) bool { return rapid.IntRange(0, 2).Draw(d.t, d.label+what) == 0 }
func (d *drawn) line(format string, args ...any) {
	fmt.Fprintf(&d.b, format+"\n", args...)
}

// drawConfiguration draws at least so many virtual servers of every kind, out of few names and values, so that two
// configurations have much in common. Of what depends on what was before (hysteresis, panic_threshold, flap_damping) it draws nothing.
func drawConfiguration(t *rapid.T, label string, least int) string {
	d := &drawn{t: t, label: label}
	d.line("global_defs {")
	if d.chance("timeouts") {
		d.line("lvs_timeouts tcp %s", d.pick("tcp", "100", "200"))
	}
	if d.chance("server down") {
		d.line("on_server_down %s", d.pick("server down", "keep", "reset"))
	}
	d.line("}\nvirtual_server_group G {\n%s\n}", d.pick("entries", "10.0.1.1-3 80", "10.0.1.2-4 80", "10.0.1.1 80\nfwmark 7",
		"10.0.1.0/30 81", "10.0.1.1 80\n10.0.1.254-10.0.2.1 80", "fwmark 7\nfwmark 8"))
	for _, vs := range rapid.Permutation([]string{"10.0.0.1 80", "10.0.0.2 80", "fwmark 5", "group G", "2001:db8::1 80", "10.0.0.1 53"}).
		Draw(t, label+"order")[:rapid.IntRange(least, 4).Draw(t, label+"count")] {
		d.virtualServer(vs)
	}
	return d.b.String()
}

func (d *drawn) virtualServer(name string) {
	outer := d.label
	d.label += name + " "
	defer func() { d.label = outer }()
	kind := d.pick("kind", "NAT", "DR", "TUN", "TUN type gue port 6080 csum", "TUN type gre")
	algorithm := d.pick("algo", "rr", "wrr", "wlc", "sh", "mh")
	d.line("virtual_server %s {\nlb_algo %s\nlvs_method %s", name, algorithm, kind)
	if algorithm == "sh" || algorithm == "mh" {
		for _, flag := range []string{"port", "fallback"} {
			if d.chance(flag) {
				d.line("%s-%s", algorithm, flag)
			}
		}
	}
	if strings.HasSuffix(name, "53") {
		d.line("protocol UDP")
		if d.chance("ops") {
			d.line("ops")
		}
	} else {
		d.line("protocol %s", d.pick("protocol", "TCP", "TCP", "SCTP"))
	}
	for _, s := range []string{"persistence_timeout 50", "inhibit_on_failure", "quorum 2", "drain_on_remove 30", "failover_threshold 2",
		"slow_start 10"} {
		if d.chance(s) {
			d.line("%s", s)
		}
	}
	if d.chance("granularity") {
		d.line("persistence_granularity %s", map[bool]string{true: "64", false: "255.255.255.0"}[strings.Contains(name, ":")])
	}
	address := func(n int) string {
		if strings.Contains(name, ":") || strings.HasPrefix(kind, "TUN") && n%2 == 0 {
			return fmt.Sprintf("2001:db8:1::%d", n)
		}
		return fmt.Sprintf("192.168.0.%d", n)
	}
	if d.chance("sorry") {
		d.line("sorry_server %s 80", address(9))
		if d.chance("sorry inhibit") {
			d.line("sorry_server_inhibit")
		}
	}
	for i, n := range rapid.Permutation([]int{1, 2, 3, 4}).Draw(d.t, d.label+"servers")[:rapid.IntRange(1, 4).Draw(d.t, d.label+"n")] {
		word := "real_server"
		if i > 0 && d.chance(fmt.Sprint("backup ", i)) {
			word = "backup_real_server"
		}
		d.line("%s %s %s {\nweight %s\nuthreshold %s\nlthreshold %s\n}", word, address(n), d.pick(fmt.Sprint("port ", i), "80", "80", "81"),
			d.pick(fmt.Sprint("weight ", i), "1", "1", "3", "0"), d.pick(fmt.Sprint("uthreshold ", i), "0", "9"),
			d.pick(fmt.Sprint("lthreshold ", i), "0", "0", "3"))
	}
	d.line("}")
}

// drawHealthOf draws what the checks say of the servers of s.
func drawHealthOf(t *rapid.T, label string, s ipvs.Spec) ipvs.Health {
	h := ipvs.Health{RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth)}
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.Pool.Servers {
			id := confparse.RealServerID{VS: vs.ID, Addr: rs.Addr, Port: rs.Port}
			if rapid.IntRange(0, 3).Draw(t, label+"down") == 0 {
				h.RealServers[id] = ipvs.RealServerHealth{Weight: rs.Weight}
			}
		}
	}
	return h
}

// removals are the operations that take something away which want has.
func removals(ops []ipvs.Op, want ipvs.Table) (bad []ipvs.Op) {
	for _, op := range ops {
		s, wanted := want[op.Service]
		_, server := s.Dests[op.Dest]
		if op.Kind == ipvs.DelService && wanted || op.Kind == ipvs.DelDest && server {
			bad = append(bad, op)
		}
	}
	return bad
}

// TestReloadEqualsAFreshStart: whatever ran before, the table after a reload is what a start with the new configuration
// and the same results of checks gives, and nothing that stays is taken away on the way.
func TestReloadEqualsAFreshStart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var specs []ipvs.Spec
		var healths []ipvs.Health
		var texts []string
		for i, label := range []string{"a ", "b ", "c "} {
			texts = append(texts, drawConfiguration(rt, label, 2-i))
			specs = append(specs, specFrom(t, texts[len(texts)-1]))
			healths = append(healths, drawHealthOf(rt, label, specs[len(specs)-1]))
		}
		settle := rapid.Bool().Draw(rt, "settle")
		var problem string
		synctest.Test(t, func(t *testing.T) {
			k := ipvstest.New()
			r := run(t, k, ipvs.Options{AuditPeriod: -1})
			defer r.stop()
			for i, s := range specs {
				k.TakeLog()
				r.Set(s, healths[i])
				if err := r.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				var ops []ipvs.Op
				for _, e := range k.TakeLog() {
					ops = append(ops, e.Op)
				}
				if bad := removals(ops, ipvs.Desired(s, healths[i])); i > 0 && len(bad) > 0 {
					problem = fmt.Sprintf("the reload to %d takes away what stays: %v", i, bad)
				}
				if settle {
					time.Sleep(time.Minute)
				}
			}
			time.Sleep(time.Minute) // nobody drains any more, and every weight has grown
			synctest.Wait()
			last := len(specs) - 1
			if diff := diffTables(ipvs.Desired(specs[last], healths[last]), k.Table()); diff != "" {
				problem = "table (-fresh +reloaded):\n" + diff
			}
			want := uint32(900)
			if len(specs[last].VirtualServers) > 0 && specs[last].Timeouts.TCP != 0 {
				want = specs[last].Timeouts.TCP
			}
			if got, _ := k.Timeouts(t.Context()); got.TCP != want {
				problem = fmt.Sprintf("timeouts %+v, want tcp %d", got, want)
			}
		})
		if problem != "" {
			rt.Fatalf("%s\n%s", problem, strings.Join(texts, "\nthen\n"))
		}
	})
}
