package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// TestNotifyLikeKeepalived: the same life, from the start over elections, priorities, faults, a rival and reloads to the stop,
// with keepalived and with Vigil: the lines in each pipe are the same, in the same order, and so are the runs of each
// program with their arguments. Of C, which has nothing to do with the others, the lines have an order of their own.
func TestNotifyLikeKeepalived(t *testing.T) {
	onHost(t)
	names := []string{"keepalived", "vigil"}
	told := make([]map[string][]string, len(names))
	errs := make([]error, len(names))
	var under sync.WaitGroup
	for i, name := range names {
		p, rival, dir := program(t, name), program(t, "keepalived"), t.TempDir()
		under.Go(func() { told[i], errs[i] = notified(wait(t), [2]labkit.Program{p, rival}, dir) })
	}
	under.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{"pipe all C", "pipe all G", "pipe vrrp C", "pipe vrrp G", "any C", "any G", "master A", "stop A", "lower C", "deleted C"} {
		if len(told[0][of]) == 0 {
			t.Errorf("keepalived says nothing in %s", of)
		}
	}
	// Both give programs that are told of the stop a second or two. In an emulated machine with other work that is too little to
	// start one: what keepalived itself could not run is not asked of Vigil either.
	if os.Getenv("VIGIL_IN_VM") == "1" && !endsWithStop(told[0]) {
		t.Log("the machine is too slow for the programs that keepalived runs at the stop: they are not compared")
		for _, told := range told {
			withoutStop(told)
		}
	}
	if diff := cmp.Diff(told[0], told[1]); diff != "" {
		t.Errorf("keepalived (-) and Vigil (+):\n%s", diff)
	}
}

// stopPrograms are the lists of what programs are told at the stop.
var stopPrograms = []string{"any G", "any A", "any B", "stop G", "stop A", "stop B"}

// endsWithStop reports whether every program that is to be told of the stop has been.
func endsWithStop(told map[string][]string) bool {
	return !slices.ContainsFunc(stopPrograms, func(of string) bool {
		list := told[of]
		return len(list) == 0 || strings.HasPrefix(of, "any") && !strings.Contains(list[len(list)-1], "|STOP|")
	})
}

// withoutStop removes what programs were told of the stop.
func withoutStop(told map[string][]string) {
	for _, of := range stopPrograms {
		told[of] = slices.DeleteFunc(told[of], func(line string) bool { return strings.HasPrefix(of, "stop") || strings.Contains(line, "|STOP|") })
	}
}

// notifyText is a configuration: A and B in group G, and C, which is left out later; every notification there is. B, whose
// patience is longer by most of a second, takes A along.
func notifyText(dir string, withC bool) string {
	says := func(name string) (lines string) {
		for _, what := range []string{"master", "backup", "fault", "stop"} {
			lines += fmt.Sprintf(" notify_%s \"%s/say '%s %s' 'two words'\"\n", what, dir, what, name)
		}
		return lines + fmt.Sprintf(" notify \"%s/say 'any %s' 'its'\"\n", dir, name)
	}
	router := func(name string, vrid, priority int, more string) string {
		return fmt.Sprintf("vrrp_instance %s {\n state BACKUP\n interface eth0\n virtual_router_id %d\n priority %d\n advert_int 1\n"+
			" virtual_ipaddress {\n  192.0.2.%d/32\n }\n%s%s}\n", name, vrid, priority, vrid, says(name), more)
	}
	text := "global_defs {\n script_user root\n notify_fifo " + dir + "/all\n vrrp_notify_fifo " + dir + "/vrrp\n vrrp_notify_priority_changes\n}\n" +
		"vrrp_script chk {\n script \"" + dir + "/chk\"\n interval 1\n timeout 60\n weight -20\n}\n" +
		"vrrp_sync_group G {\n group {\n  A\n  B\n }\n" + says("G") + "}\n" + router("A", 51, 250, "") + router("B", 52, 20, "")
	if withC {
		text += router("C", 53, 60, " track_script {\n  chk\n }\n notify_deleted \""+dir+"/say 'deleted C'\"\n"+
			" notify_master_rx_lower_pri \""+dir+"/say 'lower C' x\"\n")
	}
	return text
}

