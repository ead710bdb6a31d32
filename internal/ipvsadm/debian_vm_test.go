//go:build linux

package ipvsadm

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var record = flag.Bool("record", false, "write what Debian's ipvsadm says to testdata")

// requireKernel returns the real kernel. These tests change the machine's IPVS table, so they run only in the throw-away
// virtual machine that sets VIGIL_IN_VM; there they must not skip.
func requireKernel(t *testing.T) Kernel {
	t.Helper()
	if os.Getenv("VIGIL_IN_VM") != "1" {
		t.Skip("needs a kernel with ip_vs; runs in the VM")
	}
	k, err := OpenKernel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		debians(t, "", "-C")
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return stayOpen{k}
}

// stayOpen is a kernel that several runs use.
type stayOpen struct{ Kernel }

func (stayOpen) Close() error { return nil }

// debians runs Debian's program, under the name of ours.
func debians(t *testing.T, in string, args ...string) result {
	t.Helper()
	path, err := exec.LookPath("ipvsadm")
	if err != nil {
		t.Fatal(err)
	}
	var out, complaint bytes.Buffer
	cmd := exec.Command(path)
	cmd.Args = append([]string{"ipvsadm"}, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &complaint
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), complaint.String()}
}

// debianSession is one run of Debian's program that restores what it is sent, line by line: to start one takes long in an
// emulated machine.
type debianSession struct {
	in     io.WriteCloser
	out    *bufio.Reader
	errors bytes.Buffer
	random bool // see randomOrder
}

// start starts it, where it is to run.
func newDebianSession(t *testing.T, start func(*exec.Cmd) error) *debianSession {
	t.Helper()
	s := &debianSession{}
	cmd := exec.Command("stdbuf", "-oL", "ipvsadm", "-R")
	cmd.Stderr = &s.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = start(cmd)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil || s.errors.Len() > 0 {
			t.Errorf("Debian's: %v, %s", err, &s.errors)
		}
	})
	return s
}

// do has command lines carried out and returns what they print.
func (s *debianSession) do(t *testing.T, commands string) string {
	t.Helper()
	const mark, marked = "\n-L --timeout\n\n", "Timeout (tcp tcpfin udp): "
	if _, err := io.WriteString(s.in, commands+mark); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			t.Fatalf("Debian's: %v, %s", err, &s.errors)
		}
		if strings.HasPrefix(line, marked) {
			return b.String()
		}
		b.WriteString(line)
	}
}

// TestTablesAreDebians: what Debian's program sets both list alike, and Debian's lists alike what either has set.
func TestTablesAreDebians(t *testing.T) {
	k := requireKernel(t)
	// A session takes the size of the table when it begins, and Linux 7 has a table of size 0 until there is a service.
	if r := debians(t, "-C\n-A -t 192.0.2.1:80\n", "-R"); r != (result{}) {
		t.Fatal(r)
	}
	d := newDebianSession(t, (*exec.Cmd).Start)
	d.random = d.randomOrder(t)
	t.Logf("the kernel lists equal tables in another order each time: %v", d.random)
	var sections []section
	for i, state := range states {
		list, unsorted := state.listings(), unsortedListings
		if !everyCommand() && i%5 != 0 {
			list, unsorted = []string{"-L -n", "-S -n"}, unsorted[:1] // what was recorded of the others is compared wherever the tests run
		}
		t.Run(strings.ReplaceAll(state.name, " ", "_"), func(t *testing.T) {
			listed := compareState(t, k, d, state, list, unsorted)
			if !slices.Contains(orderMatters, state.name) {
				sections = append(sections, section{state.name, listed})
			}
		})
	}
	if *record {
		writeSections(t, listingsFile, sections)
	}
}

// compareState has each program make the table and both list it. It returns what Debian's prints.
func compareState(t *testing.T, k Kernel, d *debianSession, state state, listings, unsorted []string) string {
	t.Helper()
	set := "-C\n" + state.commands + "\n"
	same := func(text string) string { return text }
	if d.random && slices.Contains(orderMatters, state.name) {
		same = sortedLines
	}
	list, rest := strings.Join(listings, "\n"), strings.Join(unsorted, "\n")
	theirs, theirOrder := d.do(t, set+list), d.do(t, rest)
	mine := ""
	names := new(SystemNames)
	for _, listing := range slices.Concat(listings, unsorted) {
		r := ours(k, names, "", append([]string{"ipvsadm"}, strings.Fields(listing)...)...)
		mine += r.out
		if r.status != 0 || r.err != "" {
			t.Errorf("%s: status %d: %s", listing, r.status, r.err)
		}
	}
	if diff := cmp.Diff(same(theirs+theirOrder), same(mine)); diff != "" {
		t.Errorf("set by Debian's (-listed by Debian's +by ours)\n%s", diff)
	}
	if r := ours(k, names, set, "ipvsadm", "-R"); r != (result{}) {
		t.Errorf("ours: %+v", r)
	}
	if diff := cmp.Diff(same(theirs), same(d.do(t, list))); diff != "" {
		t.Errorf("listed by Debian's (-set by Debian's +by ours)\n%s", diff)
	}
	order := d.do(t, rest)
	if d.random {
		theirOrder, order = sortedLines(theirOrder), sortedLines(order)
	}
	if diff := cmp.Diff(theirOrder, order); diff != "" {
		t.Errorf("listed by Debian's in the kernel's order (-set by Debian's +by ours)\n%s", diff)
	}
	return theirs
}

