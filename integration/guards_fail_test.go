package integration

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"vigil/integration/labkit"
)

const (
	firstServer  = "192.0.2.11:80 Route 1"
	secondServer = "192.0.2.12:80 Route 1"
)

// begin has the first director run with these lines, and waits until it is master and has these servers.
func (g *guarded) begin(lines string, want ...string) {
	g.Helper()
	g.configure(lines)
	g.must(g.Directors[0].Start())
	g.must(g.WaitHolder(wait(g), 0))
	g.has("at the start", want...)
}

// TestBackupServerServes: a server in reserve serves when no other does, and no longer.
func TestBackupServerServes(t *testing.T) {
	longer(t)
	t.Parallel()
	g := newGuarded(t)
	g.settings.Omit = []string{"rs2"}
	g.begin("  backup_real_server 192.0.2.12 80 {\n    delay_loop 1\n    retry 1\n    delay_before_retry 1\n    TCP_CHECK {\n      connect_timeout 2\n    }\n  }\n", firstServer)
	g.Servers[0].Process.Kill()
	g.has("without the first", secondServer)
	g.must(until(wait(g), func() error { // who asked just before may have been sent to the first
		if names := ask(g.judge, g.Pair, labkit.ClientSources()[0], labkit.HTTP, 4); slices.ContainsFunc(names, func(n string) bool { return n != "rs2" }) {
			return fmt.Errorf("answered by %v", names)
		}
		return nil
	}))
	g.must(g.Servers[0].Start())
	g.has("with it again", firstServer)
	g.must(g.Directors[0].Stop())
}

// TestPanicKeepsServersIn: of two servers that fail one stays in, with half of them as the most that checks take out.
func TestPanicKeepsServersIn(t *testing.T) {
	longer(t)
	t.Parallel()
	g := newGuarded(t)
	g.begin("  panic_threshold 50\n", firstServer, secondServer)
	g.Servers[0].Process.Kill()
	g.has("without the first", secondServer)
	g.Servers[1].Process.Kill()
	g.must(until(wait(g), func() error {
		if _, ok := g.Directors[0].Process.Log.Find("Too many servers of VS", time.Time{}); !ok {
			return fmt.Errorf("the log does not say that the second is kept: %s", g.Directors[0].Process.Log.Tail(5))
		}
		return nil
	}))
	g.has("when both have failed", secondServer)
	g.must(g.Servers[1].Start())
	g.must(g.Servers[0].Start())
	g.has("when both are back", firstServer, secondServer)
	g.must(g.Directors[0].Stop())
}

// TestFlappingServerStaysOut: the second failure keeps a server out until it was up for the time of flap_damping.
func TestFlappingServerStaysOut(t *testing.T) {
	longer(t)
	t.Parallel()
	const calm = 8 * time.Second
	g := newGuarded(t)
	g.begin("  flap_damping 2 8\n", firstServer, secondServer)
	// A failure counts for as long as the calm lasts, and checks of a busy machine take their time: it is tried until both were in it.
	err := until(wait(g), func() error {
		for n := range 2 {
			g.Servers[1].Process.Kill()
			g.has("without the second", firstServer)
			g.must(g.Servers[1].Start())
			if n == 0 {
				g.has("with it again", firstServer, secondServer)
			}
		}
		up := time.Now()
		g.has("with it again", firstServer, secondServer)
		if took := time.Since(up); took < calm-time.Second { // the server was up before it was seen
			return fmt.Errorf("it was in again after %v", took)
		}
		return nil
	})
	g.must(err)
	g.must(g.Directors[0].Stop())
}

// TestTableChangedByHand: what Debian's ipvsadm takes out of the table of a running daemon comes back by its audit; a weight that it
// sets stays.
func TestTableChangedByHand(t *testing.T) {
	longer(t)
	t.Parallel()
	g := newGuarded(t)
	g.begin("", firstServer, secondServer)
	by := func(words ...string) {
		g.Helper()
		out, err := g.Directors[0].Host.Output(context.Background(), append([]string{"ipvsadm"}, words...)...)
		if err != nil {
			t.Fatal(out, err)
		}
	}
	by("-C")
	g.has("after -C", firstServer, secondServer)
	by("-e", "-t", "192.0.2.100:80", "-r", "192.0.2.11:80", "-g", "-w", "7")
	by("-d", "-t", "192.0.2.100:80", "-r", "192.0.2.12:80")
	g.has("after -e and -d", "192.0.2.11:80 Route 7", secondServer)
	by("-D", "-t", "192.0.2.100:80")
	g.has("after -D, with which the weight is over", firstServer, secondServer)
	g.must(g.Directors[0].Stop())
	if table, err := labkit.ReadTable(context.Background(), g.Directors[0].Host); err != nil || len(table) > 0 {
		t.Errorf("left behind: %v, %v", table, err)
	}
}

// longer leaves a test to the runs on all kernels.
func longer(t *testing.T) {
	t.Helper()
	if os.Getenv("VIGIL_TEST_KERNEL") == "" {
		t.Skip("depends on the kernel and takes it minutes: it is one of those of `make test-kernels`")
	}
}
