package daemon

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/healthcheck"
	"vigil/internal/announce"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/vrrp"
)

// What checks have found out is told although nobody has carried it to the table when a reload comes: the first failure of a server
// that alpha holds out, of which a reload sees nothing, for it was taken to be down.
func TestReloadTellsWhatChecksHaveFound(t *testing.T) {
	config := func(weight int) Desired {
		return desired(t, bfdConfig+fmt.Sprintf("virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_algo rr\n real_server 198.51.100.1 80 {\n  weight %d\n"+
			"  BFD_CHECK {\n   name b\n   alpha\n  }\n }\n}\n", weight))
	}
	synctest.Test(t, func(t *testing.T) {
		var events []string
		sessions, metrics, kernel := healthcheck.NewBFDSessions(), prometheus.NewRegistry(), ipvstest.New()
		s := newServices(surroundings{opts: &Options{}, log: nothingLogged, metrics: metrics, tracked: vrrp.NewTracked()}, nil)
		r := &runningServices{
			checks: healthcheck.NewManager(healthcheck.Options{BFD: sessions}),
			table: ipvs.NewReconciler(ipvs.Options{Open: kernel.Open, AuditPeriod: -1, Tell: func(e ipvs.Event) {
				line, _, _ := told(e)
				events = append(events, line)
			}}),
			marks:     newMarkKeeper(&fakeMarks{}, nothingLogged, metrics),
			sources:   newSourceKeeper(&fakeSources{}, nothingLogged, metrics),
			announced: newAnnouncements(announce.New(announce.Options{Logger: nothingLogged, Registerer: metrics})),
		}
		r.suspended = newSuspension(r.checks.Suspend)
		s.running.Store(r)
		table := startTask("ipvs", nil, r.table.Run)
		defer table.stop(tableStopLimit)
		s.set(t.Context(), config(1))
		sessions.Set("b", false)
		s.set(t.Context(), config(2))
		synctest.Wait()
		if diff := cmp.Diff([]string{"RS [198.51.100.1]:tcp:80 [192.0.2.1]:tcp:80 DOWN", ""}, events); diff != "" { // and the weight, which is not told
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
