package ipvs_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// TestAlertsAreNoVerdicts: what one check of a server came to says nothing of a server that alpha holds out, until one has failed or all
// have passed.
func TestAlertsAreNoVerdicts(t *testing.T) {
	playCase(t, vs("alpha", 1), []int{1}, func(c *caseRun) {
		c.told("")
		alone := c.verdicts(false, []int{1})
		alone[0].Same, alone[0].Alerts = true, []ipvs.Alert{{Passed: true, Text: "tcp"}}
		c.want(c.report(alone))
		c.told("check .1 tcp")
		c.want(c.fail(1))
		c.told("!down .1")
		c.want(c.recover(1), "add tcp 10.0.0.1:80 -> 192.168.0.1:80 weight 1")
		c.told("up .1, gained 1+0=1<=1")
	})
}

// TestNewsBeforeAReload: what the checks have found out before a reload is told although the table was busy until that came: the
// first failure of a server that alpha holds out, and what a check came to that has changed no server.
func TestNewsBeforeAReload(t *testing.T) {
	second := func(servers ...int) string { return strings.ReplaceAll(vs("", servers...), "10.0.0.1", "10.0.0.2") }
	before := vs("alpha", 1) + second(2, 3)
	for _, x := range []struct{ name, after, told string }{
		{"nothing changes", before, "down .2, !down .1, check .3 tcp"},
		{"a weight does", strings.Replace(before, "weight 1", "weight 2", 1), "down .2, !down .1, weight .1 1 to 2, check .3 tcp"},
		{"the servers go", vs("", 4) + second(4), "down .2, gone .1, !gained 1+0=1<=1, gone .2 that was down, gone .3"},
	} {
		t.Run(x.name, func(t *testing.T) {
			playCase(t, before, []int{1}, func(c *caseRun) {
				busy := make(chan struct{})
				c.kernel.SetFault(func(ipvs.Op) ipvstest.Fault { return ipvstest.Fault{Block: busy} })
				c.events = nil
				c.Report(c.verdicts(false, []int{2}))
				synctest.Wait()
				c.Report(c.verdicts(false, []int{1}))
				alone := c.verdicts(true, []int{3})
				alone[0].Same, alone[0].Alerts = true, []ipvs.Alert{{Text: "tcp"}}
				c.Report(alone)
				time.AfterFunc(time.Second, func() { close(busy) })
				c.load(x.after, []int{1, 2})
				c.told(x.told)
			})
		})
	}
}