// randomOrder reports whether the kernel lists tables that were set alike in another order each time, as those of Linux 7 do, whose
// hash has a key of its own each time that the table was empty.
func (d *debianSession) randomOrder(t *testing.T) bool {
	t.Helper()
	set := "-C\n"
	for i := range 50 {
		set += fmt.Sprintf("-A -t 192.0.2.%d:80 -s rr\n", i+1)
	}
	first := d.do(t, set+"-L -n --nosort")
	return first != d.do(t, set+"-L -n --nosort")
}

func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// everyCommand reports whether everything is tried on the real kernel, and not only some of each sort.
func everyCommand() bool { return *record || os.Getenv("VIGIL_TEST_KERNEL") == "1" }

// TestCommandsAreDebiansOnTheKernel: text and exit status are equal, and so is the table afterwards.
func TestCommandsAreDebiansOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	var sections []section
	if r := debians(t, "-C\n"+base, "-R"); r != (result{}) {
		t.Fatal(r)
	}
	before := debians(t, "", "-S", "-n")
	for i, line := range badCommands {
		if !everyCommand() && i%12 != 0 && i < len(badCommands)-len(refusedCommands) {
			continue // what was recorded of it is compared wherever the tests run
		}
		want := debians(t, "", words(line)...)
		got := ours(k, new(SystemNames), "", append([]string{"ipvsadm"}, words(line)...)...)
		if diff := cmp.Diff(want.text(), got.text()); diff != "" {
			t.Errorf("%s (-Debian's +ours)\n%s", line, diff)
		}
		sections = append(sections, section{line, want.text()})
	}
	if after := debians(t, "", "-S", "-n"); after != before {
		t.Errorf("the table has changed: %s", cmp.Diff(before.out, after.out))
	}
	if *record {
		writeSections(t, commandsFile, sections)
	}
}

func TestInputsAreDebiansOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	var sections []section
	mine := func(in string, args ...string) result {
		return ours(k, new(SystemNames), in, append([]string{"ipvsadm"}, args...)...)
	}
	for i, in := range badInputs {
		if !everyCommand() && i%3 != 0 {
			continue
		}
		try := func(restore func(in string) result) string {
			if r := mine("-C\n"+base, "-R"); r != (result{}) {
				t.Fatal(r)
			}
			return restore(in).text() + mine("", "-S", "-n").out
		}
		want := try(func(in string) result { return debians(t, in, "-R") })
		got := try(func(in string) result { return mine(in, "-R") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-Debian's +ours)\n%s", in, diff)
		}
		sections = append(sections, section{strconv.Quote(in), want})
	}
	if *record {
		writeSections(t, inputsFile, sections)
	}
}

// TestDaemonsAreDebians: synchronization daemons that either program has started both list alike, and both say the same of how
// they start and stop.
func TestDaemonsAreDebians(t *testing.T) {
	k := requireKernel(t)
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	ip("link", "add", "sync0", "type", "dummy")
	t.Cleanup(func() { ip("link", "delete", "sync0") })
	ip("address", "add", "192.0.2.9/24", "dev", "sync0")
	ip("link", "set", "sync0", "up", "multicast", "on")
	theirs := func(args ...string) result { return debians(t, "", args...) }
	mine := func(args ...string) result {
		return ours(k, new(SystemNames), "", append([]string{"ipvsadm"}, args...)...)
	}
	for _, commands := range []string{
		"--start-daemon master --mcast-interface sync0",
		"--start-daemon backup --mcast-interface sync0 --syncid 7",
		"--start-daemon master --mcast-interface sync0 --syncid 1\n--start-daemon backup --mcast-interface sync0 --syncid 2",
		"--start-daemon master --mcast-interface sync0 --syncid 255 --sync-maxlen 1400 --mcast-group 224.0.1.2 --mcast-port 9000 --mcast-ttl 3",
		"--start-daemon backup --mcast-interface sync0 --mcast-group ff05::81 --mcast-port 1 --mcast-ttl 255",
		"--start-daemon master --mcast-interface sync0\n--start-daemon master --mcast-interface sync0",
		"--start-daemon master --mcast-interface nosuch",
		"--start-daemon master",
		"",
	} {
		var said []string
		for _, set := range []func(...string) result{theirs, mine} {
			text := ""
			for _, line := range strings.Split(commands, "\n") {
				if line != "" {
					text += set(strings.Fields(line)...).text()
				}
			}
			for _, list := range []string{"-L --daemon", "-L -n --daemon"} {
				want, got := theirs(strings.Fields(list)...), mine(strings.Fields(list)...)
				if diff := cmp.Diff(want.text(), got.text()); diff != "" {
					t.Errorf("%s after %q (-Debian's +ours)\n%s", list, commands, diff)
				}
				text += want.text()
			}
			for _, role := range []string{"master", "backup"} {
				text += set("--stop-daemon", role).text()
			}
			said = append(said, text)
		}
		if diff := cmp.Diff(said[0], said[1]); diff != "" {
			t.Errorf("%q (-by Debian's +by ours)\n%s", commands, diff)
		}
		if runs := strings.Contains(commands, "sync0"); runs != strings.Contains(said[0], "sync daemon") {
			t.Errorf("%q: Debian's says\n%s", commands, said[0])
		}
	}
}
