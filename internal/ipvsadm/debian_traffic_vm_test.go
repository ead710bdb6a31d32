//go:build linux

package ipvsadm

import (
	"bytes"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Addresses of this machine while traffic passes.
var trafficAddresses = []string{"192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128"}

// trafficServices are one of each sort that connections are made to.
const trafficServices = `-A -t 192.0.2.1:8080 -s rr
-a -t 192.0.2.1:8080 -r 192.0.2.2:8081 -m -w 3
-A -t 192.0.2.1:8443 -s wlc -p 300
-a -t 192.0.2.1:8443 -r 192.0.2.2:8081 -m
-A -u 192.0.2.1:8053 -s sh
-a -u 192.0.2.1:8053 -r 192.0.2.2:8054 -m
-A -t [2001:db8::1]:8080 -s lc -p 77 -M 64
-a -t [2001:db8::1]:8080 -r [2001:db8::2]:8081 -m
-A -t 192.0.2.1:8090 -s rr
-a -t 192.0.2.1:8090 -r 192.0.2.2:8081 -m`

// TestTrafficIsDebians: what connections and packets leave behind both programs list alike: connections, templates of persistence,
// counters, short and exact, rates, and what is left when they are set to zero.
func TestTrafficIsDebians(t *testing.T) {
	k := requireKernel(t)
	for _, a := range trafficAddresses {
		run := func(verb string, more ...string) {
			t.Helper()
			if out, err := exec.Command("ip", append([]string{"address", verb, a, "dev", "lo"}, more...)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		run("add", "nodad")
		t.Cleanup(func() { run("del") })
	}
	if r := debians(t, "-C\n"+trafficServices+"\n", "-R"); r != (result{}) {
		t.Fatal(r)
	}
	echoTCP(t, "192.0.2.2:8081")
	echoTCP(t, "[2001:db8::2]:8081")
	echoUDP(t, "192.0.2.2:8054")
	d := newDebianSession(t)
	names := new(SystemNames)
	pass(t)
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(d.do(t, "-L -n --stats\n"), "K"); { // the kernel adds up every two seconds
		if time.Now().After(end) {
			t.Fatal("nothing was counted")
		}
	}
	for _, listing := range []string{"-L -n -c", "-L -n -c --sort", "-L -n", "-L -n --persistent-conn", "-L -n --thresholds", "-L -n --stats",
		"-L -n --stats --exact", "-L -n --rate", "-L -n --rate --exact", "-L -n -t 192.0.2.1:8080 --stats --exact", "-L -n -u 192.0.2.1:8053 --stats"} {
		said := sameWhileItLasts(t, k, d, names, listing)
		t.Logf("%s:\n%s", listing, said)
		for _, needed := range map[string][]string{"-L -n -c": {"ESTABLISHED", "TIME_WAIT", "UDP", "[2001:db8::1]"}}[listing] {
			if !strings.Contains(said, needed) {
				t.Errorf("%s has no %s:\n%s", listing, needed, said)
			}
		}
	}
	const exactly = "-L -n --stats --exact"
	counted := sameWhileItLasts(t, k, d, names, exactly)
	if r := ours(k, names, "", "ipvsadm", "-Z", "-t", "192.0.2.1:8080"); r != (result{}) {
		t.Fatalf("%+v", r)
	}
	one := sameWhileItLasts(t, k, d, names, exactly)
	if r := ours(k, names, "", "ipvsadm", "-Z"); r != (result{}) {
		t.Fatalf("%+v", r)
	}
	if all := sameWhileItLasts(t, k, d, names, exactly); counted == one || one == all {
		t.Errorf("of counters set to zero Debian's says\n%s\nbefore, %s\nafter one, %s\nafter all", counted, one, all)
	}
}

// sameWhileItLasts has ours list between two listings by Debian's, until these are equal: the time of connections goes by, and
// rates fall. It returns the listing.
func sameWhileItLasts(t *testing.T, k Kernel, d *debianSession, names Resolver, listing string) string {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		before := d.do(t, listing+"\n")
		r := ours(k, names, "", append([]string{"ipvsadm"}, strings.Fields(listing)...)...)
		if before != d.do(t, listing+"\n") {
			continue
		}
		if diff := cmp.Diff(before, r.out); diff != "" || r.status != 0 || r.err != "" {
			t.Errorf("%s: status %d %s (-Debian's +ours)\n%s", listing, r.status, r.err, diff)
		}
		return before
	}
	t.Fatalf("%s: Debian's never says the same twice", listing)
	return ""
}

// pass makes connections, some of which stay, and packets, so many that the counters are shortened.
func pass(t *testing.T) {
	t.Helper()
	dial := func(network, address string) net.Conn {
		t.Helper()
		c, err := net.DialTimeout(network, address, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Minute))
		return c
	}
	exchange := func(c net.Conn, size int) {
		t.Helper()
		sent := bytes.Repeat([]byte{'x'}, size)
		go func() { _, _ = c.Write(sent) }() // its failure shows below
		got := make([]byte, size)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%s: %v, or other bytes than were sent", c.RemoteAddr(), err)
		}
	}
	exchange(dial("tcp", "192.0.2.1:8080"), 101_000_000)
	for i := range 3 {
		exchange(dial("tcp", "192.0.2.1:8443"), 1000*(i+1))
	}
	exchange(dial("tcp", "[2001:db8::1]:8080"), 4321)
	for range 5 {
		exchange(dial("udp", "192.0.2.1:8053"), 700)
	}
	over := dial("tcp", "192.0.2.1:8090")
	exchange(over, 10)
	over.Close()
}

// echoTCP serves connections, of which it returns what comes.
func echoTCP(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
}

// echoUDP returns datagrams.
func echoUDP(t *testing.T, address string) {
	t.Helper()
	l, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for b := make([]byte, 1<<16); ; {
			n, from, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = l.WriteTo(b[:n], from) // who gets nothing back says so
		}
	}()
}
