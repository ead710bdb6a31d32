package integration

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// upSample starts a pair with a file of examples/, changed for the second director as the file says.
func upSample(j judge, programs [2]labkit.Program, mode labkit.Mode, file string, replacements ...string) *labkit.Pair {
	j.Helper()
	text, err := os.ReadFile(filepath.Join("../examples", file))
	j.must(err)
	p := newPair(j, programs, mode)
	config := strings.NewReplacer(replacements...).Replace(string(text))
	for i, d := range p.Directors {
		if i == 1 {
			config = strings.NewReplacer("state MASTER", "state BACKUP", "priority 100", "priority 50").Replace(config)
		}
		j.must(d.Configure(config))
		j.must(d.Start())
	}
	if err := p.WaitHolder(wait(j), 0); err != nil {
		j.Fatal(err, p.Directors[0].Running(), p.Directors[1].Running())
	}
	return p
}

// wantTable compares what ipvsadm shows on both directors: the backup's table is ready as well.
func wantTable(j judge, p *labkit.Pair, want labkit.Table) {
	j.Helper()
	for _, d := range p.Directors {
		var diff string
		err := testlan.Until(wait(j), "table of "+d.Host.Name, func() error {
			got, err := labkit.ReadTable(context.Background(), d.Host)
			if err == nil {
				if diff = cmp.Diff(want, got); diff != "" {
					err = os.ErrInvalid
				}
			}
			return err
		})
		if err != nil {
			j.Errorf("ipvsadm -Ln on %s (-want +got):\n%s%v", d.Host.Name, diff, err)
		}
	}
}

// wantTurns checks the order of a round robin: every window as long as the cycle holds each server as often as its weight.
func wantTurns(j judge, names []string, weights map[string]int) {
	j.Helper()
	cycle := 0
	for _, w := range weights {
		cycle += w
	}
	for i := range len(names) - cycle + 1 {
		got := map[string]int{}
		for _, name := range names[i : i+cycle] {
			got[name]++
		}
		if diff := cmp.Diff(weights, got); diff != "" {
			j.Fatalf("requests %d to %d (-want +got):\n%sall: %v", i, i+cycle-1, diff, names)
		}
	}
}

func TestSampleDR(t *testing.T) {
	t.Parallel()
	eachPair(t, []labkit.Mode{labkit.DR}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
		// The old spelling of retry is what such files in the field have.
		p := upSample(j, programs, mode, "pair-dr.conf", " retry ", " nb_get_retry ")
		wantTable(j, p, labkit.Table{
			"TCP 192.0.2.100:443 sh persistent 3600": {"192.0.2.11:443 Route 1", "192.0.2.12:443 Route 1"},
			"TCP 192.0.2.100:7885 rr":                {"192.0.2.11:7885 Route 1", "192.0.2.12:7885 Route 1"},
		})
		wantTurns(j, ask(j, p, netip.Addr{}, netip.AddrPortFrom(labkit.VIP, 7885), 40), map[string]int{"rs1": 1, "rs2": 1})
		used := map[string]bool{}
		for _, source := range labkit.ClientSources() {
			names := ask(j, p, source, netip.AddrPortFrom(labkit.VIP, 443), 10)
			if slices.ContainsFunc(names, func(n string) bool { return n != names[0] }) {
				j.Errorf("client %s with persistence was served by %v, want one server", source, names)
			}
			used[names[0]] = true
		}
		if len(used) != 2 {
			j.Errorf("%d clients were all sent to %v, want both servers used", len(labkit.ClientSources()), used)
		}
	})
}

func TestSampleNAT(t *testing.T) {
	t.Parallel()
	eachPair(t, []labkit.Mode{labkit.NAT}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
		p := upSample(j, programs, mode, "pair-nat.conf")
		wantTable(j, p, labkit.Table{"TCP 192.0.2.100:80 wrr": {"10.10.0.11:8080 Masq 3", "10.10.0.12:8080 Masq 1"}})
		wantTurns(j, ask(j, p, netip.Addr{}, labkit.HTTP, 40), map[string]int{"rs1": 3, "rs2": 1})
	})
}

func TestSampleTUN(t *testing.T) {
	t.Parallel()
	eachPair(t, []labkit.Mode{labkit.TUN}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
		p := upSample(j, programs, mode, "pair-tun.conf")
		wantTable(j, p, labkit.Table{"TCP 192.0.2.100:80 rr": {"198.51.100.11:80 Tunnel 1", "198.51.100.12:80 Tunnel 1"}})
		wantTurns(j, ask(j, p, netip.Addr{}, labkit.HTTP, 40), map[string]int{"rs1": 1, "rs2": 1})
	})
}

// A server that dies is out after at most delay_loop and its retries, and not before the retries; one that returns is back after
// at most delay_loop. A connection to the other server notices neither.
func TestServerDiesAndReturns(t *testing.T) {
	const (
		delayLoop = 6 * time.Second
		retries   = 3 * 3 * time.Second // retry times delay_before_retry
	)
	eachPair(t, []labkit.Mode{labkit.DR}, func(j judge, programs [2]labkit.Program, mode labkit.Mode) {
		begin := time.Now()
		p := upSample(j, programs, mode, "pair-dr.conf")
		j.must(p.WaitDestinations(wait(j), 0, 4))
		service := netip.AddrPortFrom(labkit.VIP, 7885)
		var holders []*labkit.Prober
		for range 2 {
			h, err := labkit.StartHolder(p.Client, service, 50*time.Millisecond)
			j.must(err)
			j.must(testlan.Until(wait(j), "held connection is answered", func() error {
				if len(h.Requests()) < 2 {
					return os.ErrDeadlineExceeded
				}
				return nil
			}))
			holders = append(holders, h)
		}
		rs2 := p.Servers[1]
		for _, port := range []uint16{443, 7885} { // a server that was never up needs no retries to be down
			j.must(rs2.WaitChecked(wait(j), netip.MustParseAddr("192.0.2.2"), port, begin))
		}

		died := time.Now()
		rs2.Process.Kill()
		for left := 3; left >= 2; left-- {
			j.must(p.WaitFewerDestinations(wait(j), 0, left)) // both may go at once
			took := time.Since(died)
			j.Logf("%d destinations %v after the server died", left, took.Round(time.Millisecond))
			slack := p.Noise(died, time.Now()).Allowance() + p.Noise(begin, died).Allowance()
			j.bar(took >= retries && took <= delayLoop+retries+slack, "taken out after %v, want %v to %v and %v", took, retries, delayLoop+retries, slack)
		}
		wantTurns(j, ask(j, p, netip.Addr{}, service, 10), map[string]int{"rs1": 1})

		j.must(rs2.Start())
		returned := time.Now() // an emulated machine takes its time to start a program
		j.must(p.WaitDestinations(wait(j), 0, 4))
		took := time.Since(returned)
		j.Logf("all destinations back %v after the server returned", took.Round(time.Millisecond))
		slack := p.Noise(returned, time.Now()).Allowance()
		j.bar(took <= delayLoop+slack, "back after %v, want at most %v and %v", took, delayLoop, slack)
		wantTurns(j, ask(j, p, netip.Addr{}, service, 20), map[string]int{"rs1": 1, "rs2": 1})

		for _, h := range holders {
			requests, _ := h.Stop() // the holder on rs2 has ended with an error, of course
			if requests[0].Server != "rs1" {
				continue
			}
			for _, r := range requests {
				if r.Server != "rs1" {
					j.Errorf("the connection to the other server failed at %s: %s", r.Start.Format(time.TimeOnly), r.Err)
				}
			}
			return
		}
		j.Error("no held connection went to rs1")
	})
}
