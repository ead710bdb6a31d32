package ipvs_test

import (
	"testing"

	"vigil/ipvs"
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
