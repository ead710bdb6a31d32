package integration

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

func TestMain(m *testing.M) {
	labkit.Main()
	scratch, err := testlan.NewScratch("vigil-bin-")
	if err != nil {
		log.Fatal(err)
	}
	built = filepath.Join(scratch.Path, "keepalived")
	status := m.Run()
	if err := scratch.Remove(); err != nil {
		log.Fatal(err)
	}
	os.Exit(status)
}

var built string // where vigilBinary puts what it builds

// vigilBinary is the program under test.
var vigilBinary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("VIGIL_BIN"); path != "" {
		return filepath.Abs(path)
	}
	cmd := exec.Command("go", "build", "-o", built, "../cmd/keepalived")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program under test: %w\n%s", err, out)
	}
	return built, nil
})

// program finds "vigil" or "keepalived".
func program(t testing.TB, name string) labkit.Program {
	t.Helper()
	switch name {
	case "vigil":
		path, err := vigilBinary()
		if err != nil {
			t.Fatal(err)
		}
		return labkit.Vigil(path)
	case "keepalived":
		p := labkit.Keepalived()
		if _, err := os.Stat(p.Argv[0]); err != nil {
			t.Fatalf("Debian's keepalived is needed: %v", err)
		}
		return p
	}
	t.Fatalf("VIGIL_PAIRS: no program %q", name)
	return labkit.Program{}
}

// judge applies the bars of a scenario: strictly to Vigil, as a report to keepalived.
type judge struct {
	testing.TB
	strict bool
}

func (j judge) bar(held bool, format string, args ...any) {
	j.Helper()
	switch {
	case held:
	case j.strict:
		j.Errorf(format, args...)
	default:
		j.Logf("baseline misses the bar: "+format, args...)
	}
}

// must stops a scenario that cannot go on.
func (j judge) must(err error) {
	j.Helper()
	if err != nil {
		j.Fatal(err)
	}
}

// onHost skips, in the virtual machine, what needs no IPVS, unless it is the machine's kernel that is under test.
func onHost(t *testing.T) {
	t.Helper()
	testlan.RequireNetns(t)
	if os.Getenv("VIGIL_IN_VM") == "1" && os.Getenv("VIGIL_TEST_KERNEL") != "1" {
		t.Skip("needs no IPVS: run on the machine itself, where times are real")
	}
}

// eachPair runs a scenario with each pair of programs and each mode that this kernel is for: without IPVS on the machine itself,
// where times are real, with IPVS in the virtual machine.
func eachPair(t *testing.T, modes []labkit.Mode, scenario func(j judge, programs [2]labkit.Program, mode labkit.Mode)) {
	pairs := os.Getenv("VIGIL_PAIRS")
	if pairs == "" {
		pairs = "vigil+vigil"
	}
	for _, pair := range strings.Split(pairs, ",") {
		first, second, found := strings.Cut(pair, "+")
		if !found {
			t.Fatalf("VIGIL_PAIRS: %q is not MASTER+BACKUP", pair)
		}
		for _, mode := range modes {
			t.Run(fmt.Sprintf("%s/%s", pair, mode), func(t *testing.T) {
				if mode == labkit.Local {
					onHost(t)
				} else {
					testlan.RequireIPVS(t)
				}
				scenario(judge{t, first == "vigil" && second == "vigil"}, [2]labkit.Program{program(t, first), program(t, second)}, mode)
			})
		}
	}
}

// newPair wires up a pair that is removed after the test, and shows what the directors said if the test failed.
func newPair(j judge, programs [2]labkit.Program, mode labkit.Mode) *labkit.Pair {
	j.Helper()
	p, err := labkit.NewPair(mode, programs)
	j.must(err)
	j.Cleanup(func() {
		if err := p.Close(); err != nil {
			j.Error(err)
		}
		if j.Failed() {
			for _, d := range p.Directors {
				for i, log := range d.Log {
					j.Logf("%s on %s, run %d:\n%s", d.Program.Name, d.Host.Name, i+1, log.Tail(40))
				}
			}
		}
	})
	return p
}

// usual are the settings of most scenarios: priorities 150 and 100, so that the backup's skew is 156/256 s.
func usual(mode labkit.Mode) labkit.Settings {
	return labkit.Settings{Mode: mode, Version: 2, Advert: "1", Pass: true, Priority: [2]int{150, 100}}
}

// fast is the same with VRRPv3 adverts every 100 ms.
func fast(mode labkit.Mode) labkit.Settings {
	return labkit.Settings{Mode: mode, Version: 3, Advert: "0.1", Priority: [2]int{150, 100}}
}

// patience ends a wait for what does not come; how soon something comes is judged by when it came.
const patience = 10 * time.Minute

// wait is a context for one wait.
func wait(j testing.TB) context.Context {
	j.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	j.Cleanup(cancel)
	return ctx
}

