package track

import "testing"

// TestIDs: equal names of different kinds are different objects, and say so.
func TestIDs(t *testing.T) {
	seen := make(map[ID]bool)
	texts := make(map[string]bool)
	for kind := range Kind(len(kinds)) {
		id := ID{kind, "eth1"}
		seen[id], texts[id.String()] = true, true
		if so, not := kind.Condition(true), kind.Condition(false); kind > 0 && (so == "" || not == "" || so == not) {
			t.Errorf("%v: %q, %q", kind, so, not)
		}
	}
	if len(seen) != len(kinds) || len(texts) != len(kinds) || Kind(len(kinds)).String() != "tracker" || Kind(len(kinds)).Condition(true) != "" {
		t.Errorf("%v, %v", seen, texts)
	}
	if got := InterfaceID("eth1").String(); got != "interface eth1" {
		t.Errorf("%q", got)
	}
}
