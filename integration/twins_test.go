package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/confparse/diag"
	"vigil/integration/labkit"
	"vigil/internal/ipvsadm"
	"vigil/internal/testlan"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// tried is a configuration for both programs, and what happens to it.
type tried struct {
	name  string
	parts int      // configurations that have nothing in common; 0: one
	texts []string // what the file holds: at the start, after the first reload, and so on. DIR is a directory of its own
	down  []string // the switches that are down at the start
	steps []string // "reload", or how switches are turned: "tcp1 down, tcp2 down"

	// quirk makes of what keepalived's kernel has what it would have without a mistake that docs/compatibility.md names, and unsaid
	// takes that out of what ipvsadm says.
	quirk  func(ipvs.Table)
	unsaid *strings.Replacer
}

// twinsBeside is how many configurations are tried at a time. What they do is mostly waiting.
const twinsBeside = 6

// TestTablesLikeKeepalived has keepalived and Vigil run the same configurations beside each other, each with a kernel's table and
// servers of its own that fail and recover at the same moments. After each event, of which every third is a reload, both tables
// must become what the checks say that they should be, and `ipvsadm -Sn` must say the same of both. With VIGIL_TWINS (make test-twins), an
// expression for the names of those to try, a hundred that are drawn are tried as well: "." is all.
func TestTablesLikeKeepalived(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	lab := testlan.ForTest(t)
	all := writtenConfigurations()
	only := os.Getenv("VIGIL_TWINS")
	if only != "" {
		all = append(all, drawnConfigurations(100)...)
	}
	queue := make(chan tried, len(all))
	for _, c := range all {
		if regexp.MustCompile(only).MatchString(c.name) {
			queue <- c
		}
	}
	close(queue)
	files := len(queue)
	programs := [2]labkit.Program{program(t, "keepalived"), program(t, "vigil")}
	loadSchedulers()
	var configurations, events, reloads, services atomic.Int32
	var group sync.WaitGroup
	for n := range min(twinsBeside, len(queue)) {
		w, err := newTwins(t.Context(), lab, fmt.Sprint(n), programs)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			defer w.close()
			for c := range queue {
				begun := time.Now()
				if err := w.try(t.Context(), c); err != nil {
					t.Errorf("%s: %v\n%s", c.name, err, w.logs())
				}
				t.Logf("%s: %v", c.name, time.Since(begun).Round(time.Second))
				configurations.Add(int32(max(c.parts, 1)))
				events.Add(int32(len(c.steps)))
				reloads.Add(int32(len(c.texts) - 1))
			}
			services.Add(int32(w.services))
		})
	}
	group.Wait()
	t.Logf("%d configurations in %d files, %d events, %d of them reloads; %d services were compared", configurations.Load(), files, events.Load(),
		reloads.Load(), services.Load())
}

// loadSchedulers loads what the kernel would load itself when a service asks for it, one after the other.
func loadSchedulers() {
	path, err := os.ReadFile("/proc/sys/kernel/modprobe")
	if err != nil {
		return
	}
	args := []string{"-a", "ip_vs_pe_sip"}
	for _, s := range ipvstest.Schedulers {
		args = append(args, "ip_vs_"+s)
	}
	_ = exec.Command(strings.TrimSpace(string(path)), args...).Run() // what is not there now will be asked for
}

// twins are both programs on hosts that are alike.
type twins struct {
	lab       *testlan.Lab
	programs  [2]labkit.Program
	hosts     []*testlan.Host
	kernels   []ipvs.Kernel
	listings  []ipvsadm.Kernel
	directors []*labkit.Director
	dir       string
	told      *told2     // what both tell, if it matters
	had       ipvs.Table // after the event before
	services  int        // that were compared
	debians   bool       // Debian's ipvsadm is asked after each event too, which takes long, not only at the end
}

