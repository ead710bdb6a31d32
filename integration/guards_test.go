package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/control"
	"vigil/internal/status"
	"vigil/internal/testlan"
)

// guarded is a pair of which the first director runs, with lines of its own in the virtual server.
type guarded struct {
	judge
	*labkit.Pair
	settings labkit.Settings
	weight   string // of each server
}

func newGuarded(t *testing.T) *guarded {
	testlan.RequireIPVS(t)
	j := judge{t, true}
	g := &guarded{judge: j, settings: usual(labkit.DR), weight: "1",
		Pair: newPair(j, [2]labkit.Program{program(t, "vigil"), program(t, "vigil")}, labkit.DR)}
	g.settings.Often = true
	return g
}

// withLines puts lines into the virtual server of a configuration.
func withLines(config, lines string) string {
	const before = "  lb_algo rr\n"
	return strings.Replace(config, before, before+lines, 1)
}

// start has the first director run with these lines, and waits until it is master and has both servers.
func (g *guarded) start(lines string) {
	g.Helper()
	g.configure(lines)
	g.must(g.Directors[0].Start())
	g.must(g.WaitHolder(wait(g), 0))
	g.must(g.WaitDestinations(wait(g), 0, len(g.Servers)))
}

func (g *guarded) configure(lines string) {
	g.Helper()
	config := strings.ReplaceAll(g.settings.Render(0), "weight 1\n", "weight "+g.weight+"\n")
	g.must(g.Directors[0].Configure(withLines(config, lines)))
}

// has waits until the first director's kernel has these servers of the service, as `ipvsadm -Ln` writes them.
func (g *guarded) has(when string, want ...string) {
	g.Helper()
	err := until(wait(g), func() error {
		table, err := labkit.ReadTable(context.Background(), g.Directors[0].Host)
		if diff := cmp.Diff(labkit.Table{"TCP 192.0.2.100:80 rr": want}, table); err == nil && diff != "" {
			err = fmt.Errorf("%s: the table of d1 (-want +got):\n%s", when, diff)
		}
		return err
	})
	g.must(err)
}

// hold starts a client for each server that asks again and again over one connection.
func (g *guarded) hold() map[string]*labkit.Prober {
	g.Helper()
	holders := map[string]*labkit.Prober{}
	for range g.Servers {
		h, err := labkit.StartHolder(g.Client, labkit.HTTP, 50*time.Millisecond)
		g.must(err)
		g.answered(h, 0)
		holders[h.Requests()[0].Server] = h
	}
	if len(holders) != len(g.Servers) {
		g.Fatalf("the connections went to %v", holders)
	}
	return holders
}

// answered waits until a client has had three more answers than before, all from one server.
func (g *guarded) answered(h *labkit.Prober, before int) {
	g.Helper()
	g.must(until(wait(g), func() error {
		if after := len(h.Requests()); after < before+3 {
			return fmt.Errorf("%d requests, %d before", after, before)
		}
		return nil
	}))
	for _, r := range h.Requests() {
		if r.Server != h.Requests()[0].Server {
			g.Fatalf("the connection to %s failed: %q of %s", h.Requests()[0].Server, r.Err, r.Server)
		}
	}
}

// TestRemovedServerDrains: a server that a reload takes out gets no new connections, the one it has goes on, and when that has
// ended it is gone, long before its time is over. One whose connection does not end is gone when the time is over.
func TestRemovedServerDrains(t *testing.T) {
	t.Parallel()
	const rs1, rs2 = "192.0.2.11:80 Route 1", "192.0.2.12:80 Route "
	g := newGuarded(t)
	g.start("  drain_on_remove 3600\n")
	g.has("at the start", rs1, rs2+"1")
	holders := g.hold()
	g.settings.Omit = []string{"rs2"}
	g.configure("  drain_on_remove 3600\n")
	g.must(g.Directors[0].Reload())
	g.has("after the reload", rs1, rs2+"0")
	g.answered(holders["rs1"], len(holders["rs1"].Requests()))
	g.answered(holders["rs2"], len(holders["rs2"].Requests()))
	if names := ask(g.judge, g.Pair, netip.Addr{}, labkit.HTTP, 6); slices.Contains(names, "rs2") {
		t.Errorf("new connections went to %v", names)
	}
	// Connections are reset: one that is closed would be remembered for two minutes.
	_, err := g.Client.Output(wait(g), "ss", "--kill", "state", "established", "dst", labkit.VIP.String())
	g.must(err)
	g.has("when the connection has ended", rs1)

	g.settings.Omit = nil
	g.configure("  drain_on_remove 5\n")
	g.must(g.Directors[0].Reload())
	g.has("back", rs1, rs2+"1")
	holders = g.hold()
	g.settings.Omit = []string{"rs2"}
	g.configure("  drain_on_remove 5\n")
	reloaded := time.Now()
	g.must(g.Directors[0].Reload())
	g.has("after the second removal", rs1, rs2+"0")
	g.has("when the time is over", rs1)
	if took := time.Since(reloaded); took < 5*time.Second {
		t.Errorf("the server was gone after %v", took)
	}
	g.answered(holders["rs1"], len(holders["rs1"].Requests()))
	g.must(g.Directors[0].Stop())
}

