package track

import "testing"

// TestIDs: equal names of different kinds are different objects, and say so.
func TestIDs(t *testing.T) {
	seen := make(map[ID]bool)
	texts := make(map[string]bool)
	for _, kind := range []Kind{0, Interface, Script, Process, File, BFD, Static} {
		id := ID{kind, "eth1"}
		seen[id], texts[id.String()] = true, true
	}
	if len(seen) != 7 || len(texts) != 7 {
		t.Errorf("%v, %v", seen, texts)
	}
	if got := InterfaceID("eth1").String(); got != "interface eth1" {
		t.Errorf("%q", got)
	}
}
