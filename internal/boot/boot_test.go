package boot

import (
	"strings"
	"testing"
)

func TestIDStaysTheSame(t *testing.T) {
	first, err := ID()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := ID(); err != nil || second != first || strings.ContainsAny(first, "\n ") {
		t.Errorf("%q, then %q, %v", first, second, err)
	}
}

func TestWhatIsNoIDIsAnError(t *testing.T) {
	for _, text := range []string{"", "\n", "0123", strings.Repeat("a", IDLen+1)} {
		if id, err := parseID([]byte(text)); err == nil {
			t.Errorf("%q is %q", text, id)
		}
	}
	want := strings.Repeat("b", IDLen)
	if id, err := parseID([]byte(want + "\n")); err != nil || id != want {
		t.Errorf("%q, %v", id, err)
	}
}
