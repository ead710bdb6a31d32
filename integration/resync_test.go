package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// clients are connections to the service that say nothing unless they are asked to.
type clients struct {
	judge
	*labkit.Pair
	list []*silentClient
}

type silentClient struct {
	net.Conn
	read   *bufio.Reader
	server string
}

// connect opens n more connections, each with one request.
func (c *clients) connect(n int) {
	c.Helper()
	for range n {
		var conn net.Conn
		c.must(c.Client.Do(func() (err error) {
			conn, err = net.DialTimeout("tcp", labkit.HTTP.String(), time.Minute)
			return err
		}))
		c.Cleanup(func() { conn.Close() })
		one := &silentClient{Conn: conn, read: bufio.NewReader(conn)}
		server, err := one.ask()
		c.must(err)
		one.server = server
		c.list = append(c.list, one)
	}
}

// ask makes a request and returns who answered.
func (s *silentClient) ask() (server string, err error) { return s.askWithin(time.Minute) }

// askWithin is ask for the less patient.
func (s *silentClient) askWithin(limit time.Duration) (server string, err error) {
	if err := s.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(s, "GET / HTTP/1.1\r\nHost: vip\r\n\r\n"); err != nil {
		return "", err
	}
	r, err := http.ReadResponse(s.read, nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(r.Body)
	return string(body), errors.Join(err, r.Body.Close())
}

// live asks over every connection, the latest first, and fails unless each is answered by the server that it had.
func (c *clients) live(when string) {
	c.Helper()
	broken := 0
	for i, one := range slices.Backward(c.list) {
		server, err := one.ask()
		if err == nil && server == one.server {
			continue
		}
		if broken++; broken <= 3 {
			c.Logf("%s: connection %d to %s: %s, %v", when, i, one.server, server, err)
		}
	}
	if broken > 0 {
		c.Fatalf("%s: %d of %d connections are broken", when, broken, len(c.list))
	}
}

// told waits until the kernel of a director has been told of every connection: the other one's keeps what it has to tell for up to
// two seconds.
func (c *clients) told(director int) {
	c.Helper()
	c.must(until(wait(c), func() error {
		list, err := c.Directors[director].Host.Output(wait(c), "cat", "/proc/net/ip_vs_conn")
		if err != nil {
			return err
		}
		for _, one := range c.list {
			port := one.LocalAddr().(*net.TCPAddr).Port
			if !strings.Contains(list, fmt.Sprintf(" %04X C0000264 0050 ", port)) {
				return fmt.Errorf("d%d has not been told of port %d", director+1, port)
			}
		}
		return nil
	}))
}

// TestSilentConnectionsOutliveHandOvers: connections on which nothing is said while the director changes go on, also those which the
// director that comes back has never seen; its kernel is told of all of them before it takes over.
func TestSilentConnectionsOutliveHandOvers(t *testing.T) {
	testlan.RequireIPVS(t)
	if os.Getenv("VIGIL_TEST_KERNEL") == "" {
		t.Skip("depends on the kernel and takes it one to two minutes: it is one of those of `make test-kernels`")
	}
	for _, mode := range []labkit.Mode{labkit.DR, labkit.NAT} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			j := judge{t, true}
			c := &clients{judge: j, Pair: newPair(j, [2]labkit.Program{program(t, "vigil"), program(t, "vigil")}, mode)}
			s := labkit.Settings{Mode: mode, Version: 3, Advert: "1", Priority: [2]int{150, 100}, Globals: "  lvs_sync_daemon eth0 VI_1\n"}
			j.must(c.Up(wait(j), s))
			c.connect(20)
			j.must(c.Directors[0].Terminate()) // before the kernel has told of all of them
			j.must(c.WaitHolder(wait(j), 1))
			c.live("the master has stopped")
			c.connect(20)
			j.must(c.Directors[0].Start())
			j.must(c.WaitHolder(wait(j), 0))
			c.live("it has come back")

			c.told(1)
			j.must(c.Directors[0].Cable.Cut())
			j.must(c.WaitHolder(wait(j), 1))
			c.live("its cable was cut")
			c.connect(20)
			j.must(c.Directors[0].Cable.Mend())
			j.must(c.WaitHolder(wait(j), 0))
			c.live("its cable is back")

			j.must(c.Directors[1].Stop())
			c.connect(20)
			j.must(c.Directors[1].Start())
			j.must(until(wait(j), func() error {
				if _, is := c.Directors[1].Process.Log.Find("has told all its connections", time.Time{}); !is {
					return errors.New("the backup has not been told")
				}
				return nil
			}))
			j.must(c.Directors[0].Stop())
			j.must(c.WaitHolder(wait(j), 1))
			c.live("the backup was started anew, then the master stopped")
		})
	}
}