// notified takes the first director through the life and returns what it told: the lines of each pipe, and of each program the
// words that it was run with.
func notified(ctx context.Context, programs [2]labkit.Program, dir string) (told map[string][]string, err error) {
	p, err := labkit.NewPair(labkit.Local, programs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	d, rival := p.Directors[0], p.Directors[1]
	said := filepath.Join(dir, "said")
	for name, text := range map[string]string{"say": "#!/bin/sh\nIFS='|'\necho \"$*\" >>" + said + "\n", "chk": "#!/bin/sh\n[ ! -e " + dir + "/bad ]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			return nil, err
		}
	}
	reading, end := context.WithCancel(ctx)
	defer end()
	pipes := map[string]*pipeLines{"pipe all": newPipeLines(reading, filepath.Join(dir, "all")),
		"pipe vrrp": newPipeLines(reading, filepath.Join(dir, "vrrp"))}
	told = make(map[string][]string)
	collect := func() {
		clear(told)
		for name, lines := range pipes {
			for _, line := range lines.all() {
				of := name + " G"
				if strings.Contains(line, `"C"`) {
					of = name + " C"
				}
				told[of] = append(told[of], line)
			}
		}
		b, _ := os.ReadFile(said) // nothing was said yet
		for line := range strings.Lines(string(b)) {
			of, words, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "|")
			told[of] = append(told[of], words)
		}
	}
	// missing is a list that does not end with the line that it should; "" when all do.
	missing := func(wants ...string) string {
		collect()
		for _, want := range wants {
			of, line, _ := strings.Cut(want, ": ")
			if list := told[of]; len(list) == 0 || list[len(list)-1] != line {
				return fmt.Sprintf("%s: %q", of, list)
			}
		}
		return ""
	}
	until := func(wants ...string) error {
		return testlan.Until(ctx, strings.Join(wants, ", "), func() error {
			if lacks := missing(wants...); lacks != "" {
				return fmt.Errorf("%s\n%s", lacks, d.Process.Log.Tail(10))
			}
			return nil
		})
	}
	steps := &notifySteps{d: d, rival: rival, dir: dir, until: until, missing: missing}
	if err := steps.run(); err != nil {
		return nil, err
	}
	collect()
	// Each advert of a rival is told of; how many there were is chance.
	for of, list := range told {
		told[of] = slices.CompactFunc(list, func(a, b string) bool { return a == b && (of == "lower C" || strings.Contains(a, "LOWER")) })
	}
	return told, nil
}

// notifySteps is the life.
type notifySteps struct {
	d, rival *labkit.Director
	dir      string
	until    func(...string) error  // each list ends with its line
	missing  func(...string) string // a list that does not
}

