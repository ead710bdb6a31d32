package daemon

import (
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openDescriptors is how many this process has.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestTableStaysWhileThereAreNoDescriptors: of a director that may open no more files the servers stay as they were, those that are up and
// those that are down, and are followed again when it may. No descriptor is lost.
func TestTableStaysWhileThereAreNoDescriptors(t *testing.T) {
	up := listened(t)
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := closed.Addr().(*net.TCPAddr).AddrPort()
	closed.Close()
	config := "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\ndelay_loop 0.02\nwarmup 0\n"
	for _, server := range []uint16{up.Port(), down.Port()} {
		config += fmt.Sprintf("real_server 127.0.0.1 %d {\nTCP_CHECK {\nretry 0\n}\n}\n", server)
	}
	i := launch(t, config+"}\n", nil)
	defer i.end()
	await := func(want ...string) {
		t.Helper()
		var got []string
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			got = nil
			if r := i.services.running.Load(); r != nil {
				for _, vs := range r.checks.Status().VirtualServers {
					for _, rs := range vs.RealServers {
						got = append(got, rs.Checks[0].Result)
					}
				}
			}
			if reflect.DeepEqual(got, want) && destinations(i.kernel.Table()) == 1 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("checks are %q, want %q; the table is %v\n%s", got, want, i.kernel.Table(), i.log)
			}
		}
	}
	await("success", "failure")
	before, table := openDescriptors(t), i.kernel.Table()
	i.kernel.TakeLog()

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	allow := func(n uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: limit.Max}); err != nil {
			t.Error(err)
		}
	}
	defer allow(limit.Cur)
	allow(0) // what is open stays open
	await("rescheduled", "rescheduled")
	allow(limit.Cur)
	await("success", "failure")
	if now := i.kernel.Table(); !reflect.DeepEqual(now, table) {
		t.Errorf("the table is %v, and was %v", now, table)
	}
	if ops := i.kernel.TakeLog(); len(ops) > 0 {
		t.Errorf("the table was changed: %v", ops)
	}
	if said := i.log.String(); strings.Count(said, "Removing service") != 1 {
		t.Error(said)
	}
	if now := openDescriptors(t); now > before+1 { // a check may be under way
		t.Errorf("%d descriptors, %d before", now, before)
	}
}