func newTwins(ctx context.Context, lab *testlan.Lab, name string, programs [2]labkit.Program) (*twins, error) {
	w := &twins{lab: lab, programs: programs, dir: filepath.Join(lab.Dir(), "twins"+name), debians: os.Getenv("VIGIL_TWINS") != ""}
	for _, p := range programs {
		h, err := lab.Host(p.Name[:1] + name)
		if err != nil {
			return nil, err
		}
		w.hosts = append(w.hosts, h)
		err = h.Do(func() error {
			k, err := ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
			if err != nil {
				return err
			}
			w.kernels = append(w.kernels, k)
			l, err := ipvsadm.OpenKernel(ctx)
			w.listings = append(w.listings, l)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *twins) close() {
	for i := range w.hosts {
		w.kernels[i].Close()
		w.listings[i].Close()
	}
}

func (w *twins) logs() string {
	var b strings.Builder
	for _, d := range w.directors {
		fmt.Fprintf(&b, "%s:\n%s", d.Program.Name, d.Log[0].Tail(25))
	}
	return b.String()
}

// configure gives both the file with a text, in which HOST is the name of the host, and returns what we read in it.
func (w *twins) configure(text string) (*confparse.Config, error) {
	text = strings.ReplaceAll(text, "DIR", w.dir)
	for _, d := range w.directors {
		if err := d.Configure(strings.ReplaceAll(text, "HOST", d.Host.Name)); err != nil {
			return nil, err
		}
	}
	cfg, problems := confparse.Load(confparse.OSFS(), w.directors[0].ConfigFile(), confparse.Env{Hostname: "lb1", System: confparse.OSSystem()})
	for _, p := range problems {
		if p.Code == diag.CodeUnknownKeyword {
			return nil, p
		}
	}
	return cfg, nil
}

// try runs one configuration from its start to its end, with tables in which nothing is left of the one before.
func (w *twins) try(ctx context.Context, c tried) (err error) {
	for _, h := range w.hosts {
		if _, err := h.Output(ctx, "ipvsadm", "-C"); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(w.dir), os.MkdirAll(w.dir, 0o755)); err != nil {
		return err
	}
	s, err := newSwitches(w.hosts, w.dir, c.texts, c.down)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if w.told != nil {
		if err := w.told.listen(ctx, w.hosts, w.dir); err != nil {
			return err
		}
		defer w.told.end()
	}
	w.directors = nil
	for i, h := range w.hosts {
		d, err := labkit.NewDirector(w.lab, h, w.programs[i])
		if err != nil {
			return err
		}
		w.directors = append(w.directors, d)
		defer d.Kill()
	}
	expected, stop := newExpectation()
	defer stop()
	cfg, err := w.configure(c.texts[0])
	if err != nil {
		return err
	}
	for _, d := range w.directors {
		if err := d.Start(); err != nil {
			return err
		}
	}
	if err := expected.configured(ctx, s, cfg); err != nil {
		return err
	}
	if err := w.agree(ctx, expected, c, true); err != nil {
		return fmt.Errorf("at the start: %w", err)
	}
	texts := c.texts[1:]
	for i, step := range c.steps {
		if step == "reload" {
			cfg, err = w.configure(texts[0])
			texts = texts[1:]
			for _, d := range w.directors {
				err = errors.Join(err, d.Reload())
			}
			if err == nil {
				err = expected.configured(ctx, s, cfg)
			}
		} else {
			for _, one := range strings.Split(step, ", ") {
				err = errors.Join(err, s.turn(one))
			}
			if err == nil {
				err = expected.checked(ctx, s, cfg)
			}
		}
		if err == nil {
			err = w.agree(ctx, expected, c, step == "reload")
		}
		if err != nil {
			return fmt.Errorf("event %d of %q, %s: %w", i+1, c.steps, step, err)
		}
	}
	return w.end(ctx)
}

// end stops both, which leaves nothing behind, after Debian's ipvsadm has said the same as ours.
func (w *twins) end(ctx context.Context) error {
	if err := w.allAsDebians(ctx); err != nil {
		return err
	}
	for _, d := range w.directors {
		if err := d.Terminate(); err != nil {
			return err
		}
	}
	for i, d := range w.directors {
		if err := d.Stop(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		t, err := w.kernels[i].Read(ctx, nil)
		if err != nil {
			return err
		}
		if len(t) > 0 && i > 0 { // keepalived may leave services of a group behind
			return fmt.Errorf("%s has left %v behind", d.Program.Name, slices.Collect(maps.Keys(t)))
		}
	}
	if w.told != nil {
		return until(ctx, w.told.agreeAtLast)
	}
	return nil
}

// agree waits until both tables are as expected, and ipvsadm says the same of both. They may be as before if both were reloaded.
func (w *twins) agree(ctx context.Context, e *expectation, c tried, reloaded bool) error {
	want := e.kernel.Table()
	err := until(ctx, func() error {
		for i, d := range w.directors {
			if err := w.expects(ctx, i, want, c.quirk); err != nil {
				return errors.Join(fmt.Errorf("%s: %w", d.Program.Name, err), d.Running())
			}
		}
		var said [2]string
		for i := range said {
			table, err := w.saved(ctx, i)
			if err != nil {
				return err
			}
			timeouts, err := w.ipvsadm(ctx, i, "-L", "--timeout")
			if err != nil {
				return err
			}
			if said[i] = table + timeouts; c.unsaid != nil {
				said[i] = c.unsaid.Replace(said[i])
			}
		}
		if diff := cmp.Diff(said[0], said[1]); diff != "" {
			return fmt.Errorf("ipvsadm -Sn and -L --timeout (-keepalived +vigil):\n%s", diff)
		}
		return nil
	})
	w.services += len(want)
	if err == nil && w.debians {
		err = w.allAsDebians(ctx)
	}
	if err == nil && w.told != nil {
		err = w.told.agree(ctx, !reloaded && len(ipvs.Diff(w.had, want)) == 0)
	}
	w.had = want
	return err
}

// expects fails unless the table of a program is as expected.
func (w *twins) expects(ctx context.Context, i int, want ipvs.Table, quirk func(ipvs.Table)) error {
	has, err := w.kernels[i].Read(ctx, nil)
	if err != nil {
		return err
	}
	if i == 0 && quirk != nil {
		quirk(has)
	}
	if missing := ipvs.Diff(has, want); len(missing) > 0 {
		var b strings.Builder
		for _, op := range missing {
			fmt.Fprintf(&b, "\t%v\n", op)
		}
		return fmt.Errorf("the table lacks:\n%s", &b)
	}
	return nil
}

// until is testlan.Until for many who wait at a time: it looks more rarely. It gives up where a check that the machine keeps from
// being made in time has long been made again.
func until(ctx context.Context, cond func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := cond()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// allAsDebians waits until Debian's ipvsadm -Sn prints of both tables what ours does.
func (w *twins) allAsDebians(ctx context.Context) error {
	return until(ctx, func() error {
		for i, d := range w.directors {
			theirs, err := w.hosts[i].Output(ctx, "ipvsadm", "-S", "-n")
			if err != nil {
				return err
			}
			ours, err := w.saved(ctx, i)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(sortedLines(theirs), ours); diff != "" {
				return fmt.Errorf("ipvsadm -Sn of %s (-Debian's +ours):\n%s", d.Program.Name, diff)
			}
		}
		return nil
	})
}

// saved is what ipvsadm -Sn prints, sorted: in which order the kernel has servers depends on how they came. Ours stands for
// Debian's, which prints the same: see debians.
func (w *twins) saved(ctx context.Context, i int) (string, error) {
	out, err := w.ipvsadm(ctx, i, "-S", "-n")
	return sortedLines(out), err
}

// ipvsadm is what ours prints.
func (w *twins) ipvsadm(ctx context.Context, i int, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	status := ipvsadm.Program{Args: append([]string{"ipvsadm"}, args...), Out: &out, Err: &complaint, Names: new(ipvsadm.SystemNames),
		Open: func(context.Context) (ipvsadm.Kernel, error) { return staysOpen{w.listings[i]}, nil }}.Run(ctx)
	if status != 0 {
		return "", fmt.Errorf("ipvsadm: status %d: %s", status, &complaint)
	}
	return out.String(), nil
}

func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// staysOpen is a kernel for more than one run.
type staysOpen struct{ ipvsadm.Kernel }

func (staysOpen) Close() error { return nil }

// expectation is what a table is to be: that of a reconciler with a kernel in memory, which is told what is the case.
type expectation struct {
	kernel *ipvstest.Kernel
	r      *ipvs.Reconciler
	known  map[confparse.RealServerID]bool
}

func newExpectation() (e *expectation, stop func()) {
	k := ipvstest.New()
	e = &expectation{kernel: k, r: ipvs.NewReconciler(ipvs.Options{Open: k.Open, AuditPeriod: -1}), known: map[confparse.RealServerID]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- e.r.Run(ctx) }()
	return e, func() {
		cancel()
		<-done
	}
}

// configured is a start or a reload, after which checks find out what they can.
func (e *expectation) configured(ctx context.Context, s *switches, cfg *confparse.Config) error {
	_, assumed := s.health(cfg, e.known)
	e.known = map[confparse.RealServerID]bool{}
	for id := range assumed.RealServers {
		e.known[id] = true
	}
	e.r.Set(ipvs.FromConfig(cfg), assumed)
	return e.checked(ctx, s, cfg)
}

// checked is that the checks have found out how the servers are.
func (e *expectation) checked(ctx context.Context, s *switches, cfg *confparse.Config) error {
	if err := e.r.Sync(ctx); err != nil {
		return err
	}
	found, _ := s.health(cfg, e.known)
	var changes []ipvs.HealthChange
	for id, h := range found.RealServers {
		changes = append(changes, ipvs.HealthChange{Server: id, RealServerHealth: h})
	}
	e.r.Report(changes)
	return e.r.Sync(ctx)
}
