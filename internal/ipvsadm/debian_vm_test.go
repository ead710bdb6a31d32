//go:build linux

package ipvsadm

import (
	"bytes"
	"errors"
	"flag"
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

// list has one run of Debian's program carry out command lines and print listings: each run takes long in an emulated machine.
func list(t *testing.T, commands string, listings []string) string {
	t.Helper()
	r := debians(t, commands+strings.Join(listings, "\n")+"\n", "-R")
	if r.status != 0 || r.err != "" {
		t.Fatal(r)
	}
	return r.out
}

// TestTablesAreDebians: what Debian's program sets both list alike, and Debian's lists alike what either has set.
func TestTablesAreDebians(t *testing.T) {
	k := requireKernel(t)
	var sections []section
	for _, state := range states {
		t.Run(strings.ReplaceAll(state.name, " ", "_"), func(t *testing.T) {
			listed := compareState(t, k, state)
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
func compareState(t *testing.T, k Kernel, s state) string {
	t.Helper()
	set := "-C\n" + s.commands + "\n"
	all := slices.Concat(s.listings(), unsortedListings)
	theirs := list(t, set, all)
	sorted, mine := "", ""
	names := new(SystemNames)
	for i, listing := range all {
		r := ours(k, names, "", append([]string{"ipvsadm"}, strings.Fields(listing)...)...)
		mine += r.out
		if i < len(s.listings()) {
			sorted += r.out
		}
		if r.status != 0 || r.err != "" {
			t.Errorf("%s: status %d: %s", listing, r.status, r.err)
		}
	}
	if diff := cmp.Diff(theirs, mine); diff != "" {
		t.Errorf("set by Debian's (-listed by Debian's +by ours)\n%s", diff)
	}
	if r := ours(k, names, set, "ipvsadm", "-R"); r != (result{}) {
		t.Errorf("ours: %+v", r)
	}
	if diff := cmp.Diff(theirs, list(t, "", all)); diff != "" {
		t.Errorf("listed by Debian's (-set by Debian's +by ours)\n%s", diff)
	}
	return theirs[:min(len(theirs), len(sorted))] // they are equal, or the test has failed
}

// everyCommand reports whether all bad command lines are tried on the real kernel, and not only some of each sort.
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
		if !everyCommand() && i%6 != 0 && i < len(badCommands)-len(refusedCommands) {
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
	for _, in := range badInputs {
		try := func(run func(in string, args ...string) result) string {
			if r := run("-C\n"+base, "-R"); r != (result{}) {
				t.Fatal(r)
			}
			return run(in, "-R").text() + run("", "-S", "-n").out
		}
		want := try(func(in string, args ...string) result { return debians(t, in, args...) })
		got := try(func(in string, args ...string) result {
			return ours(k, new(SystemNames), in, append([]string{"ipvsadm"}, args...)...)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-Debian's +ours)\n%s", in, diff)
		}
		sections = append(sections, section{strconv.Quote(in), want})
	}
	if *record {
		writeSections(t, inputsFile, sections)
	}
}