// seen is what the client of a scenario saw.
type seen struct {
	labkit.Report
	labkit.Noise
	what     string
	from     time.Time
	requests []labkit.Request
}

// underWay counts the failed requests that had begun before something was gone and not ended before it could go.
func (s seen) underWay(from, gone time.Time) (n int) {
	for _, r := range s.requests {
		if r.Server == "" && r.End.After(from) && r.Start.Before(gone) && gone.After(from) && !r.Start.Before(s.from) {
			n++
		}
	}
	return n
}

// probing starts the client of a scenario. The returned function stops it, logs what it saw since then, and returns that.
func probing(j judge, p *labkit.Pair, what string) func() seen {
	j.Helper()
	prober, err := labkit.StartProber(p.Client, labkit.HTTP, labkit.Interval, nil)
	j.must(err)
	j.must(testlan.Until(wait(j), "client is answered", func() error {
		if len(prober.Requests()) < 10 {
			return fmt.Errorf("%d requests", len(prober.Requests()))
		}
		return nil
	}))
	from := time.Now()
	return func() seen {
		j.Helper()
		to := time.Now()
		all, err := prober.Stop()
		j.must(err)
		r := labkit.Summarize(all, from, to)
		noise := p.Noise(from, to)
		j.Logf("%s: %v; the control: %d failed, %d ms late", what, r, noise.Failed, noise.Delay.Milliseconds())
		return seen{r, noise, what, from, all}
	}
}

// passedOn is how long after its first advertisement a new master passes connections under way on to the old one.
const passedOn = 180 * time.Millisecond

// move tells when a director announced the address for the first time since a moment, the zero time if it did not, and how long
// after its first advertisement that was.
func move(p *labkit.Pair, to string, since time.Time) (at time.Time, took time.Duration) {
	for _, g := range p.Capture.Announcements(to, since) {
		if g.Address == labkit.VIP {
			at = g.Time
			break
		}
	}
	if adverts := p.Capture.Adverts(to, since); !at.IsZero() && len(adverts) > 0 {
		took = at.Sub(adverts[0].Time)
	}
	return at, took
}

// tooLate reports whether a move took so long that requests under way could not end, at two of their usual time, while they were
// passed on.
func tooLate(took, typical time.Duration) bool { return took+2*typical > passedOn }

// lossless applies the bar of no failed request while the address moves to a director, and tells the requests that were under
// way at that very moment, whose connections only the old master's kernel knows, from the others. After a planned move both
// must be none, if the machine could make the move in time. After the death of a master the first kind cannot be saved. Requests
// that the machine failed, as it did the control's, are nobody's.
func (j judge) lossless(p *labkit.Pair, s seen, to string, planned bool) {
	j.Helper()
	moved, took := move(p, to, s.from)
	broken, lost := 0, 0
	for _, r := range s.requests {
		if r.Server != "" || r.Start.Before(s.from) {
			continue
		}
		kind, when := "lost", "the address was never announced by "+to
		if !moved.IsZero() {
			when = fmt.Sprintf("started %+d ms after %s announced the address", r.Start.Sub(moved).Milliseconds(), to)
		}
		if !moved.IsZero() && r.Start.Before(moved.Add(s.Allowance())) && r.End.After(moved) {
			kind = "broken under way"
			broken++
		} else {
			lost++
		}
		if broken+lost <= 8 {
			j.Logf("%s: a request %s, %s: %s", s.what, kind, when, r.Err)
		}
	}
	nftables, late := p.LateRules(moved.Add(-took-passedOn), moved.Add(passedOn)) // when they are made
	if planned && (tooLate(took, s.Typical) || late) {
		j.Logf("%s: the address was announced %v after the first advertisement, a request takes %v, nftables took %v: too late for connections under way",
			s.what, took.Round(time.Millisecond), s.Typical.Round(time.Millisecond), nftables.Round(time.Millisecond))
	} else if planned {
		lost += broken
		broken = 0
	}
	j.bar(lost <= s.Excused(), "%s: %d failed requests, want %d, beside %d that cannot be saved: %v; nftables took %v",
		s.what, lost, s.Excused(), broken, s.Report, nftables)
}

// after lets the client go on for a while: not a wait for anything, but the length of an observation.
func after(d time.Duration) { <-time.After(d) }

// ask makes n requests in order and returns who answered.
func ask(j judge, p *labkit.Pair, source netip.Addr, to netip.AddrPort, n int) []string {
	j.Helper()
	requests, err := labkit.Ask(wait(j), p.Client, source, to, n)
	j.must(err)
	var names []string
	for _, r := range requests {
		if r.Err != "" {
			j.Errorf("request to %s failed: %s", to, r.Err)
		}
		names = append(names, r.Server)
	}
	return names
}
