package daemon

import (
	"errors"
	"io/fs"
	"runtime"
	"testing"
)

// onAThreadOfItsOwn runs f on a thread that is thrown away: it may be in another namespace afterwards.
func onAThreadOfItsOwn(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- f()
	}()
	return <-result
}

func TestNamespaceThatIsNone(t *testing.T) {
	enter := func(name string) error { return onAThreadOfItsOwn(func() error { return enterNamespace(name) }) }
	if err := enter("no-such-namespace"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such namespace: %v", err)
	}
	for _, name := range []string{"..", ".", "../../proc/self/ns/net", "/proc/self/ns/net"} {
		if err := enter(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestNothingIsExecutedWithoutANamespace: the program goes on, to say so.
func TestNothingIsExecutedWithoutANamespace(t *testing.T) {
	err := onAThreadOfItsOwn(func() error {
		return reexec(Options{}, "no-such-namespace", true, func() error {
			t.Error("about to execute")
			return errors.New("not so")
		})
	})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reexec: %v", err)
	}
}

// TestOnlyWhatKeepalivedForgivesIsForgiven: a namespace that cannot be entered ends the program without an exit status that
// says so; everything else on the way there does say so.
func TestOnlyWhatKeepalivedForgivesIsForgiven(t *testing.T) {
	err := onAThreadOfItsOwn(func() error { return reexec(Options{}, "no-such-namespace", false, nil) })
	if _, ok := errors.AsType[notEntered](err); !ok {
		t.Errorf("no such namespace: %v", err)
	}
}
