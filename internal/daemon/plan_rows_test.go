package daemon

import (
	"log/slog"
	"reflect"
	"testing"

	"vigil/confparse/confparsetest"
)

// TestPlanSeesEveryKeyword: whatever a keyword changes of what is desired is a step of the plan, so that no reload takes a
// difference for none; and what changes nothing is no step.
func TestPlanSeesEveryKeyword(t *testing.T) {
	parts := newDaemon(Options{VRRP: true, Checkers: true, BFD: true, Logger: slog.New(slog.DiscardHandler)}).parts
	differences := 0
	compare := func(name, a, b string) {
		before, after := effectsOf(a).desired, effectsOf(b).desired
		plan, equal := planOf(parts, before, after), reflect.DeepEqual(before, after)
		if plan.Empty() != equal {
			t.Errorf("%s: desired states equal: %v, plan: %v\n%s\nand\n%s", name, equal, plan.Steps, a, b)
		}
		if !equal {
			differences++
		}
	}
	for _, b := range confparsetest.Read(t, "../../confparse/testdata/rows") {
		for _, r := range b.Rows {
			for _, x := range r.Tries {
				statement := b.Statement(r, x)
				_, without := firstStatement(statement)
				compare(b.Path+": "+r.Word, b.With(statement), b.With(without))
			}
		}
	}
	for name, pair := range actsAnywhere() {
		compare(name, pair[0], pair[1])
	}
	if differences < 500 {
		t.Errorf("only %d of what was tried makes a difference", differences)
	}
}
