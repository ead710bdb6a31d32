package testlan

import (
	"testing"
	"time"
)

// The CPU time and memory of a program are those of all its processes.
func TestUsageIsThatOfTheWholeProcessGroup(t *testing.T) {
	lab := ForTest(t)
	h, err := lab.Host("h")
	if err != nil {
		t.Fatal(err)
	}
	// The child burns CPU; its parent waits.
	p, err := h.Start("burner", nil, "sh", "-c", "sh -c 'while :; do :; done' & wait")
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Minute) // when it hangs
	for p.CPU() < 100*time.Millisecond {
		if time.Now().After(deadline) {
			t.Fatalf("the child's CPU time is not counted: %v", p.CPU())
		}
		time.Sleep(PollInterval)
	}
	if mb := p.Memory(); mb < 0.5 || mb > 100 {
		t.Errorf("two shells use %v MB", mb)
	}
	p.Kill()
	if got := p.CPU(); got != 0 {
		t.Errorf("CPU time of nobody is %v", got)
	}
}
