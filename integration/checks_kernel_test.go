package integration

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/testlan"
)

// door is a TCP port of the servers that opens and closes.
type door struct {
	l        *checkLab
	port     int
	listener net.Listener
	visits   atomic.Int32 // since it was opened
}

func (d *door) open() {
	d.l.t.Helper()
	d.visits.Store(0)
	d.l.must(d.l.servers.Do(func() (err error) {
		d.listener, err = net.Listen("tcp4", fmt.Sprintf(":%d", d.port))
		return err
	}))
	go func(listener net.Listener) {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			d.visits.Add(1)
			c.Close()
		}
	}(d.listener)
}

func (d *door) close() {
	d.l.t.Helper()
	d.l.must(d.listener.Close())
}

// visited waits until the port was asked n times since it was opened.
func (d *door) visited(n int32) func() error {
	return func() error {
		if got := d.visits.Load(); got < n {
			return fmt.Errorf("port %d was asked %d times", d.port, got)
		}
		return nil
	}
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// TestChecksInTheKernel has what cases 22, 23, 24 and 26 do to the kernel's table, write by write, by either program.
func TestChecksInTheKernel(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	for _, name := range []string{"keepalived", "vigil"} {
		l := newCheckLab(t)
		one, two, also, never := &door{l: l, port: 8001}, &door{l: l, port: 8002}, &door{l: l, port: 8003}, &door{l: l, port: 8004}
		config := "virtual_server 192.0.2.100 80 {\ndelay_loop 2\nwarmup 0\nretry 2\ndelay_before_retry 1\nconnect_timeout 3\n" +
			"lb_algo rr\nlb_kind NAT\nprotocol TCP\n"
		for i, doors := range [][]*door{{one}, {two, also}, {never}} {
			config += fmt.Sprintf("real_server 10.1.0.%d 80 {\n", i+1)
			for _, d := range doors {
				config += fmt.Sprintf("TCP_CHECK {\nconnect_ip 10.0.0.2\nconnect_port %d\n}\n", d.port)
			}
			config += "}\n"
		}
		for _, d := range []*door{one, two, also} {
			d.open()
		}
		writes, err := l.director.WatchKernelWrites()
		l.must(err)
		t.Cleanup(writes.Close)
		d := l.start(program(t, name), config+"}\n")
		step := func(what string, pool []string, cond func() error, want map[string]int) {
			t.Helper()
			l.waitPool(pool, cond)
			got := writes.Take()
			for end := time.Now().Add(10 * time.Second); total(got) < total(want) && time.Now().Before(end); time.Sleep(testlan.PollInterval) {
				for what, n := range writes.Take() { // what the kernel has done may not have been read yet
					got[what] += n
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s: kernel writes (-want +got):\n%s", name, what, diff)
			}
			l.must(d.Running())
		}
		step("never up (case 23)", []string{"10.1.0.1", "10.1.0.2"}, one.visited(1),
			map[string]int{"NEW_SERVICE": 1, "NEW_DEST": 3, "DEL_DEST": 1})
		l.waitPool([]string{"10.1.0.1", "10.1.0.2"}, also.visited(1))
		one.close()
		step("down after its retries (case 22)", []string{"10.1.0.2"}, d.Running, map[string]int{"DEL_DEST": 1})
		one.open()
		never.open()
		step("back (case 24)", []string{"10.1.0.1", "10.1.0.2", "10.1.0.3"}, d.Running, map[string]int{"NEW_DEST": 2})
		two.close()
		also.close()
		// That the second has failed too shows nowhere else.
		step("two checks fail (case 26)", []string{"10.1.0.1", "10.1.0.3"}, func() error {
			if n := strings.Count(d.Log[0].Tail(1000), "TCP_CHECK on service [10.1.0.2]:tcp:80 failed"); n != 2 {
				return fmt.Errorf("%d checks have failed", n)
			}
			return nil
		}, map[string]int{"DEL_DEST": 1})
		two.open()
		step("one recovers (case 26)", []string{"10.1.0.1", "10.1.0.3"}, two.visited(3), map[string]int{})
		also.open()
		step("both have (case 26)", []string{"10.1.0.1", "10.1.0.2", "10.1.0.3"}, d.Running, map[string]int{"NEW_DEST": 1})
		l.must(d.Stop())
	}
}