func (s *notifySteps) run() error {
	const masterC = "any C: its|INSTANCE|C|MASTER|60"
	all := func(of, state string, priority int) string {
		kind := map[bool]string{true: "GROUP", false: "INSTANCE"}[of == "G"]
		return fmt.Sprintf("any %s: its|%s|%s|%s|%d", of, kind, of, state, priority)
	}
	bad := filepath.Join(s.dir, "bad")
	for _, step := range []struct {
		do   func() error
		wait []string
	}{
		{func() error { return errors.Join(s.d.Configure(notifyText(s.dir, true)), s.d.Start()) },
			[]string{all("G", "MASTER", 0), all("A", "MASTER", 250), all("B", "MASTER", 20), masterC, "master G: two words", "master A: two words",
				"master B: two words", "master C: two words", `pipe vrrp C: INSTANCE "C" MASTER 60`, `pipe all C: INSTANCE "C" MASTER 60`}},
		{func() error { return os.WriteFile(bad, nil, 0o600) }, []string{`pipe all C: INSTANCE "C" MASTER_PRIORITY 40`, `pipe vrrp C: INSTANCE "C" MASTER_PRIORITY 40`}},
		{func() error { return os.Remove(bad) }, []string{`pipe all C: INSTANCE "C" MASTER_PRIORITY 60`, `pipe vrrp C: INSTANCE "C" MASTER_PRIORITY 60`}},
		{s.d.Cable.Cut, []string{all("G", "FAULT", 0), all("A", "FAULT", 250), all("B", "FAULT", 20), all("C", "FAULT", 60), "fault A: two words",
			"fault B: two words", "fault C: two words", "fault G: two words"}},
		{s.d.Cable.Mend, []string{all("G", "MASTER", 0), all("A", "MASTER", 250), all("B", "MASTER", 20), masterC, "master G: two words",
			`pipe all C: INSTANCE "C" MASTER 60`, `pipe vrrp C: INSTANCE "C" MASTER 60`}},
		{s.beginRival, []string{"lower C: x", `pipe all C: INSTANCE "C" MASTER_RX_LOWER_PRI 60`}},
		{func() error { s.rival.Kill(); return nil }, nil},
		{s.d.Reload, nil}, // nothing has changed, so nothing is said
		{func() error { return errors.Join(s.d.Configure(notifyText(s.dir, false)), s.d.Reload()) },
			[]string{"deleted C: ", all("C", "DELETED", 60), `pipe all C: INSTANCE "C" DELETED 60`, `pipe vrrp C: INSTANCE "C" DELETED 60`}},
		{s.d.Stop, []string{`pipe all G: GROUP "G" STOP 0`, `pipe vrrp G: GROUP "G" STOP 0`}},
	} {
		if err := step.do(); err != nil {
			return err
		}
		if err := s.until(step.wait...); err != nil {
			return err
		}
	}
	return s.programsEnd(all("G", "STOP", 0), all("A", "STOP", 250), all("B", "STOP", 20), "stop G: two words", "stop A: two words", "stop B: two words")
}

// programsEnd waits until programs have told of the stop. In an emulated machine they may have been ended before.
func (s *notifySteps) programsEnd(wants ...string) error {
	if os.Getenv("VIGIL_IN_VM") != "1" {
		return s.until(wants...)
	}
	for range 10 { // seconds, after which nothing is left that could tell
		if s.missing(wants...) == "" {
			break
		}
		time.Sleep(time.Second)
	}
	return nil
}

// beginRival starts a router with C's number and a lower priority that hears nobody.
func (s *notifySteps) beginRival() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := s.rival.Host.Output(ctx, "nft", "add table ip deaf; add chain ip deaf in { type filter hook input priority 0; }; "+
		"add rule ip deaf in ip protocol 112 drop"); err != nil {
		return err
	}
	return errors.Join(s.rival.Configure("vrrp_instance C {\n interface eth0\n virtual_router_id 53\n priority 10\n advert_int 1\n"+
		" virtual_ipaddress {\n  192.0.2.53/32\n }\n}\n"), s.rival.Start())
}

// pipeLines are the lines that come through a pipe, which whoever writes to it makes, and may make again.
type pipeLines struct {
	mu    sync.Mutex
	lines []string
}

func newPipeLines(ctx context.Context, path string) *pipeLines {
	p := new(pipeLines)
	go p.read(ctx, path)
	return p
}

// read follows the pipe until ctx ends. What comes to its end may be made anew.
func (p *pipeLines) read(ctx context.Context, path string) {
	for ; ctx.Err() == nil; time.Sleep(testlan.PollInterval) {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // does not wait for who writes
		if err != nil {
			continue
		}
		for in := bufio.NewScanner(f); in.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, in.Text())
			p.mu.Unlock()
		}
		f.Close()
	}
}

func (p *pipeLines) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}
