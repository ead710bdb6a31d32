package ipvs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

// The cases of this and the next files are numbered as in the conformance list of the checkers; those about what a check
// finds are beside the checks.

// caseRun is a configuration on a twin, with what is told of it.
type caseRun struct {
	*rig
	config *confparse.Config
	codes  []string // of what is wrong with it
	spec   ipvs.Spec
	events []ipvs.Event
}

// alongside, where there is a kernel with IPVS, opens a twin whose changes are made to that too; nil: there is none.
var alongside = func(*testing.T, *ipvstest.Kernel) func(context.Context) (ipvs.Kernel, error) { return nil }

// playCase runs text on a new twin, with the given servers (the last byte of their addresses) down from the start as alpha
// ones are.
func playCase(t *testing.T, text string, down []int, play func(*caseRun)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { playOn(t, ipvstest.New(), ipvs.Options{}, text, down, play) })
}

func playOn(t *testing.T, k *ipvstest.Kernel, o ipvs.Options, text string, down []int, play func(*caseRun)) {
	t.Helper()
	c := &caseRun{}
	o.Open = alongside(t, k)
	o.AuditPeriod, o.Tell = -1, func(e ipvs.Event) { c.events = append(c.events, e) }
	c.rig = run(t, k, o)
	defer c.stop()
	c.load(text, down)
	play(c)
}

// load makes text the configuration.
func (c *caseRun) load(text string, down []int) []string {
	c.t.Helper()
	c.config, c.codes = configOf(c.t, text)
	c.spec = ipvs.FromConfig(c.config)
	h := ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{}}
	for _, ch := range c.verdicts(false, down) {
		h.RealServers[ch.Server] = ch.RealServerHealth
	}
	return c.set(c.spec, h)
}

// verdicts are those on the servers with the given last bytes, in all virtual servers.
func (c *caseRun) verdicts(up bool, servers []int) (list []ipvs.HealthChange) {
	for _, n := range servers {
		for _, vs := range c.spec.VirtualServers {
			for _, rs := range vs.Pool.Servers {
				if a := rs.Addr.AsSlice(); int(a[len(a)-1]) == n {
					list = append(list, ipvs.HealthChange{Server: confparse.RealServerID{VS: vs.ID, Addr: rs.Addr, Port: rs.Port},
						RealServerHealth: ipvs.RealServerHealth{Up: up, Weight: rs.Weight}})
				}
			}
		}
	}
	return list
}

func (c *caseRun) fail(servers ...int) []string    { return c.report(c.verdicts(false, servers)) }
func (c *caseRun) recover(servers ...int) []string { return c.report(c.verdicts(true, servers)) }

// weigh gives a server that is up another weight.
func (c *caseRun) weigh(server int, weight int32) []string {
	list := c.verdicts(true, []int{server})
	for i := range list {
		list[i].Weight = weight
	}
	return c.report(list)
}

func (c *caseRun) report(changes []ipvs.HealthChange) []string {
	c.t.Helper()
	c.Report(changes)
	return c.sync()
}

// table fails unless the kernel's table is as written.
func (c *caseRun) table(want string) {
	c.t.Helper()
	if got := written(c.kernel.Table()); got != lines(want) {
		c.t.Errorf("table:\n%s\nwant:\n%s", got, lines(want))
	}
}

// told fails unless what has been told since is as written: "up .1, down .2, gained 1+0=1<=2, lost 1-0=1>0". What was so
// from the start has a "!" in front, the end of a virtual server a "#".
func (c *caseRun) told(want string) {
	c.t.Helper()
	var out []string
	for _, e := range c.events {
		a := e.Server.Addr().AsSlice()
		s := ""
		switch e.Kind {
		case pool.ServerUp:
			s = fmt.Sprintf("up .%d", a[len(a)-1])
		case pool.ServerDown:
			s = fmt.Sprintf("down .%d", a[len(a)-1])
		case pool.ServerGone:
			if s = fmt.Sprintf("gone .%d", a[len(a)-1]); !e.Up {
				s += " that was down"
			}
		case pool.WeightChanged:
			s = fmt.Sprintf("weight .%d %d to %d", a[len(a)-1], e.From, e.To)
		case pool.CheckDone:
			s = fmt.Sprintf("check .%d %s", a[len(a)-1], e.Alert)
		case pool.QuorumGained:
			s = fmt.Sprintf("gained %d+%d=%d<=%d", e.Quorum, e.Hysteresis, e.Quorum+e.Hysteresis, e.Live)
		case pool.QuorumLost:
			s = fmt.Sprintf("lost %d-%d=%d>%d", e.Quorum, e.Hysteresis, e.Quorum-e.Hysteresis, e.Live)
		}
		if e.Initial {
			s = "!" + s
		}
		if e.Final {
			s = "#" + s
		}
		out = append(out, s)
	}
	c.events = nil
	if got := strings.Join(out, ", "); got != want {
		c.t.Errorf("told:\n%s\nwant:\n%s", got, want)
	}
}

// wrong fails unless the configuration was found wrong in this way.
func (c *caseRun) wrong(code string) {
	c.t.Helper()
	if !slices.Contains(c.codes, code) {
		c.t.Errorf("problems %v, want %s", c.codes, code)
	}
}

// vs is the virtual server of most cases with the given statements, and real servers 192.168.0.N:80.
func vs(statements string, servers ...int) string {
	var b strings.Builder
	b.WriteString("virtual_server 10.0.0.1 80 {\nlb_algo wlc\nlb_kind NAT\nprotocol TCP\n" + statements + "\n")
	for _, n := range servers {
		fmt.Fprintf(&b, "real_server 192.168.0.%d 80 {\nweight 1\n}\n", n)
	}
	return b.String() + "}\n"
}
