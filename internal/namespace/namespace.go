// Package namespace has something done in a network namespace, and comes back.
package namespace

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vishvananda/netns"
)

// Network is a network namespace, which lives as long as this is open. Its methods may be called from several goroutines.
type Network struct{ fd netns.NsHandle }

// OfThread returns that of the calling thread. A caller that has changed the namespace of its thread must have locked the
// goroutine to it.
func OfThread() (Network, error) {
	fd, err := netns.Get()
	if err != nil {
		return Network{}, fmt.Errorf("open own network namespace: %w", err)
	}
	return Network{fd}, nil
}

// At returns that of a path, such as /run/netns/red or /proc/1/ns/net.
func At(path string) (Network, error) {
	fd, err := netns.GetFromPath(path)
	if err != nil {
		return Network{}, fmt.Errorf("open network namespace %s: %w", path, err)
	}
	return Network{fd}, nil
}

// Close releases the namespace.
func (n Network) Close() error { return n.fd.Close() }

// Do runs f on a thread that is in the namespace: the place to open sockets, which stay in it, and to read /proc/sys/net.
// No capability is needed where the thread is in it already; CAP_SYS_ADMIN is elsewhere.
func (n Network) Do(f func() error) error {
	runtime.LockOSThread()
	here, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("read network namespace of the thread: %w", err)
	}
	defer here.Close()
	if here.Equal(n.fd) {
		defer runtime.UnlockOSThread()
		return f()
	}
	if err := netns.Set(n.fd); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	err = f()
	if back := netns.Set(here); back != nil {
		// The goroutine stays locked, so the runtime ends this thread with it instead of reusing it in the wrong place.
		return errors.Join(err, fmt.Errorf("leave network namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}
