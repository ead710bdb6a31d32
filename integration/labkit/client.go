package labkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// How long the client gives one request, connection set-up included. Where losses are counted it is shorter than the second
// after which a lost packet of the set-up is sent again; where they are not, a machine's stall does not matter.
const (
	timeout = 900 * time.Millisecond
	leisure = 10 * time.Second
)

// exchange asks once on an open connection. The whole answer must arrive before the deadline.
func exchange(c net.Conn, r *bufio.Reader, last bool) (name string, err error) {
	request := "GET / HTTP/1.1\r\nHost: lab\r\n\r\n"
	if last {
		request = "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
	}
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256))
	return string(body), err
}

// sourcePorts are the ports that the client asks from, one after the other. Left to itself the kernel, which goes through the ports
// for all namespaces together, soon gives one again; and IPVS goes on sending what comes from it to the server of the connection
// before, for two minutes, even when that was taken out since and nothing arrives. A client that begins later begins with later
// ports.
var sourcePorts atomic.Int64

const firstPort, portCount = 1024, 60000

func init() { sourcePorts.Store(time.Now().UnixMilli() / 5) }

func nextPort() int { return firstPort + int(sourcePorts.Add(1)%portCount) }

// dial connects from a source ("" = the one that leads there).
func dial(source, address string, timeout time.Duration) (net.Conn, error) {
	from := net.TCPAddr{IP: net.ParseIP(source)}
	if from.IP == nil && source != "" {
		return nil, fmt.Errorf("%q is no address", source)
	}
	for {
		from.Port = nextPort()
		c, err := (&net.Dialer{Timeout: timeout, LocalAddr: &from}).Dial("tcp", address)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return c, err
		}
	}
}

// ask makes one request on a new connection, within a time.
func ask(source, address string, timeout time.Duration) (string, error) {
	deadline := time.Now().Add(timeout)
	c, err := dial(source, address, timeout)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(deadline); err != nil {
		return "", err
	}
	return exchange(c, bufio.NewReader(c), true)
}

// recorder writes one line per request: start and end in nanoseconds since 1970, the server's name or -, the error.
type recorder struct {
	mu  sync.Mutex
	out *bufio.Writer
}

func (r *recorder) record(start time.Time, name string, err error) {
	complaint := ""
	if err != nil {
		name, complaint = "-", strings.ReplaceAll(err.Error(), "\n", " ")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%d %d %s %s\n", start.UnixNano(), time.Now().UnixNano(), name, complaint)
	r.out.Flush()
}

// terminated ends when the program is asked to stop, or the one that started it is gone.
func terminated() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
}

// probe starts a request on a new connection at every tick, whatever became of the others, until it is asked to stop; then
// it waits for those that are under way.
func probe(source, address string, every time.Duration) error {
	ctx, stop := terminated()
	defer stop()
	out := &recorder{out: bufio.NewWriter(os.Stdout)}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var under sync.WaitGroup
	for {
		select {
		case <-ctx.Done():
			under.Wait()
			return nil
		case <-tick.C:
			start := time.Now()
			under.Go(func() {
				name, err := ask(source, address, timeout)
				out.record(start, name, err)
			})
		}
	}
}

// estranged makes one request after the other, each on a new connection and as one that does not know the neighbour yet.
func estranged(address string, every time.Duration) error {
	ctx, stop := terminated()
	defer stop()
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	out := &recorder{out: bufio.NewWriter(os.Stdout)}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := forget(to.Addr()); err != nil {
				return err
			}
			start := time.Now()
			name, err := ask("", address, timeout)
			out.record(start, name, err)
		}
	}
}

// forget removes a neighbour from what this host knows.
func forget(ip netip.Addr) error {
	family := netlink.FAMILY_V4
	if ip.Is6() {
		family = netlink.FAMILY_V6
	}
	known, err := netlink.NeighList(0, family)
	if err != nil {
		return err
	}
	for _, n := range known {
		if n.IP.Equal(ip.AsSlice()) {
			if err := netlink.NeighDel(&n); err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
	}
	return nil
}

// hold makes its requests one after the other on a single connection, until that fails or it is asked to stop.
func hold(address string, every time.Duration) error {
	ctx, stop := terminated()
	defer stop()
	out := &recorder{out: bufio.NewWriter(os.Stdout)}
	start := time.Now()
	c, err := dial("", address, leisure)
	if err != nil {
		out.record(start, "", err)
		return err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		start := time.Now()
		err := c.SetDeadline(start.Add(leisure))
		name := ""
		if err == nil {
			name, err = exchange(c, r, false)
		}
		out.record(start, name, err)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// get makes n requests, each on a new connection, one after the other.
func get(source, address string, n int) error {
	out := &recorder{out: bufio.NewWriter(os.Stdout)}
	for range n {
		start := time.Now()
		name, err := ask(source, address, leisure)
		out.record(start, name, err)
	}
	return nil
}