// TestOperatorDrains: a server that an operator drains gets no new connections, also after a reload; the one that it has is counted, and
// goes on until it ends; then the drain says so, and its end gives the server its weight.
func TestOperatorDrains(t *testing.T) {
	t.Parallel()
	const rs1, rs2 = "192.0.2.11:80 Route 1", "192.0.2.12:80 Route "
	g := newGuarded(t)
	g.start("")
	g.has("at the start", rs1, rs2+"1")
	holders := g.hold()
	var d status.Drain
	g.operate("drain", status.DrainArguments{Server: "192.0.2.12", Reason: "a new kernel"}, &d)
	if active, inactive := d.Connections(); active != 1 || inactive != 0 || d.By != "root" {
		t.Errorf("%+v", d)
	}
	g.has("drained", rs1, rs2+"0")
	g.settings.Often = false
	g.configure("")
	g.must(g.Directors[0].Reload())
	g.answered(holders["rs1"], len(holders["rs1"].Requests()))
	g.answered(holders["rs2"], len(holders["rs2"].Requests()))
	if names := ask(g.judge, g.Pair, netip.Addr{}, labkit.HTTP, 6); slices.Contains(names, "rs2") {
		t.Errorf("new connections went to %v", names)
	}
	g.has("reloaded", rs1, rs2+"0")
	_, err := g.Client.Output(wait(g), "ss", "--kill", "state", "established", "dst", labkit.VIP.String())
	g.must(err)
	g.must(until(wait(g), func() error {
		var all []status.Drain
		g.operate("drains", nil, &all)
		if active, inactive := all[0].Connections(); len(all) != 1 || active+inactive > 0 {
			return fmt.Errorf("%+v", all)
		}
		return nil
	}))
	g.operate("undrain", status.DrainArguments{Server: "192.0.2.12"}, nil)
	g.has("ended", rs1, rs2+"1")
	g.must(g.Directors[0].Stop())
}

// operate asks the first director as its tool does.
func (g *guarded) operate(command string, arguments, result any) {
	g.Helper()
	b, err := json.Marshal(arguments)
	g.must(err)
	socket := filepath.Join(filepath.Dir(g.Directors[0].ConfigFile()), "run/k/control.sock") // after its pid file
	g.must(control.Ask(wait(g), socket, control.Question{Command: command, Arguments: b}, result))
}

// TestReturningServerStartsSlowly: the weight of a server that comes back grows from a tenth of it to the whole, and never falls.
func TestReturningServerStartsSlowly(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	g.weight = "100"
	g.start("  slow_start 20\n")
	g.has("at the start, when nothing comes back", "192.0.2.11:80 Route 100", "192.0.2.12:80 Route 100")
	g.Servers[1].Process.Kill()
	g.has("without the second", "192.0.2.11:80 Route 100")
	g.must(g.Servers[1].Start())
	var weights []int
	g.must(until(wait(g), func() error {
		table, err := labkit.ReadTable(context.Background(), g.Directors[0].Host)
		if err != nil {
			return err
		}
		servers := table["TCP 192.0.2.100:80 rr"]
		if len(servers) < 2 {
			return fmt.Errorf("%q", servers)
		}
		w, err := strconv.Atoi(servers[1][strings.LastIndex(servers[1], " ")+1:])
		if err == nil && (len(weights) == 0 || w != weights[len(weights)-1]) {
			weights = append(weights, w)
		}
		if w != 100 {
			return fmt.Errorf("%d", w)
		}
		return err
	}))
	t.Logf("the weights %d", weights)
	if !slices.IsSorted(weights) || weights[0] > 50 || len(weights) < 4 || weights[0]%10 != 0 {
		t.Errorf("the weights were %d, want 10 to 100 in steps of 10, of which some may not have been seen", weights)
	}
	g.must(g.Directors[0].Stop())
}

// TestSuspendedUntilMaster has a backup with ha_suspend: it makes no checks and keeps every server in its table, one that has died
// as well, until the address comes to it. Then it finds out, and requests are served. It does as keepalived does.
func TestSuspendedUntilMaster(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"keepalived", "vigil"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testlan.RequireIPVS(t)
			j := judge{t, true}
			p := newPair(j, [2]labkit.Program{program(t, name), program(t, name)}, labkit.DR)
			s := usual(labkit.DR)
			s.Often = true
			for i, d := range p.Directors {
				j.must(d.Configure(withLines(s.Render(i), "  ha_suspend\n")))
				j.must(d.Start())
				j.must(p.WaitHolder(wait(j), 0)) // before the second starts, which would check while it is master
				j.must(p.WaitDestinations(wait(j), i, 2))
			}
			for range 3 { // rounds of the master's checks
				j.must(p.Servers[0].WaitChecked(wait(j), netip.MustParseAddr("192.0.2.2"), 80, time.Now()))
			}
			p.Servers[1].Process.Kill()
			j.must(p.WaitDestinations(wait(j), 0, 1))
			if n, err := labkit.Destinations(p.Directors[1].Host); n != 2 || err != nil {
				t.Errorf("the backup has %d servers (%v), want both", n, err)
			}
			for _, server := range p.Servers {
				if _, is := server.Process.Log.Find("checked by 192.0.2.3 at port 80.", time.Time{}); is {
					t.Errorf("the backup has checked %s", server.Name)
				}
			}
			if adverts := p.Capture.Adverts("d2", time.Time{}); len(adverts) > 0 {
				t.Errorf("the backup was master at %v, so that this shows nothing", adverts[0].Time)
			}
			j.must(p.Directors[0].Stop())
			j.must(p.WaitHolder(wait(j), 1))
			j.must(p.WaitDestinations(wait(j), 1, 1))
			j.must(p.Servers[0].WaitChecked(wait(j), netip.MustParseAddr("192.0.2.3"), 80, time.Time{}))
			if names := ask(j, p, netip.Addr{}, labkit.HTTP, 4); !slices.Equal(names, []string{"rs1", "rs1", "rs1", "rs1"}) {
				t.Errorf("requests were answered by %q", names)
			}
			j.must(p.Directors[1].Stop())
		})
	}
}
