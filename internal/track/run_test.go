package track

import "testing"

// TestRunStates: the words are keepalived's.
func TestRunStates(t *testing.T) {
	for state, want := range map[RunState]string{Idle: "idle", Running: "running", Terminating: "requested termination", Killing: "forcing termination", 9: "forcing termination"} {
		if state.String() != want {
			t.Errorf("%d is %q, want %q", state, state, want)
		}
	}
}
