package confparse

import (
	"slices"
	"testing"
)

// Equal scripts are equal programs, whatever their words: an empty one is a word too.
func TestProgramsCompare(t *testing.T) {
	script := func(uid uint32, argv ...string) Program {
		return ProgramOf(&Script{Argv: argv, RunAs: Identity{UID: uid}})
	}
	if one, same := script(0, "/bin/a", "b c"), script(0, "/bin/a", "b c"); one != same {
		t.Error("equal scripts are two programs")
	}
	base := script(0, "/bin/a", "b", "c")
	for _, other := range []Program{script(0, "/bin/a", "b c"), script(0, "/bin/a", "b", "c", ""), script(1, "/bin/a", "b", "c"), {}} {
		if other == base {
			t.Errorf("%q is %q", other.Argv(), base.Argv())
		}
	}
	for _, argv := range [][]string{{"/bin/a"}, {"/bin/a", ""}, {"/bin/a", "", "x y", "\n"}} {
		if p := script(0, argv...); !slices.Equal(p.Argv(), argv) || !p.Exists() {
			t.Errorf("%q became %q", argv, p.Argv())
		}
		if got := script(0, argv...).With("INSTANCE", ""); !slices.Equal(got.Argv(), append(argv, "INSTANCE", "")) {
			t.Errorf("%q with two more: %q", argv, got.Argv())
		}
	}
	for _, none := range []Program{ProgramOf(nil), ProgramOf(&Script{}), {}} {
		if none.Exists() || none.Argv() != nil {
			t.Errorf("a program of nothing: %q", none.Argv())
		}
	}
}
