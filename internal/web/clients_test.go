package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/status"
)

// inMemory serves the real handler to clients in memory, in simulated time, until the test ends.
func inMemory(t *testing.T, test func(*testing.T, func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		for i := range 100 { // more than fits into buffers
			g := prometheus.NewGauge(prometheus.GaugeOpts{Name: fmt.Sprintf("number_%d", i), Help: strings.Repeat("x", 200)})
			reg.MustRegister(g)
		}
		h := NewHandler(Source{Metrics: reg, Unready: func() string { return "" }, Status: func() status.Status {
			return status.Status{Version: strings.Repeat("x", 50_000)}
		}}, quiet)
		l := make(pipes)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- Serve(ctx, l, h, quiet) }()
		var conns []net.Conn
		test(t, func() net.Conn {
			client, server := net.Pipe()
			l <- server
			conns = append(conns, client)
			return client
		})
		for _, c := range conns {
			c.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// ask asks for path and returns the status of the answer, read to its end.
func ask(t *testing.T, c net.Conn, path string) int {
	t.Helper()
	go fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return resp.StatusCode
}

// TestHonestClientsAreAnsweredSoon: whatever a hundred others do who never finish.
func TestHonestClientsAreAnsweredSoon(t *testing.T) {
	for rule, said := range map[string]string{
		"say nothing":                      "",
		"never finish a request":           "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
		"never finish a body":              "POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"take no answer":                   "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
		"keep the connection for later":    "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
		"want what there is not, and more": strings.Repeat("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 100),
	} {
		t.Run(rule, func(t *testing.T) {
			inMemory(t, func(t *testing.T, dial func() net.Conn) {
				const others = 100
				begun := time.Now()
				for range others {
					go io.WriteString(dial(), said)
				}
				// Who is answered in the very moment in which the wait for a place begins keeps his for that round and loses it in
				// the next: so nobody, one of them or honest, waits for more than two.
				if took := time.Since(begun); took > (others/maxConnections+1)*2*looks*lookTime {
					t.Errorf("%d of them took %v", others, took)
				}
				for _, path := range []string{"/healthz", "/metrics", "/status"} {
					begun := time.Now()
					if code := ask(t, dial(), path); code != http.StatusOK {
						t.Errorf("%s: %d", path, code)
					}
					if took := time.Since(begun); took > 2*looks*lookTime {
						t.Errorf("%s took %v", path, took)
					}
				}
			})
		})
	}
}

// TestClientsWhoAskWithoutEnd: those who ask again as soon as they are answered leave places to others.
func TestClientsWhoAskWithoutEnd(t *testing.T) {
	inMemory(t, func(t *testing.T, dial func() net.Conn) {
		var others sync.WaitGroup
		defer others.Wait()
		for range maxConnections {
			c := dial()
			defer c.Close()
			others.Go(func() {
				answers := bufio.NewReader(c)
				for {
					if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
						return
					}
					resp, err := http.ReadResponse(answers, nil)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					time.Sleep(lookTime / 2)
				}
			})
		}
		time.Sleep(looks * lookTime) // alone they keep their connections
		c := dial()
		if err := c.SetDeadline(time.Now().Add(looks * lookTime)); err != nil {
			t.Fatal(err)
		}
		if code := ask(t, c, "/healthz"); code != http.StatusOK {
			t.Errorf("%d", code)
		}
	})
}

// TestManyHonestClientsAtOnce: nobody who asks is sent away for others who ask.
func TestManyHonestClientsAtOnce(t *testing.T) {
	inMemory(t, func(t *testing.T, dial func() net.Conn) {
		const clients = 10 * maxConnections
		codes := make(chan int, clients)
		for range clients {
			c := dial()
			go func() { codes <- ask(t, c, "/healthz") }()
		}
		for range clients {
			if code := <-codes; code != http.StatusOK {
				t.Errorf("%d", code)
			}
		}
	})
}

// TestSlowClientsGiveWay: those who ask for something large and do not take it hold its places no longer than it takes
// another one to come.
func TestSlowClientsGiveWay(t *testing.T) {
	for _, path := range []string{"/metrics", "/status"} {
		inMemory(t, func(t *testing.T, dial func() net.Conn) {
			for range 3 * maxAnswers {
				go fmt.Fprintf(dial(), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
				synctest.Wait()
			}
			if code := ask(t, dial(), path); code != http.StatusServiceUnavailable {
				t.Errorf("%s while others are answered: %d", path, code)
			}
			if code := ask(t, dial(), "/healthz"); code != http.StatusOK {
				t.Errorf("/healthz: %d", code)
			}
			time.Sleep(patience)
			begun := time.Now()
			if code := ask(t, dial(), path); code != http.StatusOK {
				t.Errorf("%s: %d", path, code)
			}
			if took := time.Since(begun); took > looks*lookTime {
				t.Errorf("%s took %v", path, took)
			}
		})
	}
}
