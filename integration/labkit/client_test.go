package labkit

import (
	"net"
	"testing"
	"time"
)

// TestSourcePortsAreNotGivenAgain: each connection comes from the next port that is free.
func TestSourcePortsAreNotGivenAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	sourcePorts.Store(int64(port(taken) - firstPort - 1)) // the next is taken
	seen := map[int]bool{}
	for range 20 {
		c, err := dial("127.0.0.1", l.Addr().String(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		p := c.LocalAddr().(*net.TCPAddr).Port
		c.Close()
		if seen[p] || p == port(taken) || p < firstPort || p >= firstPort+portCount {
			t.Errorf("port %d after %v", p, seen)
		}
		seen[p] = true
	}
	if _, err := dial("nobody", l.Addr().String(), time.Minute); err == nil {
		t.Error("connected from nobody")
	}
}
