package lan

import (
	"maps"
	"os"
	"strconv"
	"testing"
)

// TestMarksSayWhoseALinkIs: what is written can be read, and nothing else is taken for it.
func TestMarksSayWhoseALinkIs(t *testing.T) {
	before := map[string]uint32{"arp_ignore": 1, "all_rp_filter": 2}
	text := mark(before)
	if want := "vigil " + strconv.Itoa(os.Getpid()) + " all_rp_filter=2 arp_ignore=1"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
	pid, got, ok := readMark(text)
	if !ok || pid != os.Getpid() || !maps.Equal(got, before) || !ownMark(text) || Abandoned(text) {
		t.Errorf("%d %v %v", pid, got, ok)
	}
	for _, foreign := range []string{"", "vigil", "uplink of rack 7", "vigil x", "vigil -3", "vigil 0", "vigilant 5 arp_ignore=1"} {
		if _, _, ok := readMark(foreign); ok || ownMark(foreign) || Abandoned(foreign) {
			t.Errorf("%q is taken for ours", foreign)
		}
	}
	if alive := "vigil 1"; os.Getpid() != 1 && (ownMark(alive) || Abandoned(alive)) {
		t.Error("that of another process that lives")
	}
	if gone := "vigil 4194305"; !ownMark(gone) || !Abandoned(gone) {
		t.Error("that of a process that is no more")
	}
	if _, got, ok := readMark("vigil 7 a=1 b c=x d=-1 e=4294967296"); !ok || !maps.Equal(got, map[string]uint32{"a": 1}) {
		t.Errorf("%v", got)
	}
}

// TestNamesOfLinkGroups are read as iproute2 does.
func TestNamesOfLinkGroups(t *testing.T) {
	const text = "# device group names\n0 default\n7 seven # a comment\n0x10\tsixteen\n\nx bad\n9\n"
	for name, want := range map[string]uint32{"default": 0, "seven": 7, "sixteen": 16} {
		if got, ok := numberOfName(text, name); !ok || got != want {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
	for _, name := range []string{"bad", "", "eight", "#"} {
		if got, ok := numberOfName(text, name); ok {
			t.Errorf("%q: %d", name, got)
		}
	}
}

func FuzzReadMark(f *testing.F) {
	f.Add("vigil 7 arp_ignore=1")
	f.Add("vigil 99999999999999999999 a=b")
	f.Fuzz(func(t *testing.T, alias string) {
		if pid, _, ok := readMark(alias); ok && pid <= 0 {
			t.Errorf("%q: process %d", alias, pid)
		}
	})
}
