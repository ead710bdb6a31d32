//go:build linux

package ipvsadm

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/testlan"
	"vigil/ipvs"
)

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
	testlan.RequireIPVS(t)
	_, missing := exec.LookPath("ipvsadm")
	testlan.RequirePeer(t, missing)
	h, err := testlan.ForTest(t).Host("h") // whose connections are gone with it
	for _, a := range []string{"192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128"} {
		if err == nil {
			err = h.AddAddress("lo", netip.MustParsePrefix(a))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var k Kernel
	if err := h.Do(func() (err error) { k, err = OpenKernel(t.Context()); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	k = kernelOf{stayOpen{k}, h}
	// A session takes the size of the table when it begins, and Linux 7 has a table of size 0 until there is a service.
	first, others, _ := strings.Cut(trafficServices, "\n")
	if _, err := h.Output(t.Context(), strings.Fields("ipvsadm "+first)...); err != nil {
		t.Fatal(err)
	}
	d := newDebianSession(t, func(cmd *exec.Cmd) error { return h.Do(cmd.Start) })
	d.do(t, others+"\n")
	pass(t, h)
	names := new(SystemNames)
	const uncounted = "  0        0        0        0        0\n" // the kernel adds up every two seconds
	for end := time.Now().Add(patience); strings.Contains(d.do(t, "-L -n --stats\n"), uncounted); {
		if time.Now().After(end) {
			t.Fatal("not everything was counted")
		}
	}
	for _, listing := range []string{"-L -n -c", "-L -n -c --sort", "-L -n", "-L -n --persistent-conn", "-L -n --thresholds", "-L -n --stats",
		"-L -n --stats --exact", "-L -n --rate", "-L -n --rate --exact", "-L -n -t 192.0.2.1:8080 --stats --exact", "-L -n -u 192.0.2.1:8053 --stats"} {
		said := sameWhileItLasts(t, k, d, names, listing)
		t.Logf("%s:\n%s", listing, said)
		for _, needed := range map[string][]string{"-L -n -c": {"ESTABLISHED", "TIME_WAIT", "UDP", "[2001:db8::1]"}, "-L -n --stats": {"K"}}[listing] {
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

// kernelOf is the kernel as a host has it, for a program that is not there.
type kernelOf struct {
	stayOpen
	host *testlan.Host
}

func (k kernelOf) Connections() (table io.ReadCloser, err error) {
	err = k.host.Do(func() error {
		table, err = k.stayOpen.Connections()
		return err
	})
	return table, err
}

// Apply may open a socket.
func (k kernelOf) Apply(ctx context.Context, op ipvs.Op) error {
	return k.host.Do(func() error { return k.stayOpen.Apply(ctx, op) })
}

// sameWhileItLasts has ours list between two listings by Debian's, until these are equal: the time of connections goes by, and
// rates fall. It returns the listing.
func sameWhileItLasts(t *testing.T, k Kernel, d *debianSession, names Resolver, listing string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
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

// pass has servers on a host, makes connections to them, some of which stay, and sends packets, so many that the counters are shortened.
func pass(t *testing.T, h *testlan.Host) {
	t.Helper()
	open := func(what string, f func() (io.Closer, error)) {
		t.Helper()
		var c io.Closer
		if err := h.Do(func() (err error) { c, err = f(); return err }); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		t.Cleanup(func() { c.Close() })
	}
	for _, address := range []string{"192.0.2.2:8081", "[2001:db8::2]:8081"} {
		open(address, func() (io.Closer, error) {
			l, err := net.Listen("tcp", address)
			if err == nil {
				go echoConnections(l)
			}
			return l, err
		})
	}
	open("datagrams", func() (io.Closer, error) {
		l, err := net.ListenPacket("udp", "192.0.2.2:8054")
		if err == nil {
			go echoDatagrams(l)
		}
		return l, err
	})
	dial := func(network, address string) (c net.Conn) {
		t.Helper()
		open(address, func() (_ io.Closer, err error) {
			c, err = net.DialTimeout(network, address, patience)
			return c, err
		})
		_ = c.SetDeadline(time.Now().Add(patience))
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

// patience ends a wait for what does not come.
const patience = 10 * time.Minute

// echoConnections serves connections, of which it returns what comes.
func echoConnections(l net.Listener) {
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
}

// echoDatagrams returns datagrams.
func echoDatagrams(l net.PacketConn) {
	for b := make([]byte, 1<<16); ; {
		n, from, err := l.ReadFrom(b)
		if err != nil {
			return
		}
		_, _ = l.WriteTo(b[:n], from) // who gets nothing back says so
	}
}
