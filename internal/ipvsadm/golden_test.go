package ipvsadm

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files of testdata hold what Debian's ipvsadm 1.31 said, recorded by the tests in the virtual machine with -record.
const (
	listingsFile = "testdata/listings.txt"
	commandsFile = "testdata/commands.txt"
	inputsFile   = "testdata/inputs.txt"
)

// section is a part of such a file: a heading and what was said.
type section struct{ name, text string }

const rule80 = "================================================================"

func writeSections(t *testing.T, file string, sections []section) {
	t.Helper()
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "%s %s\n%s", rule80, s.name, s.text)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readSections(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, s := range strings.Split(string(text), rule80+" ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		out[name] = text
	}
	return out
}

// text is a result as the files have it.
func (r result) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "exit %d\n", r.status)
	for line := range strings.Lines(r.err) {
		b.WriteString("! " + line)
	}
	b.WriteString(r.out)
	return b.String()
}

// words takes a line of badCommands apart.
func words(line string) []string {
	out := strings.Split(line, " ")
	for i, w := range out {
		if w == "''" {
			out[i] = ""
		}
	}
	return out
}

// TestListingsAreDebians: every state in every listing that does not depend on the kernel's order.
func TestListingsAreDebians(t *testing.T) {
	golden := readSections(t, listingsFile)
	for _, state := range states {
		if slices.Contains(orderMatters, state.name) {
			continue
		}
		k := newFake()
		for line := range strings.Lines(state.commands) {
			if w := splitLine(line); len(w) > 0 {
				onFake(t, k, strings.Join(w, " "))
			}
		}
		want, recorded := golden[state.name]
		if !recorded {
			t.Fatalf("%s was not recorded", state.name)
		}
		got := ""
		for _, listing := range state.listings() {
			got += onFake(t, k, listing)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Debian's +ours)\n%s", state.name, diff)
		}
	}
}

// TestBadCommandsAreDebians: text and exit status of command lines that are of no use.
func TestBadCommandsAreDebians(t *testing.T) {
	golden := readSections(t, commandsFile)
	k := newFake()
	if r := ours(k, knownNames{}, base, "ipvsadm", "-R"); r != (result{}) {
		t.Fatal(r)
	}
	before := onFake(t, k, "-S -n")
	for _, line := range badCommands {
		want, recorded := golden[line]
		if !recorded {
			t.Fatalf("%s was not recorded", line)
		}
		if diff := cmp.Diff(want, ours(k, knownNames{}, "", append([]string{"ipvsadm"}, words(line)...)...).text()); diff != "" {
			t.Errorf("%s (-Debian's +ours)\n%s", line, diff)
		}
	}
	if after := onFake(t, k, "-S -n"); after != before {
		t.Errorf("the table has changed: %s", cmp.Diff(before, after))
	}
}

// TestInputsAreDebians: what Restore makes of its input, and the table that it leaves.
func TestInputsAreDebians(t *testing.T) {
	golden := readSections(t, inputsFile)
	for _, in := range badInputs {
		k := newFake()
		if r := ours(k, knownNames{}, base, "ipvsadm", "-R"); r != (result{}) {
			t.Fatal(r)
		}
		want, recorded := golden[strconv.Quote(in)]
		if !recorded {
			t.Fatalf("%q was not recorded", in)
		}
		got := ours(k, knownNames{}, in, "ipvsadm", "-R").text() + onFake(t, k, "-S -n")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-Debian's +ours)\n%s", in, diff)
		}
	}
}
