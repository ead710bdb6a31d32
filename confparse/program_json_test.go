package confparse

import (
	"encoding/json"
	"testing"
)

// TestProgramsSurviveAsJSON: words and account are the same afterwards, empty words too.
func TestProgramsSurviveAsJSON(t *testing.T) {
	for _, p := range []Program{{}, ProgramOf(&Script{Argv: []string{"/bin/x", "", "a b\"c"}, File: "/opt/x", RunAs: Identity{UID: 1, GID: 2, Supplementary: true}})} {
		b, err := json.Marshal(p)
		var got Program
		if err != nil || json.Unmarshal(b, &got) != nil || got != p {
			t.Errorf("%s: %+v, want %+v, %v", b, got, p, err)
		}
	}
	if new(Program).UnmarshalJSON([]byte(`{"Argv":3}`)) == nil {
		t.Error("a number is no list of words")
	}
}
