package ipvsadm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigil/internal/fuzzing"
	"vigil/ipvs"
)

func TestHelpNeedsNoKernel(t *testing.T) {
	for _, args := range [][]string{{"/sbin/x", "-h"}, {"/sbin/x", "--help"}, {"/sbin/x", "-h", "-Q", "y"}} {
		var out, complaint bytes.Buffer
		p := Program{Args: args, Out: &out, Err: &complaint, Names: knownNames{}, Open: func(context.Context) (Kernel, error) { panic("opened") }}
		status := p.Run(t.Context())
		if status != 0 || complaint.Len() > 0 || !strings.Contains(out.String(), "\n  /sbin/x -D virtual-service\n") {
			t.Errorf("%v: status %d, %s%s", args, status, &out, &complaint)
		}
	}
}

func TestKernelThatCannotBeOpened(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("%w: no module", ipvs.ErrUnavailable), "Protocol not available"},
		{fmt.Errorf("open IPVS: %w", syscall.EPERM), "Permission denied (you must be root)"},
		{errors.New("no sockets left"), "no sockets left"},
	} {
		var out, complaint bytes.Buffer
		p := Program{Args: []string{"ipvsadm", "-Q"}, Out: &out, Err: &complaint, Names: knownNames{},
			Open: func(context.Context) (Kernel, error) { return nil, c.err }}
		status := p.Run(t.Context())
		want := "Can't initialize ipvs: " + c.want + "\nAre you sure that IP Virtual Server is built in the kernel or as module?\n"
		if status != 2 || complaint.String() != want || out.Len() > 0 {
			t.Errorf("%v: status %d, %q; want %q", c.err, status, &complaint, want)
		}
	}
}

// Each name is called as a program of its own; what Debian's scripts of that name do, on the same table.
func TestSaveAndRestorePrograms(t *testing.T) {
	k := newFake()
	onFake(t, k, "-A -t 192.0.2.1:80")
	const text = "-A -t 192.0.2.9:80 -s rr\n-a -t 192.0.2.9:80 -r 10.0.0.1:80 -m -w 1\n"
	const help = "ipvsadm-save: Script to save the IPVS table to stdout.\n   With the -n option, prints out the table in numeric format.\n"
	for _, c := range []struct {
		in   string
		argv []string
		want result
	}{
		{"", []string{"/sbin/ipvsadm-save"}, result{out: "-A -t 192.0.2.1:http -s wlc\n"}},
		{"", []string{"ipvsadm-save", "-n"}, result{out: "-A -t 192.0.2.1:80 -s wlc\n"}},
		{"", []string{"ipvsadm-save", "foo", "-n"}, result{out: "-A -t 192.0.2.1:80 -s wlc\n"}},
		{"", []string{"ipvsadm-save", "-nn"}, result{1, "", help}},
		{"", []string{"ipvsadm-save", "--help"}, result{1, "", help}},
		{text, []string{"/usr/sbin/ipvsadm-restore"}, result{}},
		{text, []string{"/usr/sbin/ipvsadm-restore", "-h"}, result{}}, // again: the table is emptied first
		{"", []string{"ipvsadm", "-S", "-n"}, result{out: text}},
		{"-A -t 192.0.2.2:80\nfoo\n-A -t 192.0.2.3:80\n", []string{"/usr/sbin/ipvsadm-restore"},
			result{255, "", "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"}},
		{"", []string{"ipvsadm-save", "-n"}, result{out: "-A -t 192.0.2.2:80 -s wlc\n"}},
	} {
		if got := ours(k, knownNames{}, c.in, c.argv...); got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.argv, got, c.want)
		}
	}
}

func TestNoArgumentsList(t *testing.T) {
	k := newFake()
	if got, want := ours(k, knownNames{}, "", "ipvsadm"), ours(k, knownNames{}, "", "ipvsadm", "-L"); got != want || got.out == "" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestMergeSortKeepsWhatIsEqual: qsort(3) does, when it has the memory that it wants.
func TestMergeSortKeepsWhatIsEqual(t *testing.T) {
	type item struct{ key, place int }
	items := []item{{2, 0}, {1, 1}, {2, 2}, {1, 3}, {0, 4}, {2, 5}, {0, 6}}
	mergeSort(items, func(a, b item) int { return a.key - b.key })
	if got, want := fmt.Sprint(items), "[{0 4} {0 6} {1 1} {1 3} {2 0} {2 2} {2 5}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzRestore: no input panics or hangs; each command line of it is carried out or complained about; what is saved afterwards
// restores to the same.
func FuzzRestore(f *testing.F) {
	for _, s := range states {
		f.Add(s.commands)
	}
	for _, in := range badInputs {
		f.Add(base + in)
	}
	for _, line := range badCommands {
		f.Add(base + line + "\n-S\n")
	}
	f.Fuzz(func(t *testing.T, in string) {
		k := newFake()
		var r result
		fuzzing.Within(t, time.Second, func() { r = ours(k, knownNames{}, in, "ipvsadm", "-R") })
		if (r.status != 0) != (r.err != "") && r.status != 0 {
			t.Fatalf("status %d without a word", r.status)
		}
		saved := ours(k, knownNames{}, "", "ipvsadm", "-S", "-n")
		if saved.status != 0 {
			t.Fatalf("save: %+v", saved)
		}
		again := newFake()
		if r := ours(again, knownNames{}, saved.out, "ipvsadm-restore"); r != (result{}) {
			t.Fatalf("restore of %q: %+v", saved.out, r)
		}
		if r := ours(again, knownNames{}, "", "ipvsadm", "-S", "-n"); r.out != saved.out {
			t.Fatalf("saved %q, restored %q", saved.out, r.out)
		}
	})
}
